"""YAML to typed configuration, with errors that name the key and the remedy."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from counterpoint.config.documents import parse_yaml, quoted
from counterpoint.config.errors import UserError
from counterpoint.config.files import atomic_write, read_json
from counterpoint.config.idle import idle_keys
from counterpoint.config.text import printable, read_text

Model = TypeVar("Model", bound=BaseModel)
Kind = TypeVar("Kind")
_LONGEST_PLACE = 100
SAVED = {"saved": True}
"""Validation context for files written by this package, which may hold keys that users may no longer give."""


def load_yaml(
    path: Path,
    kind: type[Model],
    *,
    overrides: list[str] | None = None,
    scale: str | None = None,
    refuse_idle: bool = False,
    saved: bool = False,
) -> Model:
    """Read a YAML file of small deltas on typed defaults.

    Its key `scales`, if any, names further deltas, of which one is laid over the rest.

    Args:
        path: the file.
        kind: the pydantic model it describes.
        overrides: `key.sub=value` strings, the values read as YAML.
        scale: one of the file's scales; by default its first.
        refuse_idle: a key without effect (`config.idle`) is an error, as in a file that a user writes.
        saved: whether this package wrote the file.

    Raises:
        UserError: missing file, malformed YAML, unknown key (with the nearest known one), a value that does not fit, or
            a key without effect.
    """
    values = laid_out(read_yaml(path), scale=scale, overrides=overrides or (), source=str(path))
    config = parse(values, kind, source=str(path), saved=saved)
    if refuse_idle:
        check_effects(config, source=str(path))
    return config


def check_effects(config: BaseModel, *, source: str, only: Collection[str] | None = None) -> None:
    """Refuse keys that have no effect.

    Args:
        only: keys to check; None checks all.

    Raises:
        UserError: naming them, and `source`.
    """
    if idle := idle_keys(config, only=only):
        raise UserError(f"{source}: {'; '.join(idle)}.")


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a file, unchanged.

    Raises:
        UserError: missing file, malformed YAML, or no mapping.
    """
    values = parse_yaml(read_text(path, what="configuration file"), source=str(path)) or {}
    if not _is_group(values):
        raise UserError(f"{path} must be a mapping of keys to values.")
    return values


def laid_out(
    values: Mapping[str, Any],
    *,
    scale: str | None,
    overrides: Sequence[str],
    source: str,
    common: Mapping[str, Mapping[str, Any]] | None = None,
    over: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The values of a file for one of its scales, with the overrides.

    Args:
        values: as `read_yaml` returns them.
        source: of the values, for errors.
        common: by scale, values that many files share; the file's own values take precedence.
        over: values that take precedence over all of these, but not over the overrides.
    """
    scales = values.get("scales") or {}
    if not _is_group(scales) or not all(each is None or _is_group(each) for each in scales.values()):
        raise UserError(f"{source}: scales must name groups of keys, as in `scales: {{quick: {{steps: 100}}}}`.")
    if scale is None and scales:
        scale = next(iter(scales))
    if scale is not None and scale not in scales:
        known = f"its scales are {', '.join(scales)}." if scales else "it has only one: leave out the scale."
        raise UserError(f"{source} has no scale {quoted(scale)}; {known}")
    own = {key: value for key, value in values.items() if key != "scales"}
    found = _merged(dict((common or {}).get(scale or "", {})), own)
    if scale is not None:
        found = _merged(found, scales[scale] or {})
    found = deepcopy(_merged(found, dict(over or {})))  # overrides change it in place
    for override in overrides:
        _apply_override(found, override)
    return found


def parse(values: dict[str, Any], kind: type[Model], *, source: str, saved: bool = False) -> Model:
    """Validate `values` as `kind`; see `load_yaml` for the arguments and errors."""
    try:
        return kind.model_validate(values, context=SAVED if saved else None)
    except ValidationError as error:
        raise UserError(f"{source}: {'; '.join(_explain(item, kind) for item in error.errors())}") from None


def read_saved(path: Path, kind: type[Kind], *, remedy: str) -> Kind:
    """Read a JSON file that this package wrote.

    Args:
        kind: its type: a model, a dataclass, or a mapping or list of such.
        remedy: what to do with a file that another version wrote, an imperative.

    Raises:
        UserError: the file cannot be read, or does not have this type.
    """
    try:
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        raise unreadable(path, error, remedy=remedy) from None


def unreadable(path: Path, error: ValidationError, *, remedy: str) -> UserError:
    """The error for a file of this package that does not have the type of this version."""
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"]))
    at = f" at {printable(place[:_LONGEST_PLACE])}" if place else ""
    return UserError(
        f"{path} was written by another version of counterpoint, or is damaged{at} ({first['msg']}): {remedy}."
    )


def read_settings(texts: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts of a command line as a mapping, the values read as YAML.

    Raises:
        UserError: a text does not have this form.
    """
    values: dict[str, Any] = {}
    for text in texts:
        _apply_override(values, text)
    return values


def as_overrides(settings: Mapping[str, Any]) -> list[str]:
    """The `key=value` texts for settings by key: the inverse of `read_settings`."""
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in settings.items()]  # JSON is YAML


def dump_yaml(path: Path, config: BaseModel, *, header: str = "") -> None:
    """Write a configuration in full, atomically."""
    text = header + yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`values` with `changes` applied, group by group; null removes a key, which then has its default."""
    merged = dict(values)
    for key, change in changes.items():
        group = merged.get(key)
        merged[key] = _merged(group, change) if isinstance(group, dict) and isinstance(change, dict) else change
    return {key: value for key, value in merged.items() if changes.get(key, value) is not None}


def _apply_override(values: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator:
        raise UserError(
            f"The setting {quoted(override)} must have the form key=value, as in optimizer.learning_rate=1e-4."
        )
    *parents, leaf = key.split(".")
    for parent in parents:
        if not isinstance(values.setdefault(parent, {}), dict):
            raise UserError(
                f"The override {quoted(override)} sets a key below {parent!r}, which is not a group of keys."
            )
        values = values[parent]
    values[leaf] = parse_yaml(text, source=f"The value of the setting {quoted(override)}")


def _is_group(value: Any) -> bool:
    """A mapping whose keys are all words: in YAML a key may be a number, a date or nothing."""
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _explain(item: Any, kind: type[BaseModel]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] != "extra_forbidden":
        message = item["msg"].removeprefix("Value error, ").rstrip(".")
        got = (
            "" if isinstance(item["input"], Mapping) else f" (got {quoted(item['input'])})"
        )  # a whole group is not worth quoting
        return f"{key}: {message}{got}" if key else message
    known = _known_keys(kind, location[:-1])
    near = _paths_of(location[-1], kind) or difflib.get_close_matches(location[-1], known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"the keys there are {', '.join(sorted(known))}."
    return f"unknown key {key!r}; {remedy}"


def _paths_of(leaf: str, kind: type[BaseModel]) -> list[str]:
    """Full paths of the keys with exactly that name, in any group, the shallowest first."""
    return sorted((path for path in key_paths(kind) if path.split(".")[-1] == leaf), key=lambda path: path.count("."))


def key_paths(kind: type[BaseModel], *, prefix: str = "") -> Iterator[str]:
    """The full path of every key of a configuration, groups and the keys in them."""
    for name, field in kind.model_fields.items():
        yield f"{prefix}{name}"
        for inner in group_types(field.annotation):
            yield from key_paths(inner, prefix=f"{prefix}{name}.")


def group_types(annotation: Any) -> list[type[BaseModel]]:
    """The configurations that a field of this type may hold: none for a plain value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType, Annotated):
        return [inner for each in get_args(annotation) for inner in group_types(each)]
    return []


def _known_keys(kind: type[BaseModel], parents: list[str]) -> list[str]:
    for parent in parents:
        field = kind.model_fields.get(parent)
        inner = group_types(field.annotation) if field is not None else []
        if len(inner) != 1:
            return []
        kind = inner[0]
    return list(kind.model_fields)
