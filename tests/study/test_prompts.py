"""The held-out windows: as many tracks as there are, never training music, silence left out."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from counterpoint.audio import load_audio, save_audio
from counterpoint.config import UserError
from counterpoint.data import save_dataset
from counterpoint.study.settings import PromptsConfig
from counterpoint.study.steps.prompts import choose_prompts
from counterpoint.study.windows import choose_windows
from counterpoint.study.work import Work


def rows(prefix: str, *durations_s: float) -> list[dict[str, Any]]:
    return [
        {"id": f"{prefix}{index}", "group": "", "caption": f"caption {prefix}{index}", "duration_s": duration_s}
        for index, duration_s in enumerate(durations_s)
    ]


def test_one_window_of_every_test_track_before_any_other() -> None:
    splits = {"test": rows("t", 10, 10, 10, 10), "valid": rows("v", 10, 10)}
    chosen = choose_windows(splits, wanted=4, duration_s=5)
    assert [window.row for window in chosen] == ["t0", "t1", "t2", "t3"]


def test_validation_tracks_fill_up_before_a_second_window_of_a_track() -> None:
    splits = {"test": rows("t", 10, 10), "valid": rows("v", 10, 10)}
    assert {window.row for window in choose_windows(splits, wanted=4, duration_s=5)} == {"t0", "t1", "v0", "v1"}
    more = [window.row for window in choose_windows(splits, wanted=6, duration_s=5)]
    assert sorted(more) == ["t0", "t0", "t1", "t1", "v0", "v1"]


def test_windows_of_a_track_do_not_overlap_and_stay_inside() -> None:
    for duration_s in (60.0, 61.3, 7.2):
        chosen = choose_windows({"test": rows("t", duration_s)}, wanted=9, duration_s=5)
        starts = sorted(window.start_s for window in chosen)
        assert len(starts) == min(9, int(duration_s // 5))
        assert all(later - earlier >= 5 for earlier, later in itertools.pairwise(starts))
        assert starts[0] >= 0 and starts[-1] + 5 <= duration_s


def test_fewer_windows_than_tracks_are_spread_over_the_tracks() -> None:
    chosen = choose_windows({"test": rows("t", *[10.0] * 100)}, wanted=10, duration_s=5)
    places = [int(window.row[1:]) for window in chosen]
    assert len(places) == 10
    assert max(np.diff(places)) <= 10 and places[0] < 10 and places[-1] >= 90


def test_tracks_that_are_too_short_give_nothing() -> None:
    assert choose_windows({"test": rows("t", 4.9, 2)}, wanted=3, duration_s=5) == []


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """12 held-out clips of 3 s, one of them silent, at 16 kHz."""
    folder = tmp_path / "dataset"
    made: dict[str, list[dict[str, Any]]] = {}
    for split, count in (("train", 3), ("valid", 4), ("test", 8)):
        made[split] = []
        for index in range(count):
            name = f"audio/{split}{index}.wav"
            loudness = 0.0 if (split, index) == ("test", 2) else 0.1 * (index + 1)
            save_audio(folder / name, np.full(48_000, loudness, np.float32), sample_rate=16_000)
            made[split].append(
                {
                    "id": f"{split}{index}",
                    "audio": name,
                    "caption": f"{split} {index}",
                    "duration_s": 3.0,
                    "sample_rate": 16_000,
                    "channels": 1,
                }
            )
    save_dataset(folder, made, info={"name": "tiny", "kind": "ingested"})
    return folder


def run(dataset: Path, folder: Path, **config: Any) -> dict[str, Any]:
    work = Work(folder, PromptsConfig(**config), {"data": dataset})
    choose_prompts(work)
    return json.loads((folder / "prompts.json").read_text())


def test_audio_and_captions_of_the_windows_are_written(dataset: Path, tmp_path: Path) -> None:
    windows = run(dataset, tmp_path / "out", clips=12, duration_s=2.0)["windows"]
    lines = [json.loads(line) for line in (tmp_path / "out" / "truth" / "metadata.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [window["id"] for window in windows]
    assert not any(window["row"].startswith("train") for window in windows)
    assert "test2" not in {window["row"] for window in windows}, "silence is no ground truth"
    assert len(windows) == 11
    for line, window in zip(lines, windows, strict=True):
        audio, rate = load_audio(tmp_path / "out" / "truth" / line["file_name"], sample_rate=None)
        assert (len(audio), rate) == (64_000, 32_000)
        assert audio[32_000] == pytest.approx(0.1 * (int(window["row"][-1]) + 1), abs=0.01)
        assert line["caption"] == window["caption"] == f"{window['split']} {window['row'][-1]}"


def test_too_little_held_out_music_is_refused_with_a_remedy(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Only 0 clips of 5 s.*add music"):
        run(dataset, tmp_path / "out", clips=12, duration_s=5.0)
