"""The reference of distances: nothing that a model was trained on, and nothing that was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.data import save_dataset
from counterpoint.results.parts import Prompts, Window
from counterpoint.study.unheard import unheard_music


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a dataset of rows of `seconds`, so many a split."""

    def write(*, seconds: float, **rows: int) -> Path:
        found = {}
        for split in ("train", "valid", "test"):
            found[split] = []
            for index in range(rows.get(split, 0)):
                name = f"{split}{index}"
                save_audio(tmp_path / f"{name}.wav", np.zeros(round(100 * seconds), np.float32), sample_rate=100)
                row = {"id": name, "audio": f"{name}.wav", "caption": "", "duration_s": seconds}
                found[split].append({**row, "sample_rate": 100, "channels": 1})
        save_dataset(tmp_path, found, info={"name": "toy", "kind": "test"})
        return tmp_path

    return write


def prompts(*windows: tuple[str, float], duration_s: float = 1.0) -> Prompts:
    return Prompts(
        duration_s=duration_s,
        windows=tuple(Window(id=f"{row}-{start:g}", row=row, start_s=start) for row, start in windows),
    )


def test_no_track_that_was_trained_on_or_asked_is_in_it(dataset: Callable[..., Path]) -> None:
    found = unheard_music(dataset(seconds=1.0, train=6, valid=3, test=3), prompts(("test0", 0), ("test1", 0)))
    assert {clip.id for clip in found.clips} == {"test2", "valid0", "valid1", "valid2"}
    assert "4 tracks from which no prompt was cut" in found.note and "no model was trained on" in found.note


def test_other_parts_of_the_tracks_that_were_asked_fill_up_and_are_told_of(dataset: Callable[..., Path]) -> None:
    found = unheard_music(dataset(seconds=3.0, train=3, test=2), prompts(("test0", 1.0), ("test1", 0.0)))
    parts = {(clip.id, clip.start_s) for clip in found.clips}
    assert parts == {("test0", 0.0), ("test0", 2.0), ("test1", 1.0), ("test1", 2.0)}
    assert "4 other parts of the prompts' own tracks" in found.note


def test_of_others_music_all_splits_count(dataset: Callable[..., Path]) -> None:
    folder = dataset(seconds=1.0, train=3, test=1)
    found = unheard_music(folder, prompts(("test0", 0)), splits=("test", "valid", "train"))
    assert {clip.id for clip in found.clips} == {"train0", "train1", "train2"}


def test_where_nothing_is_left_the_remedy_is_named(dataset: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"nothing but the prompts themselves.*add music"):
        unheard_music(dataset(seconds=1.0, train=3, test=1), prompts(("test0", 0)))
