"""Chordino: what its plugin says is cleaned always; the plugin itself is asked where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.analysis import chordino
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import chord_index
from counterpoint.analysis.tracks import chord_track
from counterpoint.config import UserError

needs_chordino = pytest.mark.skipif(not chordino.is_installed(), reason="the extra `chordino` is not installed")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (  # as the plugin answers for a clip of 10 s
            [(0.3715, "N"), (0.4644, "Am"), (2.8793, "F"), (10.3097, "N")],
            ((0.0, "Am"), (2.8793, "F")),
        ),
        ([(0.3715, "N"), (2.7864, "Am"), (16.3468, "N")], ((0.0, "N"), (2.7864, "Am"))),  # silence that is meant
        ([(0.3715, "N"), (0.4644, "C"), (4.0, "N"), (6.0, "C")], ((0.0, "C"), (4.0, "N"), (6.0, "C"))),
        ([(0.3715, "N"), (0.4644, "N")], ((0.0, "N"),)),
        ([(0.3715, "C"), (2.0, "C"), (4.0, "A/C#")], ((0.0, "C"), (4.0, "A/C#"))),
        ([(10.3097, "N")], ((0.0, "N"),)),
        ([], ((0.0, "N"),)),
    ],
)
def test_the_first_chord_begins_at_once_and_the_last_one_lasts(said: list, meant: tuple) -> None:
    assert chordino.clean_stamps(said, duration_s=10.0) == meant


def test_labels_become_those_of_the_vocabulary() -> None:
    assert chordino.clean_stamps([(0.4644, "Dbm"), (1.0, "C#m"), (2.0, "C/3")], duration_s=4.0) == (
        (0.0, "C#m"),
        (2.0, "C/E"),
    )


def test_without_it_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chordino, "is_installed", lambda: False)
    with pytest.raises(UserError, match=r"pip install .* chord-extractor"):
        chordino.detect_chords(np.zeros(1000, np.float32), sample_rate=22_050)


@needs_chordino
def test_it_hears_the_chords_of_composed_clips() -> None:
    from counterpoint.compose import render_clip

    right = []
    for index in range(4):
        clip = render_clip(2024, index, duration_s=8.0)
        heard, true = chordino.detect_chords(clip.audio, sample_rate=32_000), Annotation.of_row(clip.row).chords
        assert heard[0][0] == 0 and all(chord_index(label) >= 0 for _, label in heard)
        tracks = [chord_track(chords, frames=400, frame_rate=50.0) for chords in (heard, true)]
        right.append((tracks[0] == tracks[1]).mean())
    assert np.mean(right) > 0.5


@needs_chordino
def test_silence_has_no_chord() -> None:
    assert chordino.detect_chords(np.zeros(44_100, np.float32), sample_rate=44_100) == ((0.0, "N"),)
