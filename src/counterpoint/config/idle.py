"""Keys that have no effect, such as the width of a word table where the text encoder is T5.

A field declares when it is idle, by a mark in its type:

    buckets: Annotated[Positive, IdleWhere("encoder", "t5")] = 8192

In a file or an option that a user writes, an idle key with another value than its default is a mistake and refused.
Files written by this package may hold idle keys, since a run stores all keys. Keys that only networks of another
paradigm read need no mark: each paradigm names its own (`config.schema`). Imports no torch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

_ABSENT = object()


@dataclass(frozen=True)
class IdleWhere:
    """Marks a field that is not read if another one has a certain value.

    Attributes:
        key: of the same group; or, with dots, from the top of the configuration.
        value: with which the marked field has no effect; or a function that decides this for a value.
        also: a second condition that must hold besides.
    """

    key: str
    value: Any
    also: IdleWhere | None = None

    def causes(self, group: BaseModel, *, top: BaseModel) -> list[tuple[str, Any]]:
        """The (key, value) pairs because of which the marked field has no effect; none if it has one.

        Args:
            group: the group of the marked field.
            top: the whole configuration.
        """
        found = _read(group if "." not in self.key else top, self.key)
        if found is _ABSENT or not (self.value(found) if callable(self.value) else found == self.value):
            return []
        further = [] if self.also is None else self.also.causes(group, top=top)
        return [(self.key, found), *further] if self.also is None or further else []


def idle_keys(config: BaseModel, *, only: Collection[str] | None = None) -> list[str]:
    """One message for each key that has no effect and is not at its default (`text.buckets has no effect ...`).

    Args:
        only: keys to look at; None looks at all.
    """
    return [
        f"{key} has no effect when {' and '.join(f'{other} is {_words(value)}' for other, value in causes)}: leave it "
        f"out, or change {causes[0][0]}"
        for key, causes in _idle(config, top=config, prefix="")
        if only is None or key in only
    ]


def _idle(group: BaseModel, *, top: BaseModel, prefix: str) -> Iterator[tuple[str, list[tuple[str, Any]]]]:
    """(key without effect, keys that cause this with their values)."""
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        marks = [mark for mark in field.metadata if isinstance(mark, IdleWhere)]
        in_force = [causes for mark in marks if (causes := mark.causes(group, top=top))]
        if in_force and value != field.get_default(call_default_factory=True):
            yield f"{prefix}{name}", in_force[0]
        else:
            for inner, key in _groups(value, name):
                yield from _idle(inner, top=top, prefix=f"{prefix}{key}.")


def _groups(value: Any, key: str) -> Iterator[tuple[BaseModel, str]]:
    """The groups among a value and its parts, each with its key."""
    if isinstance(value, BaseModel):
        yield value, key
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _groups(each, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _groups(each, f"{key}.{index}")


def _read(group: Any, key: str) -> Any:
    """The value of a key, or `_ABSENT`."""
    for name in key.split("."):
        group = getattr(group, name, _ABSENT)
    return group


def _words(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "empty" if value == () else str(value).lower() if isinstance(value, bool) else str(value)
