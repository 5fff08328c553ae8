"""Shares of what was asked that is detected, of labels written down by hand and of tones."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.analysis.beats import tempo_of
from counterpoint.analysis.tonality import CHROMA_RATE, chroma
from counterpoint.analysis.tracks import MELODY_LOW, NOT_GIVEN, REST
from counterpoint.analysis.viterbi25 import LABELS
from counterpoint.follow.defaults import TUNES
from counterpoint.follow.measures import (
    FRAME_RATE,
    Detected,
    Wanted,
    chords_by_template,
    chords_recognised,
    notes_detected,
    tempo_right,
    tempo_right_to_octave,
    triad_segments,
    triad_templates,
)
from counterpoint.follow.recognition import _detect
from counterpoint.follow.requests import _midi, _tune
from counterpoint.follow.result import Share
from counterpoint.follow.run import _Answers, _chance

CHART = ((0.0, "C"), (2.0, "Am"), (4.0, "F"), (6.0, "G"))
ROOT_HZ = {"C": 261.6, "A": 220.0, "F": 174.6, "G": 196.0}


def triad(label: str, *, seconds: float = 2.0, rate: int = 22_050) -> np.ndarray:
    """[N] a chord of harmonic tones."""
    time = np.arange(round(seconds * rate)) / rate
    third = 3 if label.endswith("m") else 4
    tones = [ROOT_HZ[label[0]] * 2 ** (step / 12) for step in (0, third, 7)]
    return sum(np.sin(2 * np.pi * n * hertz * time) / n**2 for hertz in tones for n in (1, 2, 3)).astype(np.float32)  # type: ignore[union-attr]


def test_both_recognisers_hear_plain_chords() -> None:
    audio = 0.1 * np.concatenate([triad(label) for _, label in CHART])
    detected, wanted = _detect(audio, ask="chords"), Wanted("plain", 8.0, chords=CHART)
    other = Wanted("other", 8.0, chords=((0.0, "D"), (2.0, "Bm"), (4.0, "Em"), (6.0, "A")))
    assert chords_recognised(wanted, detected) == chords_by_template(wanted, detected) == 1.0
    assert chords_recognised(other, detected) == chords_by_template(other, detected) == 0.0


def test_a_chord_counts_by_the_majority_of_its_frames() -> None:
    chords = np.full(round(8 * FRAME_RATE), LABELS.index("C"))
    chords[140:200] = LABELS.index("Am")  # 1.2 s of the 2 that are asked for
    chords[200:300] = NOT_GIVEN
    assert chords_recognised(Wanted("x", 8.0, chords=CHART), Detected(chords=chords)) == 0.5


def test_chords_without_a_triad_and_short_ones_do_not_count() -> None:
    chords = ((0.0, "C"), (2.0, "Bdim"), (4.0, None), (6.0, "N"), (7.0, "F/A"), (7.7, "G"))
    assert triad_segments(Wanted("x", 8.0, chords=chords)) == [
        (0.0, 2.0, LABELS.index("C")),
        (7.0, 7.7, LABELS.index("F")),
    ]
    silent = Detected(chords=np.zeros(400, dtype=int), chroma=chroma(np.zeros(8 * 22_050, np.float32)))
    assert np.isnan(chords_recognised(Wanted("x", 8.0, chords=((0.0, "Bdim"),)), silent))
    assert chords_by_template(Wanted("x", 8.0, chords=CHART), silent) == 0.0


def test_templates_are_told_apart() -> None:
    templates = triad_templates()
    assert templates.shape == (24, 12) and (templates.sum(axis=1) == 3).all()
    frames = round(2 * CHROMA_RATE)
    for index, label in enumerate(LABELS[1:]):
        detected = Detected(chroma=np.repeat(templates[index][:, None], frames, axis=1))
        assert chords_by_template(Wanted(label, 2.0, chords=((0.0, label),)), detected) == 1.0


def test_a_note_is_heard_by_the_median_of_its_frames_in_any_octave() -> None:
    melody = np.full(200, REST)
    melody[0:30] = 60 - MELODY_LOW
    melody[30:50] = 61 - MELODY_LOW
    melody[60:70] = 74 - MELODY_LOW  # an octave above, for part of its time
    notes = ((0.0, 1.0, 60), (1.0, 2.0, 62), (2.0, 3.0, 64), (3.0, 4.0, 65))
    assert notes_detected(Wanted("x", 4.0, notes=notes), Detected(melody=melody)) == 0.5


@pytest.mark.parametrize(
    ("found", "exactly", "to_octave"),
    [(120, 1, 1), (123, 1, 1), (124, 0, 0), (60, 0, 1), (240, 0, 1), (180, 0, 0), (np.nan, 0, 0)],
)
def test_a_tempo_is_right_within_three_percent(found: float, exactly: int, to_octave: int) -> None:
    wanted, detected = Wanted("x", 8.0, tempo_bpm=120.0), Detected(tempo_bpm=found)
    assert (tempo_right(wanted, detected), tempo_right_to_octave(wanted, detected)) == (exactly, to_octave)


def test_a_tempo_is_finer_than_its_grid_and_survives_a_missed_beat() -> None:
    beats = np.round(np.arange(16) * 60 / 123 / 0.0116) * 0.0116
    assert tempo_of(list(beats)) == pytest.approx(123, rel=0.005)
    assert tempo_of(list(np.delete(beats, 5))) == pytest.approx(123, rel=0.005)
    assert np.isnan(tempo_of([0.0, 0.5]))


def test_chance_is_what_was_asked_of_others() -> None:
    wanted = [Wanted("a", 8.0, tempo_bpm=100), Wanted("a", 8.0, tempo_bpm=100), Wanted("b", 8.0, tempo_bpm=120)]
    from counterpoint.follow.measures import measures

    measure = measures("tempo", recogniser="viterbi25")[0]
    answers = _Answers(wanted, [Detected(tempo_bpm=120), Detected(tempo_bpm=100), Detected(tempo_bpm=120)])
    assert measure.name == "tempo_of_words_librosa"
    assert answers.values(measure).tolist() == [0, 1, 1]
    assert _chance(measure, answers).tolist() == [1, 0, 0]


def test_an_interval_needs_eight_clips_and_narrows_with_more() -> None:
    assert Share.of(np.array([np.nan])) is None
    few = Share.of(np.array([0.0, 1.0, np.nan]))
    assert few is not None and (few.value, few.low, few.n) == (0.5, None, 2)
    shares = [Share.of(np.tile([0.0, 1.0], n // 2)) for n in (16, 256)]
    widths = [share.high - share.low for share in shares if share and share.low is not None and share.high is not None]
    assert 0.1 > widths[1] - 0.1 > 0 and 3 < widths[0] / widths[1] < 6
    assert shares[0] == Share.of(np.tile([0.0, 1.0], 8))


@pytest.mark.parametrize("name", list(TUNES))
def test_tunes_last_eight_seconds_within_the_range(name: str) -> None:
    notes = _tune(name, duration_s=8.0).notes
    beats = [float(token.partition(":")[2] or 1) for token in TUNES[name].split()]
    assert sum(beats) == 16 and len(notes) >= 8
    assert all(55 <= midi <= 90 for _, _, midi in notes)
    assert _midi("C4") == 60 and _midi("Bb4") == 70
    assert len(_tune(name, duration_s=2.0).notes) < len(notes)
