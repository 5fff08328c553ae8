"""The code version of a step: a digest of the source that its result may depend on, found through its imports.

It is provenance: it distinguishes results of different code, but does not invalidate any.

Starting from the module that defines a step's function, every import of this package is followed, including those in
functions. An import of `counterpoint.metrics.anything` includes the whole of `counterpoint/metrics` (with data files
such as weights), so that lazy and re-exporting `__init__` modules hide nothing; within `counterpoint.study` each module
counts alone, and a subpackage as a whole. Comments, docstrings, formatting and imports for type checking do not count.
Neither do other installed packages: a report states their versions, but a step does not run again because of them.
"""

from __future__ import annotations

import ast
import hashlib
from functools import cache
from pathlib import Path

from counterpoint.package import ROOT

_COUNTED_SINGLY = ("study", "results")
"""Packages that contain little more than the common parts of their steps."""
_BESIDE = tuple(f"{ROOT.name}.{name}" for name in ("study.workload", "study.engine", "bench.workload"))
"""Modules by which steps say what they would take: no result depends on them."""
_IGNORED = {"__pycache__", ".DS_Store"}


def code_version(source: Path) -> str:
    """Sixteen hexadecimal digits for the module at `source` and everything in this package that it reaches."""
    reached = {source.resolve()}
    waiting = list(reached)
    while waiting:
        for file in _module_files(waiting.pop()):
            for unit in _imported_units(file) - reached:
                reached.add(unit)
                waiting.append(unit)
    content = hashlib.sha256()
    for unit in sorted(reached):
        for file in _all_files(unit):
            content.update(str(file.relative_to(unit.parent)).encode() + b"\0" + _file_digest(file))
    return content.hexdigest()[:16]


def _module_files(unit: Path) -> list[Path]:
    return [file for file in _all_files(unit) if file.suffix == ".py"]


def _all_files(unit: Path) -> list[Path]:
    if unit.is_file():
        return [unit]
    return sorted(path for path in unit.rglob("*") if path.is_file() and not _IGNORED & set(path.parts))


@cache
def _imported_units(file: Path) -> set[Path]:
    """The files and folders of this package that a module's imports name."""
    names: set[str] = set()
    for node in _runtime_nodes(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {unit for name in names if not name.startswith(_BESIDE) and (unit := _unit(name)) is not None}


def _runtime_nodes(node: ast.AST) -> list[ast.AST]:
    """All nodes below `node` except those under `if TYPE_CHECKING:`."""
    found: list[ast.AST] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
            continue
        found.append(child)
        found.extend(_runtime_nodes(child))
    return found


def _unit(name: str) -> Path | None:
    """The unit of an imported dotted name: its module in a package whose modules count alone, else the package."""
    parts = name.split(".")
    if parts[0] != ROOT.name or len(parts) == 1:
        return None
    singly = parts[1] in _COUNTED_SINGLY
    for end in range(len(parts) if singly else 2, 1, -1):
        path = ROOT.joinpath(*parts[1:end])
        if path.is_dir() and not singly:
            return path
        for module in (path.with_suffix(".py"), path / "__init__.py"):
            if module.is_file():
                return module
    return None


@cache
def _file_digest(file: Path) -> bytes:
    content = file.read_bytes()
    if file.suffix == ".py":
        content = _code_alone(content)
    return hashlib.sha256(content).digest()


def _code_alone(source: bytes) -> bytes:
    """Python source without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            node.body = [child for child in node.body if not _is_text(child)]
    return ast.dump(tree).encode()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
