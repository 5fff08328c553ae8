"""Wheels that are taken without what they ask for: found, fetched once by pip, or named with the command that helps."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterpoint.config import UserError, borrowed
from counterpoint.config.network import OFFLINE_VARIABLE

FILES = {
    "toy_wheel/__init__.py": "ANSWER = 42\n",
    "toy_wheel-1.0.dist-info/METADATA": (
        "Metadata-Version: 2.1\nName: toy-wheel\nVersion: 1.0\nRequires-Dist: nonesuch\n"
    ),
    "toy_wheel-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
}


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is all pip knows, and a list that asks for `toy-wheel`."""
    (tmp_path / "borrowed.txt").write_text("# a comment\ntoy-wheel==1.0\n", encoding="utf-8")
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(borrowed, "LIST", tmp_path / "borrowed.txt")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.delenv(OFFLINE_VARIABLE, raising=False)
    path = list(sys.path)
    borrowed._fetch.cache_clear()
    yield folder
    borrowed._fetch.cache_clear()
    sys.path[:] = path
    sys.modules.pop("toy_wheel", None)


def test_pip_fetches_a_wheel_once_and_without_what_it_asks_for(wheels: Path) -> None:
    with zipfile.ZipFile(wheels / "toy_wheel-1.0-py3-none-any.whl", "w") as wheel:
        for name, text in FILES.items():
            wheel.writestr(name, text)
        wheel.writestr("toy_wheel-1.0.dist-info/RECORD", "".join(f"{name},,\n" for name in FILES))
    assert borrowed.find_package("toy_wheel") is None
    with pytest.warns(UserWarning, match="fetches toy-wheel==1.0"):
        assert borrowed.borrow_module("toy_wheel").ANSWER == 42
    (wheels / "toy_wheel-1.0-py3-none-any.whl").unlink()
    borrowed._fetch.cache_clear()
    assert borrowed.borrow("toy_wheel") == borrowed.find_package("toy_wheel")


def test_what_cannot_be_fetched_is_named_with_the_command(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.warns(UserWarning), pytest.raises(UserError, match=r"run `pip install --no-deps toy-wheel==1\.0`"):
        borrowed.borrow("toy_wheel")
    assert not borrowed.can_borrow("toy_wheel")
    borrowed._fetch.cache_clear()
    monkeypatch.setenv(OFFLINE_VARIABLE, "1")
    with pytest.raises(UserError, match="the network may not be used"):
        borrowed.borrow("toy_wheel")


@pytest.mark.parametrize("package", ["tinysoundfont", "musicnn", "basic_pitch", "beat_this", "audiobox_aesthetics"])
def test_every_borrowed_wheel_has_a_version_and_is_here(package: str) -> None:
    assert borrowed.requirement_of(package).partition("==")[2]
    assert borrowed.find_package(package) is not None
