"""Chords by chroma and Viterbi: right on what is known exactly, N where nothing sounds."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from counterpoint.analysis.chords import vocabulary
from counterpoint.analysis.viterbi25 import HOP_S, LABELS, recognise_chords, triad_class
from counterpoint.compose import render_clip

RATE = 32_000


def tones(*midi: int, duration_s: float = 2.0, rate: int = RATE) -> np.ndarray:
    """A chord of decaying harmonic tones."""
    time = np.arange(round(duration_s * rate)) / rate
    hertz = [440 * 2 ** ((note - 69) / 12) for note in midi]
    return 0.05 * sum(np.sin(2 * np.pi * k * h * time) / k for h in hertz for k in (1, 2, 3)).astype(np.float32)


def accuracy(seed: int, index: int) -> tuple[np.ndarray, np.ndarray]:
    """[T] classes found, and true ones (-1: neither major nor minor)."""
    clip = render_clip(seed, index, duration_s=10.0)
    found = recognise_chords(clip.audio, sample_rate=RATE)
    starts = [chord["start_s"] for chord in clip.row["chords"]]
    classes = [triad_class(chord["label"]) for chord in clip.row["chords"]]
    true = np.array([-1 if found is None else found for found in classes])
    return found.classes, true[np.searchsorted(starts, found.times_s, side="right") - 1]


def test_it_knows_the_chords_of_composed_music() -> None:
    pairs = [accuracy(88, index) for index in range(20)]
    shares = [np.mean((found == true)[true >= 0]) for found, true in pairs if (true >= 0).any()]
    others = [np.mean(found == true) for (found, _), (_, true) in itertools.pairwise(pairs)]
    assert len(shares) >= 15
    assert np.mean(shares) > 0.7
    assert np.mean(others) < 0.2, "another clip's chords are not found"


@pytest.mark.parametrize(
    ("notes", "label"), [((60, 64, 67), "C"), ((57, 60, 64), "Am"), ((54, 58, 61), "F#"), ((63, 66, 70), "Ebm")]
)
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_triads_at_any_rate(notes: tuple[int, ...], label: str, rate: int) -> None:
    labels = recognise_chords(tones(*notes, rate=rate), sample_rate=rate).labels
    assert set(labels[1:-1]) == {label}


def test_a_change_is_found_where_it_is() -> None:
    audio = np.concatenate([tones(60, 64, 67), tones(57, 61, 64)])
    found = recognise_chords(audio, sample_rate=RATE)
    change = found.times_s[found.labels.index("A")]
    assert len(found.classes) == 40 and set(found.labels) == {"C", "A"}
    assert abs(change - 2.0) <= 2 * HOP_S


def test_silence_and_noise_are_no_chord() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    for audio in (np.zeros(RATE, np.float32), 1e-5 * tones(60, 64, 67), noise, np.zeros(10, np.float32)):
        assert set(recognise_chords(audio, sample_rate=RATE).labels) == {"N"}


def test_loudness_does_not_matter() -> None:
    audio = render_clip(88, 3, duration_s=5.0).audio
    first, second = (recognise_chords(gain * audio, sample_rate=RATE).classes for gain in (1.0, 0.2))
    assert np.array_equal(first, second)


def test_every_label_of_the_vocabulary_has_a_class_or_no_perfect_fifth() -> None:
    classes = {label: triad_class(label) for label in vocabulary()}
    assert classes["N"] == 0
    assert LABELS[classes["Bb7"] or 0] == "Bb" and LABELS[classes["C#m7"] or 0] == "C#m"
    assert LABELS[classes["G/B"] or 0] == "G" and LABELS[classes["A6"] or 0] == "A"
    assert {label for label, found in classes.items() if found is None} == {
        label for label in classes if "m7b5" in label or "dim" in label or "aug" in label
    }
