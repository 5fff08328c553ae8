"""The loudness policy: the same for every system and every reference, before every metric (DESIGN 5)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

TARGET_RMS = 10 ** (-20 / 20)
"""-20 dBFS."""
PEAK_LIMIT = 0.99
SILENCE_PEAK = 10 ** (-60 / 20)
"""Audio whose highest sample stays below this (-60 dBFS) counts as silent."""


def normalize_loudness(audio: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Scale to an RMS of -20 dBFS, or to a peak of 0.99 if that is reached first; silence is unchanged.

    The whole clip has one gain, so that the shape of the waveform, and any clipping in it, stays unchanged.

    Args:
        audio: [N] or [C, N] float.
        sample_rate: Hz. An RMS does not need it; a K-weighted policy would, without any caller changing.

    Returns:
        float32, the shape of `audio`.
    """
    del sample_rate
    audio = np.asarray(audio, dtype=np.float32)
    peak = float(np.abs(audio).max(initial=0.0))
    if peak < SILENCE_PEAK:
        return audio
    rms = float(np.sqrt(np.mean(np.square(audio, dtype=np.float64))))
    return audio * np.float32(min(TARGET_RMS / rms, PEAK_LIMIT / peak))


def shared_gain(original: np.ndarray, versions: Iterable[np.ndarray], *, sample_rate: int) -> float:
    """The gain that brings the original to the project's loudness, or less if a version would clip.

    Separate gains would distinguish versions by the music around the span, which is the same in all: beside a silent
    span it would be 3 dB louder.

    Args:
        original: [N], the clip of which they are versions.
        versions: [N] each.
        sample_rate: Hz.
    """
    peak = float(np.abs(original).max(initial=0.0))
    highest = max([peak, *(float(np.abs(version).max(initial=0.0)) for version in versions)])
    if highest < SILENCE_PEAK:
        return 1.0
    wanted = float(np.abs(normalize_loudness(original, sample_rate=sample_rate)).max()) / peak if peak else 1.0
    return min(wanted, PEAK_LIMIT / highest)
