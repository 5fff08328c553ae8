"""The reference of distances: nothing that a model was trained on, and nothing that was asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.data import save_dataset
from counterpoint.results.parts import Prompts, Window
from counterpoint.study.reference import reference_music


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
    folder = dataset(seconds=1.0, train=6, valid=6, test=6)
    clips, about = reference_music(folder, prompts(("test0", 0), ("test1", 0)), training=folder)
    assert {clip.id for clip in clips} == {"test2", "test3", "test4", "test5", *(f"valid{index}" for index in range(6))}
    assert (about.tracks, about.parts, about.trained) == (10, 0, 0)
    assert "10 tracks from which no prompt was taken. No model was trained on any of it." in about.note


def test_other_parts_of_the_tracks_that_were_asked_fill_up_and_are_told_of(dataset: Callable[..., Path]) -> None:
    folder = dataset(seconds=5.0, train=3, test=2)
    clips, about = reference_music(folder, prompts(("test0", 1.0), ("test1", 0.0)), training=folder)
    parts = {(clip.id, clip.start_s) for clip in clips}
    assert parts == {
        ("test0", 0.0),
        *(("test0", at) for at in (2.0, 3.0, 4.0)),
        *(("test1", 1.0 + at) for at in range(4)),
    }
    assert "8 other parts of the prompts' own tracks" in about.note and not about.trained


def test_where_too_little_is_left_the_training_music_joins_and_that_is_counted(dataset: Callable[..., Path]) -> None:
    folder = dataset(seconds=1.0, train=9, test=2)
    clips, about = reference_music(folder, prompts(("test0", 0)), training=folder)
    assert len(clips) == 10 and about.trained == 9
    assert "Models were trained on 9 of them" in about.note


def test_a_judge_that_is_given_training_music_is_found_out_whatever_it_is_called(
    dataset: Callable[..., Path], tmp_path: Path
) -> None:
    folder = dataset(seconds=1.0, train=9, valid=1, test=1)
    asked = prompts(("test0", 0))
    others = ("test", "valid", "train")
    assert reference_music(folder, asked, splits=others, training=folder)[1].trained == 9
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    assert reference_music(tmp_path / "link", asked, splits=others, training=folder)[1].trained == 9
    assert reference_music(folder, asked, splits=others)[1].trained == 0, "nothing was trained"
