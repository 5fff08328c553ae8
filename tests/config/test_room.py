"""Requests that do not fit are refused before anything starts, however large their numbers are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterpoint.compose import compose
from counterpoint.config import UserError
from counterpoint.config.room import require_disk, require_memory
from counterpoint.config.workers import MOST, Workers, check_count


def test_what_fits_is_let_be(tmp_path: Path) -> None:
    require_memory(1000, needs="It needs", remedy="ask for less", free=1000)
    require_disk(1, place=tmp_path / "not" / "there" / "yet.wav", needs="It needs", remedy="ask for less")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (3 * 2**20, "3.0 MiB"),
        (2**31, "2.0 GiB"),
        (10**15, "909.5 TiB"),
        (10**400, "1,152,921,504,606,846,976.0 TiB"),
        (float("inf"), "TiB"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(size: float, words: str) -> None:
    with pytest.raises(UserError) as refused:
        require_memory(size, needs="8 clips need", remedy="choose fewer", free=2**20)
    assert str(refused.value).startswith("8 clips need ") and words in str(refused.value)
    assert str(refused.value).endswith(", but only 1.0 MiB of memory are free: choose fewer.")


def test_the_disk_is_that_of_the_nearest_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    def usage(place: Path) -> object:
        asked.append(place)
        return type("Usage", (), {"free": 2**20})

    monkeypatch.setattr(shutil, "disk_usage", usage)
    with pytest.raises(UserError, match=r"only 1\.0 MiB of disk at .* are free"):
        require_disk(2**21, place=tmp_path / "a" / "b", needs="It needs", remedy="ask for less")
    assert asked == [tmp_path]


@pytest.mark.parametrize("clips", [10**7, 10**12, 10**400])
def test_a_corpus_that_no_disk_holds_is_not_begun(clips: int, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"clips of 600 s need .* are free"):
        compose(tmp_path / "out", clips=clips, duration_s=600, seed=0)
    assert not list(tmp_path.iterdir())


def test_processes_are_counted_before_they_start() -> None:
    check_count(MOST, option="--jobs")
    for count in (0, -1, MOST + 1, 10**30):
        with pytest.raises(UserError, match=f"--jobs {count} is out of range"):
            check_count(count, option="--jobs")
    with pytest.raises(UserError, match="--workers"):
        Workers(MOST + 1)
    assert Workers(MOST + 1, address="head:6379").count == MOST + 1
