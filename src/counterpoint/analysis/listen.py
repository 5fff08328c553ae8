"""All that the extractors hear in a piece of music.

Shapes: N audio samples, T frames of the melody.
"""

from __future__ import annotations

import math

import numpy as np

from counterpoint.analysis import chordino, melody, viterbi25
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import hear_beats

MELODY_RATE = 50.0
"""Frames a second of the melody, as in the paper's models with controls (5.2)."""


def listen(audio: np.ndarray, *, sample_rate: int) -> Annotation:
    """Chords (Chordino where installed, else by Viterbi over 25 classes), melody and beats of audio of any length.

    Args:
        audio: [N] float in [-1, 1], N > 0.
        sample_rate: Hz.

    Raises:
        UserError: basic-pitch is not installed.
    """
    duration_s = len(audio) / sample_rate
    heard = melody.hear_melody(
        audio, sample_rate=sample_rate, frames=math.ceil(duration_s * MELODY_RATE), frame_rate=MELODY_RATE
    )
    return Annotation(
        duration_s=duration_s,
        chords=hear_chords(audio, sample_rate=sample_rate),
        notes=melody.melody_notes(heard, frame_rate=MELODY_RATE),
        beats=hear_beats(audio, sample_rate=sample_rate),
    )


def hear_chords(audio: np.ndarray, *, sample_rate: int) -> tuple[tuple[float, str], ...]:
    """(start in seconds, label of `analysis.chords`) by the best extractor there is; each lasts until the next."""
    if chordino.is_installed():
        return chordino.hear_chords(audio, sample_rate=sample_rate)
    return viterbi25.recognise_chords(audio, sample_rate=sample_rate).stamps
