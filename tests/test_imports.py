"""No two modules need each other, in whatever place of a module an import stands."""

from __future__ import annotations

import ast
from pathlib import Path

import counterpoint

ROOT = Path(counterpoint.__file__).parent


def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    names = {
        path: ".".join(("counterpoint", *path.relative_to(ROOT).with_suffix("").parts)) for path in ROOT.rglob("*.py")
    }
    return {name.removesuffix(".__init__"): path for path, name in names.items()}


def imported(path: Path, known: dict[str, Path]) -> set[str]:
    """The modules of the package that a module imports, at its top, within functions or for type checkers alone."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in known else node.module for name in inner}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & known.keys()


def cycles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Modules that are left when those that import nothing, or that nothing imports, are taken away again and again."""
    left = {name: set(targets) - {name} for name, targets in graph.items()}
    while True:
        needed = set().union(*left.values()) if left else set()
        kept = {name: targets & left.keys() for name, targets in left.items()}
        kept = {name: targets for name, targets in kept.items() if targets and name in needed}
        if kept == left:
            return [[name, *sorted(targets)] for name, targets in sorted(left.items())]
        left = kept


def test_a_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == [["b", "c"], ["c", "b"]]
    assert not cycles({"a": {"b"}, "b": {"c"}, "c": set()})


def test_no_imports_are_cyclic() -> None:
    known = modules()
    assert len(known) > 300
    graph = {name: imported(path, known) for name, path in known.items()}
    assert graph["counterpoint.training.generative"] >= {"counterpoint.runs", "counterpoint.data.batches"}
    assert not cycles(graph)
