"""A configuration with the meaning and the default of every key."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from counterpoint.attributes import classes_in
from counterpoint.config.load import group_types


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        path: from the top, such as `optimizer.betas`.
        value: in the configuration, plain; None of a group and of a key that must be set and is not.
        default: plain; None where there is none.
        is_required: whether it has no default.
        is_group: whether it holds keys, which follow.
        owner: the paradigm that alone reads it, in words; "" for a key that all paradigms read.
        meaning: in words; "" if its name is clear enough.
    """

    path: str
    value: Any
    default: Any
    is_required: bool
    is_group: bool
    owner: str
    meaning: str


def explain(
    kind: type[BaseModel], config: BaseModel | None = None, *, default: BaseModel | None = None, prefix: str = ""
) -> Iterator[Key]:
    """Every key of a configuration, groups before their keys.

    Args:
        kind: its class.
        config: its values; None shows the defaults.
        default: the values that apply if none are set, for a group whose own class has other defaults.
        prefix: of all paths.
    """
    for name, field in kind.model_fields.items():
        usual = _default(field) if default is None else getattr(default, name)
        shown = usual if config is None else getattr(config, name)
        groups = [type(shown)] if isinstance(shown, BaseModel) else group_types(field.annotation)[:1]
        is_group = bool(groups) and (isinstance(shown, BaseModel) or field.is_required())
        yield Key(
            path=f"{prefix}{name}",
            value=None if is_group else _plain(shown),
            default=None if is_group else _plain(usual),
            is_required=field.is_required() and default is None,
            is_group=is_group,
            owner=owner_of(kind, name),
            meaning=meaning_of(kind, name),
        )
        if is_group:
            yield from explain(
                groups[0],
                shown if isinstance(shown, BaseModel) else None,
                default=usual if isinstance(usual, groups[0]) else None,
                prefix=f"{prefix}{name}.",
            )


def _default(field: FieldInfo) -> Any:
    """None if it has none."""
    found = field.get_default(call_default_factory=True, validated_data={})
    return None if found is PydanticUndefined else found


def meaning_of(kind: type[BaseModel], name: str) -> str:
    """The string below a field, in the class that declares it."""
    declaring = _declaring(kind, name)
    described = classes_in(Path(inspect.getfile(declaring))).get(declaring.__name__)
    return described.attributes[name].meaning if described and name in described.attributes else ""


def owner_of(kind: type[BaseModel], name: str) -> str:
    """The `owner` of the class that declares a field; "" if it has none."""
    return vars(_declaring(kind, name)).get("owner", "")


def _declaring(kind: type[BaseModel], name: str) -> type:
    return next(each for each in kind.__mro__ if name in inspect.get_annotations(each))


def to_yaml(keys: Iterator[Key]) -> str:
    """Keys as a commented YAML file, which says the same if it is read again."""
    lines = []
    for key in keys:
        depth = key.path.count(".")
        indent, name = "  " * depth, key.path.split(".")[-1]
        words = [f"Only {key.owner} reads this key."] if key.owner else []
        words += [key.meaning] if key.meaning else []
        lines += [f"{indent}# {' '.join(words)}"] if words else []
        if key.is_group:
            lines.append(f"{indent}{name}:")
        elif key.is_required and key.value is None:
            lines.append(f"{indent}# {name}: must be set")
        else:
            changed = "" if key.is_required or key.value == key.default else f"  # default: {_text(key.default)}"
            lines.append(f"{indent}{name}: {_text(key.value)}{changed}")
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _text(value: Any) -> str:
    """A value as YAML on one line."""
    import json

    import yaml

    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return yaml.safe_dump(value, allow_unicode=True, width=1_000_000).removesuffix("\n...\n").strip()
