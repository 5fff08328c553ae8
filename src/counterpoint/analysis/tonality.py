"""Pitch classes and key of audio, without trained weights.

Shapes: N audio samples, F frames of chroma, P = 12 pitch classes.
"""

from __future__ import annotations

import numpy as np

from counterpoint.analysis.spelling import Key, likeliest_key
from counterpoint.audio import SILENCE_PEAK
from counterpoint.audio.librosa_import import import_librosa

SAMPLE_RATE = 22_050
CHROMA_RATE = SAMPLE_RATE / 1024
"""Frame rate of the chroma in Hz."""
_WINDOW, _HOP = 8192, 1024
_MAJOR = (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081)
_MINOR = (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052)


def chroma(audio: np.ndarray) -> np.ndarray:
    """Energy [P, F] of audio [N] at 22,050 Hz by pitch class from C, in windows of 8,192 samples every 1,024."""
    if len(audio) < _WINDOW or np.abs(audio).max() < SILENCE_PEAK:
        return np.zeros((12, 1 + len(audio) // _HOP))
    return import_librosa().feature.chroma_stft(
        y=audio, sr=SAMPLE_RATE, n_fft=_WINDOW, hop_length=_HOP, tuning=0.0, norm=None
    )


def detect_key(audio: np.ndarray) -> Key | None:
    """The likeliest key of audio [N] at 22,050 Hz; None for silence.

    It is the one of 24 whose profile (Albrecht and Shanahan, 2013) correlates most with the mean log energy of the
    pitch classes. On 80 clips of 5 s of the embedded corpus it is the right key in 0.64, with a MIREX score of 0.71;
    with the profiles of Krumhansl and Kessler (1982) in 0.55.
    """
    return likeliest_key(np.log1p(chroma(audio)).mean(axis=1), major=_MAJOR, minor=_MINOR)
