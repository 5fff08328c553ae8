"""Pages, reports and claims stay in pieces that can be read at a sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import counterpoint

ROOT = Path(counterpoint.__file__).parent
FILE, FUNCTION = 400, 60
"""Lines at most."""


def longer(source: str, *, than: int) -> dict[str, int]:
    """Functions with more lines, by name."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    sizes = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    return {name: size for name, size in sizes.items() if size > than}


def test_a_long_function_is_found() -> None:
    assert longer("def short():\n    pass\n\ndef long():\n    a = 1\n    return a\n", than=2) == {"long": 3}


@pytest.mark.parametrize("package", ["study", "report", "claims"])
def test_no_file_and_no_function_is_long(package: str) -> None:
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / package).rglob("*.py")}
    assert len(sources) > 2
    files = {str(path.relative_to(ROOT)): len(source.splitlines()) for path, source in sources.items()}
    assert not {name: lines for name, lines in files.items() if lines > FILE}
    assert not {
        str(path.relative_to(ROOT)): found
        for path, source in sources.items()
        if (found := longer(source, than=FUNCTION))
    }
