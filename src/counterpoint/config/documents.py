"""Untrusted JSON and YAML as plain values, with limits on size, depth and type. Imports no torch."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Mapping
from typing import Any

import yaml

from counterpoint.config.errors import UserError

_DEEPEST_YAML = 50
_MOST_YAML_VALUES = 100_000
"""Counted with every alias expanded: nine lines of aliases can stand for a billion values."""
_LONGEST_YAML = 1 << 21
"""Characters."""
_NOT_DECIMAL = re.compile(r"[-+]?(0[0-7_]+|[0-9_.]+(:[0-9_.]+)+)")
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_quoting = reprlib.Repr()
_quoting.maxstring = _quoting.maxother = _quoting.maxlong = 80
_quoting.maxlevel = 3


def quoted(value: Any) -> str:
    """A value as a message quotes it, however long, deep or recursive it is."""
    return _quoting.repr(value)


def parse_json(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        ValueError: with a description of the fault (`is not valid JSON (...)`). This includes a text that
            is nested too deeply, a number of too many digits, and half a character (\\ud800), which no text file holds.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not valid JSON ({error.msg}, line {error.lineno}, column {error.colno})") from None
    except ValueError:  # Python's limit on the digits of an integer
        raise ValueError("holds a number of too many digits") from None
    if _HALF_CHARACTER.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("holds half a character (a lone surrogate)") from None
    return value


class _Loader(yaml.SafeLoader):
    """Plain values alone, to a bounded depth (the composer calls itself for every level), and none that is silently
    another one: a key that is there twice, and numbers that YAML 1.1 does not read as decimal ones (010 is 8, 1:30 is
    90)."""

    def __init__(self, text: str):
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self._depth += 1
        if self._depth > _DEEPEST_YAML:
            raise ValueError(f"nested more than {_DEEPEST_YAML} levels deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise ValueError(f"the key {key.value} is used twice, again in line {key.start_mark.line + 1}")
                seen.add(key.value)
        return node

    def construct_number(self, node: Any) -> Any:
        if _NOT_DECIMAL.fullmatch(node.value):
            raise ValueError(f"the number {node.value} has a leading zero or a colon; write it as a decimal number")
        return super().construct_yaml_int(node) if node.tag.endswith(":int") else super().construct_yaml_float(node)


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _Loader.construct_number)


def parse_yaml(text: str, *, source: str) -> Any:
    """The value of a YAML text: mappings, lists, texts, numbers, truth values, dates.

    Args:
        source: what it is, for the message.

    Raises:
        UserError: it is no YAML, needs code to be read, or goes beyond the bounds of size, depth and aliases.
    """
    try:
        if len(text) > _LONGEST_YAML:
            raise ValueError(f"longer than {_LONGEST_YAML:,} characters")
        value = yaml.load(text, _Loader)
        _check_size(value)
    except Exception as error:  # a bad date, number or tag raises whatever its conversion does
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{source} is not valid YAML ({reason[:200]}); correct it.") from None
    return value


def _check_size(value: Any) -> None:
    waiting, seen = [(value, 0)], 0
    while waiting:
        each, depth = waiting.pop()
        seen += 1
        if seen > _MOST_YAML_VALUES:
            raise ValueError(f"more than {_MOST_YAML_VALUES:,} values, with aliases written out")
        if depth > _DEEPEST_YAML:
            raise ValueError("an alias that contains itself")
        if isinstance(each, Mapping):
            waiting += [(part, depth + 1) for part in (*each, *each.values())]
        elif isinstance(each, list | tuple | set):
            waiting += [(part, depth + 1) for part in each]
