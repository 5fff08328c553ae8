"""Annotations: parts of them, and trips through a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.config import read_json, write_json

WHOLE = Annotation(
    duration_s=10.0,
    chords=((0.0, "C"), (4.0, "Am"), (8.0, "F")),
    notes=((0.5, 3.0, 60), (3.0, 6.0, 62), (9.0, 10.0, 64)),
    beats=((0.0, 1), (2.0, 2), (4.0, 3), (6.0, 1), (8.0, 2)),
)


def test_a_part_counts_from_its_own_start() -> None:
    part = WHOLE.cut(2.0, 5.0)
    assert part.duration_s == 5.0
    assert part.chords == ((0.0, "C"), (2.0, "Am"))
    assert part.notes == ((0.0, 1.0, 60), (1.0, 4.0, 62))
    assert part.beats == ((0.0, 2), (2.0, 3), (4.0, 1))
    assert part.downbeats_s == [4.0]


def test_the_end_and_the_whole() -> None:
    assert WHOLE.cut(8.5, 1.5).chords == ((0.0, "F"),)
    assert WHOLE.cut(8.5, 1.5).notes == ((0.5, 1.5, 64),)
    assert WHOLE.cut(0.0, 10.0) == WHOLE
    assert WHOLE.cut(6.0, 2.0).notes == () and WHOLE.cut(6.0, 2.0).chords == ((0.0, "Am"),)


def test_a_part_of_a_part_is_a_part() -> None:
    twice, once = WHOLE.cut(1.0, 8.0).cut(1.5, 3.0), WHOLE.cut(2.5, 3.0)
    assert [label for _, label in twice.chords] == [label for _, label in once.chords]
    assert len(once.notes) == 2
    for one, other in zip(twice.notes, once.notes, strict=True):
        assert one == pytest.approx(other)


def test_a_trip_through_a_file(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", WHOLE.to_json())
    assert Annotation.from_json(read_json(tmp_path / "a.json")) == WHOLE


def test_rows_that_know_nothing() -> None:
    row = {"duration_s": 3.0, "chords": [], "melody": [], "beats": []}
    assert Annotation.of_row(row) == Annotation(3.0)
    known = {
        "duration_s": 3.0,
        "chords": [{"start_s": 0.0, "label": "G"}],
        "melody": [{"start_s": 0.0, "end_s": 1.0, "midi": 67}],
        "beats": [{"time_s": 0.0, "position": 1}],
    }
    assert Annotation.of_row(known) == Annotation(3.0, ((0.0, "G"),), ((0.0, 1.0, 67),), ((0.0, 1),))
