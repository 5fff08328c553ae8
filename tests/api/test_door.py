"""`import counterpoint as cp`: what it offers, and that it asks for nothing in advance."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import counterpoint as cp
from counterpoint import package


def test_importing_it_imports_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import counterpoint; print(sorted(set(sys.modules) - before))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    mine = {name for name in ast.literal_eval(printed) if name.startswith("counterpoint") or "." not in name}
    assert mine <= {"counterpoint", "counterpoint.lazy", "counterpoint.package"} | SMALL


SMALL = set(sys.stdlib_module_names)


def test_every_name_is_there_and_type_checkers_see_the_same_ones() -> None:
    assert cp.__version__ == package.VERSION
    for name in dir(cp):
        assert getattr(cp, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = cp.no_such_name
    tree = ast.parse(Path(cp.__file__).read_text(encoding="utf-8"))
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen | {"__version__"} == set(dir(cp))
    assert (package.ROOT / "py.typed").is_file()


def test_what_can_be_put_right_is_one_kind_of_error() -> None:
    for ask in (
        lambda: cp.load_codec("pockett"),
        lambda: cp.run_study("quik"),
        lambda: cp.analyze("no-such.wav"),
        lambda: cp.evaluate([], []),
        lambda: cp.train_model({"model": {}, "stepz": 1}, out="x"),
        lambda: cp.Sound([0.0], 0),
    ):
        with pytest.raises(cp.UserError) as refused:
            ask()
        assert "\n" not in str(refused.value)


def test_what_ships_is_listed() -> None:
    assert {"pocket_autoregressive", "pocket_flow_matching"} <= {model.name for model in cp.models()}
    assert "pocket" in {codec.name for codec in cp.codecs()}
    assert "quick" in {study.name for study in cp.studies()}
