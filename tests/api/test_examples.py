"""What docstrings show is what happens."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest


@pytest.mark.parametrize("name", ["codec", "configuration", "model", "music", "study"])
def test_examples_do_what_they_show(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = import_module(f"counterpoint.api.{name}")
    found = doctest.testmod(module, optionflags=doctest.ELLIPSIS, report=True)
    assert found.attempted > 1 and not found.failed
