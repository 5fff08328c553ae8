"""Chords and melodies on the grid of latent frames, and back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from counterpoint.analysis.chords import chord_index, vocabulary
from counterpoint.analysis.melody import melody_notes
from counterpoint.analysis.tracks import NOT_GIVEN, REST, chord_track, frame_times, melody_track, runs, track_classes
from counterpoint.config import UserError


def test_a_frame_says_what_holds_at_its_middle() -> None:
    np.testing.assert_allclose(frame_times(3, frame_rate=10.0), [0.05, 0.15, 0.25])
    chords = [(0.0, "C"), (0.14, "Am"), (0.26, "N")]
    found = chord_track(chords, frames=5, frame_rate=10.0)
    assert found.tolist() == [chord_index(label) for label in ("C", "Am", "Am", "N", "N")]
    assert found.dtype == np.int16
    notes = [(0.04, 0.16, 60), (0.25, 0.3, 72)]
    assert melody_track(notes, frames=5, frame_rate=10.0).tolist() == [17, 17, 29, REST, REST]


def test_before_the_first_chord_nothing_is_given() -> None:
    assert chord_track([(0.2, "G")], frames=4, frame_rate=10.0).tolist()[:3] == [NOT_GIVEN, NOT_GIVEN, chord_index("G")]
    assert chord_track([], frames=3, frame_rate=10.0).tolist() == [NOT_GIVEN] * 3
    assert melody_track([], frames=3, frame_rate=10.0).tolist() == [REST] * 3  # a rest is something


def test_of_two_notes_at_once_the_later_one_counts() -> None:
    found = melody_track([(0.2, 0.6, 64), (0.0, 1.0, 60)], frames=10, frame_rate=10.0)
    assert found.tolist() == [17, 17, 21, 21, 21, 21, 17, 17, 17, 17]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="'H' is not"):
        chord_track([(0.0, "H")], frames=2, frame_rate=10.0)
    with pytest.raises(AssertionError, match="brought into the range"):
        melody_track([(0.0, 1.0, 42)], frames=2, frame_rate=10.0)


def test_runs_put_together_are_the_track() -> None:
    track = np.random.default_rng(0).integers(-1, 3, 200)
    found = runs(track)
    np.testing.assert_array_equal(np.concatenate([np.full(stop - start, value) for start, stop, value in found]), track)
    assert all(one[2] != other[2] and one[1] == other[0] for one, other in pairwise(found))
    assert runs(track[:0]) == []


def test_notes_survive_the_grid() -> None:
    notes = ((0.0, 0.4, 60), (0.4, 0.6, 95), (0.8, 2.0, 43))
    track = melody_track(notes, frames=100, frame_rate=50.0)
    np.testing.assert_allclose(melody_notes(track, frame_rate=50.0), notes)


def test_every_control_has_its_classes() -> None:
    sizes = [track_classes(name, codebook_size=2048) for name in ("chords", "melody", "drums")]
    assert sizes == [len(vocabulary()), 54, 2048] and sizes[0] == 193
