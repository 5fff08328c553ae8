"""Keys that have no effect, such as the width of a word table where the text encoder is T5.

A field says itself where it is idle, by a mark beside its type:

    buckets: Annotated[Positive, IdleWhere("encoder", "t5")] = 8192

In a file that a user writes, an idle key with another value than its default is a mistake and refused. What a program
wrote is read as it is, since a run keeps all keys. Keys that only networks of another paradigm read need no mark: each
paradigm names its own (`config.schema`). Imports no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

_ABSENT = object()


@dataclass(frozen=True)
class IdleWhere:
    """The mark of a field that is not read where another one has a certain value.

    Attributes:
        key: of the same group; or, with dots, from the top of the configuration.
        value: with which the marked field has no effect.
    """

    key: str
    value: Any


def idle_keys(config: BaseModel) -> list[str]:
    """Of each key that has no effect and is not at its default, what is wrong (`text.buckets has no effect ...`)."""
    return [
        f"{key} has no effect where {mark.key} is {_words(mark.value)}: leave it out, or change {mark.key}"
        for key, mark in _idle(config, top=config, prefix="")
    ]


def _idle(group: BaseModel, *, top: BaseModel, prefix: str) -> Iterator[tuple[str, IdleWhere]]:
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        marks = [mark for mark in field.metadata if isinstance(mark, IdleWhere)]
        in_force = [mark for mark in marks if _read(group if "." not in mark.key else top, mark.key) == mark.value]
        if in_force and value != field.get_default(call_default_factory=True):
            yield f"{prefix}{name}", in_force[0]
        else:
            for inner, key in _groups(value, name):
                yield from _idle(inner, top=top, prefix=f"{prefix}{key}.")


def _groups(value: Any, key: str) -> Iterator[tuple[BaseModel, str]]:
    """The groups that a value is or holds, each with its key."""
    if isinstance(value, BaseModel):
        yield value, key
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _groups(each, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _groups(each, f"{key}.{index}")


def _read(group: Any, key: str) -> Any:
    """The value of a key; of none that is there, `_ABSENT`, which nothing equals."""
    for name in key.split("."):
        group = getattr(group, name, _ABSENT)
    return group


def _words(value: Any) -> str:
    return "empty" if value == () else str(value).lower() if isinstance(value, bool) else str(value)
