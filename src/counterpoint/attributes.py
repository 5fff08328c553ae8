"""Fields of configuration classes from their source code: type, default, and the docstring below each.

The source is read without importing or running anything, so that a command line can offer settings quickly.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Attribute:
    """A field of a class.

    Attributes:
        annotation: its type, as written.
        default: its default, as written; "" without one.
        meaning: its docstring, on one line; "" without one.
    """

    name: str
    annotation: str
    default: str
    meaning: str


@dataclass(frozen=True)
class Described:
    """A class.

    Attributes:
        bases: names of its base classes.
        meaning: the first line of its docstring.
        attributes: its own fields, in order; class variables with a plain value are in `constants` instead.
        constants: values by name.
    """

    bases: tuple[str, ...]
    meaning: str
    attributes: Mapping[str, Attribute]
    constants: Mapping[str, str]


@cache
def classes_in(path: Path) -> Mapping[str, Described]:
    """The classes of a module by name, in order."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name: _described(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _described(node: ast.ClassDef) -> Described:
    attributes, constants = {}, {}
    for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
        if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
            continue
        name, annotation = statement.target.id, ast.unparse(statement.annotation)
        if annotation.startswith("ClassVar"):
            if isinstance(statement.value, ast.Constant):
                constants[name] = str(statement.value.value)
            continue
        default = "" if statement.value is None else ast.unparse(statement.value)
        attributes[name] = Attribute(name, annotation, default, _text(following))
    meaning = (ast.get_docstring(node) or "").partition("\n")[0]
    return Described(tuple(map(ast.unparse, node.bases)), meaning, attributes, constants)


def _text(node: ast.stmt | None) -> str:
    """The text of a statement that consists of a string."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""
