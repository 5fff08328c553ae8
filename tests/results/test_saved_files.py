"""Files that another version wrote, or that are damaged: one sentence names the file and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from counterpoint.config import UserError, write_json
from counterpoint.config.load import read_saved
from counterpoint.results.evaluations import EVALUATION_FILE, read_evaluation
from counterpoint.runs.layout import RESULT_FILE
from counterpoint.study.step_inputs import TRACKS_FILE, read_tracks
from counterpoint.study.workload import hours_of
from counterpoint.training.result import read_result


@pytest.mark.parametrize("content", [[], {}, 5, None, "text", {"steps": "many"}, {"tracks": {"chords": []}}], ids=str)
@pytest.mark.parametrize(
    ("name", "read"),
    [(RESULT_FILE, read_result), (EVALUATION_FILE, read_evaluation), (TRACKS_FILE, read_tracks)],
    ids=(RESULT_FILE, EVALUATION_FILE, TRACKS_FILE),
)
def test_what_has_another_form_is_named(tmp_path: Path, name: str, read: Callable[[Path], Any], content: Any) -> None:
    write_json(tmp_path / name, content)
    with pytest.raises(UserError, match=rf"{name} was written by another version .* or is damaged.*: delete "):
        read(tmp_path)


def test_the_place_of_the_fault_is_named(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", [{"one": 1}, {"two": "x"}])
    with pytest.raises(UserError, match=r"damaged at 1\.two .*: make it again\."):
        read_saved(tmp_path / "a.json", list[dict[str, int]], remedy="make it again")
    assert read_saved(tmp_path / "a.json", list[dict[str, int | str]], remedy="")[1] == {"two": "x"}


@pytest.mark.parametrize("hours", [None, [], {"train": "x"}])
def test_a_dataset_without_hours_is_named(tmp_path: Path, hours: Any) -> None:
    for name in ("train", "valid", "test"):
        (tmp_path / name).mkdir()
    write_json(tmp_path / "dataset_dict.json", {})
    write_json(tmp_path / "dataset.json", {"fingerprint": "x", "hours": hours})
    with pytest.raises(UserError, match="does not say how many hours"):
        hours_of(tmp_path)
