"""Melodies: a scale is heard right, composed leads far above chance, rests where nothing sounds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from counterpoint.analysis import melody
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.melody import detect_melody, follow_melody, melody_notes, note_confidence
from counterpoint.analysis.paths import best_path, path_certainty
from counterpoint.analysis.tracks import MELODY_LOW, NOT_GIVEN, REST, melody_track
from counterpoint.config import UserError

SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def tune(pitches: tuple[int, ...], *, note_s: float = 0.5, sample_rate: int = 22_050, gain: float = 0.3) -> np.ndarray:
    """Plucked notes with overtones, one after the other; 0 is a rest."""
    time_s = np.arange(round(note_s * sample_rate)) / sample_rate
    shape = np.minimum(1, time_s / 0.01) * np.exp(-2 * time_s) * np.minimum(1, (note_s - time_s) / 0.02)
    notes = [
        shape
        * (midi > 0)
        * sum(np.sin(2 * np.pi * 440 * 2 ** ((midi - 69) / 12) * k * time_s) / k for k in (1, 2, 3, 4))
        for midi in pitches
    ]
    return (gain * np.concatenate(notes)).astype(np.float32)


@pytest.mark.parametrize(("sample_rate", "frame_rate"), [(22_050, 50.0), (32_000, 25.0), (44_100, 86.1)])
def test_a_scale_is_heard_note_by_note(sample_rate: int, frame_rate: float) -> None:
    frames = round(0.5 * len(SCALE) * frame_rate)
    heard = detect_melody(
        tune(SCALE, sample_rate=sample_rate), sample_rate=sample_rate, frames=frames, frame_rate=frame_rate
    )
    true = melody_track(
        [(i / 2, (i + 1) / 2, midi) for i, midi in enumerate(SCALE)], frames=frames, frame_rate=frame_rate
    )
    assert heard.shape == (frames,) and heard.dtype == np.int16
    assert (heard == true).mean() > 0.85
    long_enough = [note for note in melody_notes(heard, frame_rate=frame_rate) if note[1] - note[0] > 0.2]
    assert [midi for _, _, midi in long_enough] == list(SCALE)
    assert all(abs(start - i / 2) < 0.06 for i, (start, _, _) in enumerate(long_enough))


def test_times_do_not_drift_from_window_to_window() -> None:
    """Thirteen windows: were one of them a frame off, the last notes would be 0.15 s late."""
    pitches = tuple(SCALE[i % 8] for i in range(42))
    heard = detect_melody(tune(pitches), sample_rate=22_050, frames=1050, frame_rate=50.0)
    true = melody_track([(i / 2, (i + 1) / 2, midi) for i, midi in enumerate(pitches)], frames=1050, frame_rate=50.0)
    assert (heard[-250:] == true[-250:]).mean() > 0.85
    late = np.roll(true, 8)
    assert (heard[-250:] == late[-250:]).mean() < (heard[-250:] == true[-250:]).mean() - 0.1


def test_rests_and_notes_outside_the_range_are_rests() -> None:
    heard = detect_melody(tune((72, 0, 0, 72)), sample_rate=22_050, frames=100, frame_rate=50.0)
    assert (heard[35:70] == REST).mean() > 0.9 and (heard[5:15] == 72 - MELODY_LOW).all()
    low = detect_melody(tune((31, 31)), sample_rate=22_050, frames=50, frame_rate=50.0)
    assert not (low == 31 - MELODY_LOW).any() and low.min() >= 0 and low.max() <= REST


@pytest.mark.parametrize("samples", [1, 100, 22_050])
def test_silence_is_a_rest_however_short(samples: int) -> None:
    frames = max(1, samples // 441)
    heard = detect_melody(np.zeros(samples, np.float32), sample_rate=22_050, frames=frames, frame_rate=50.0)
    assert heard.tolist() == [REST] * frames


def test_noise_below_the_level_of_silence_is_a_rest_though_the_network_levels_it() -> None:
    audio = np.concatenate([tune((72, 76)), 1e-4 * tune((72, 76)), tune((72,))])
    heard = detect_melody(audio, sample_rate=22_050, frames=125, frame_rate=50.0)
    assert (heard[60:95] == REST).all() and (heard[5:15] == 72 - MELODY_LOW).all()


def test_of_two_voices_one_is_followed() -> None:
    """The voices alternate in strength a dozen times a second: their strongest note leaps, the line does not."""
    rate, time_s = 22_050, np.arange(4 * 22_050) / 22_050
    upper, lower = tune((76,) * 8), tune((52,) * 8)
    swell = 0.5 + 0.4 * np.sin(2 * np.pi * 6 * time_s)
    line = follow_melody(
        (swell * upper + (1 - swell) * lower).astype(np.float32), sample_rate=rate, frames=200, frame_rate=50.0
    )
    assert {midi for _, _, midi in melody_notes(line.track, frame_rate=50.0)} == {76}


def test_a_lone_tune_is_surer_than_a_thicket_of_voices() -> None:
    draw = np.random.default_rng(0)
    voices = [tuple(int(midi) for midi in draw.integers(60, 80, 16)) for _ in range(5)]
    alone = follow_melody(tune(voices[0], note_s=0.25), sample_rate=22_050, frames=200, frame_rate=50.0)
    many = sum(tune(voice, note_s=0.25, gain=0.12) for voice in voices)
    thicket = follow_melody(np.asarray(many), sample_rate=22_050, frames=200, frame_rate=50.0)
    assert alone.confidence is not None and thicket.confidence is not None
    assert alone.confidence > thicket.confidence + 0.1
    assert ((alone.certainty > 0) & (alone.certainty <= 1)).all()


def test_the_best_path_and_its_certainty_are_those_of_all_paths() -> None:
    from itertools import product

    draw = np.random.default_rng(0)
    scores, moves = draw.normal(size=(5, 3)), draw.normal(size=(3, 3))
    paths = np.array(list(product(range(3), repeat=5)))
    values = scores[np.arange(5), paths].sum(axis=1) + moves[paths[:, :-1], paths[:, 1:]].sum(axis=1)
    best = best_path(scores, moves=moves)
    np.testing.assert_array_equal(best, paths[values.argmax()])
    weights = np.exp(values) / np.exp(values).sum()
    expected = [weights[paths[:, frame] == best[frame]].sum() for frame in range(5)]
    np.testing.assert_allclose(path_certainty(best, scores=scores, moves=moves), expected)


def test_confidences_are_interpolated_linearly() -> None:
    audio = tune((69, 76))
    step = 256 / 22_050
    grid = note_confidence(audio, sample_rate=22_050, times_s=np.array([10, 11]) * step)
    between = note_confidence(audio, sample_rate=22_050, times_s=np.array([10.25]) * step)
    np.testing.assert_allclose(between[0], 0.75 * grid[0] + 0.25 * grid[1], atol=1e-5)
    assert grid.shape == (2, 53) and grid.min() >= 0 and grid.max() <= 1


def test_composed_leads_are_heard_far_above_chance() -> None:
    from counterpoint.compose import render_clip

    clips = [render_clip(2024, index, duration_s=6.0) for index in range(6)]
    shape = {"frames": 150, "frame_rate": 25.0}
    true = np.stack([melody_track(Annotation.of_row(clip.row).notes, **shape) for clip in clips])
    heard = np.stack([detect_melody(clip.audio, sample_rate=32_000, **shape) for clip in clips])
    sounds = true != REST
    right = (heard == true)[sounds].mean()
    chance = (np.roll(heard, 1, axis=0) == true)[sounds].mean()
    assert right > 0.35 and right > 5 * chance


def test_notes_of_a_track() -> None:
    track = np.array([NOT_GIVEN, 0, 0, REST, 5, 6, 6, NOT_GIVEN])
    assert melody_notes(track, frame_rate=10.0) == ((0.1, 0.3, 43), (0.4, 0.5, 48), (0.5, 0.7, 49))
    assert melody_notes(track[:0], frame_rate=10.0) == ()


def test_without_the_wheel_the_remedy_is_named(nothing_borrowed: Callable[[], None]) -> None:
    melody._session.cache_clear()
    nothing_borrowed()
    assert not melody.is_installed()
    with pytest.raises(UserError, match=r"pip install --no-deps basic-pitch==0\.4\.0"):
        detect_melody(np.zeros(1000, np.float32), sample_rate=22_050, frames=2, frame_rate=50.0)
