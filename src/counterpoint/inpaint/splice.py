"""Insertion of a filled-in span into the original music.

Shapes: N audio samples, C channels.
"""

from __future__ import annotations

import numpy as np

MOST_GAIN = 10.0
"""20 dB: the level of a codec that loses more is not corrected, because its output is unrelated to the music."""


def splice(
    original: np.ndarray,
    fill: np.ndarray,
    *,
    sample_rate: int,
    span: tuple[float, float],
    crossfade_s: float,
    keeps_phase: bool = True,
) -> np.ndarray:
    """`original` with its span replaced by that of `fill`, with crossfades at the borders.

    The crossfades are before and after the span, where both contain the same music; beyond them every sample is that of
    `original`, bit for bit. If the codec keeps phases, both have nearly the same waveform, and their weights w and
    1 - w add up to 1. If it synthesises phases, the two are uncorrelated, and the squares of their weights,
    sin(pi w / 2) and cos(pi w / 2), add up to 1. Measured on composed music, in the middle of 50 ms: through `pocket`
    (correlation with the music 0.0) weights of the first kind lose 2.8 dB, those of the second 0.2 dB; through
    `pocket_encodec_50hz` (0.96) the first lose 0.1 dB and the second gain 2.7 dB.

    Args:
        original: [N] or [N, C]; float, or signed integers of full scale.
        fill: [N] or [N, C] float in [-1, 1]; mono goes into every channel.
        sample_rate: Hz.
        span: its start and stop in seconds.
        crossfade_s: length of each crossfade, shorter if there is less music; 0 cuts.
        keeps_phase: whether the codec of `fill` keeps phases.

    Returns:
        A new array of the shape and type of `original`.
    """
    start, stop = (round(second * sample_rate) for second in span)
    fade_in, fade_out = (min(round(crossfade_s * sample_rate), room) for room in (start, len(original) - stop))
    touched = slice(start - fade_in, stop + fade_out)
    at = np.arange(touched.start, touched.stop)
    rise, fall = (at - touched.start + 1) / (fade_in + 1), (touched.stop - at) / (fade_out + 1)
    weight = np.minimum(rise, fall).clip(0, 1)
    weight = weight.reshape(-1, *[1] * (original.ndim - 1))
    old_share, new_share = (1 - weight, weight) if keeps_phase else _equal_power(weight)
    new = fill[touched].astype(np.float64)
    new = new.reshape(*new.shape, *[1] * (original.ndim - new.ndim))
    limits = np.iinfo(original.dtype) if original.dtype.kind == "i" else None
    if limits is not None:
        new = new * -float(limits.min)
    mixed = old_share * original[touched] + new_share * new
    if limits is not None:
        mixed = mixed.round().clip(limits.min, limits.max)
    result = original.copy()
    result[touched] = mixed.astype(original.dtype)
    return result


def _equal_power(weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights of the old and the new whose squares add up to 1."""
    return np.sqrt(1 - np.sin(np.pi / 2 * weight) ** 2), np.sin(np.pi / 2 * weight)


def match_level(fill: np.ndarray, original: np.ndarray, *, sample_rate: int, span: tuple[float, float]) -> np.ndarray:
    """`fill` at the level of the music around the span, channel by channel.

    The gain of each channel is the ratio of root mean squares outside the span: it avoids a step in loudness if the
        codec
    reduces the level, and keeps instruments on their side of the stereo image.

    Args:
        fill: [N] the whole window, which outside the span is a reconstruction of the original.
        original: [N] or [N, C] float.

    Returns:
        The shape of `original`.
    """
    around = ~within(span, samples=len(fill), sample_rate=sample_rate)
    wanted = np.square(original[around], dtype=np.float64).mean(axis=0)
    given = np.square(fill[around], dtype=np.float64).mean()
    gain = np.sqrt(wanted / max(given, 1e-12)).clip(0, MOST_GAIN)
    return (fill.reshape(-1, *[1] * (original.ndim - 1)) * gain).astype(np.float32)


def within(span: tuple[float, float], *, samples: int, sample_rate: int) -> np.ndarray:
    """Mask [N] of the span."""
    start, stop = (round(second * sample_rate) for second in span)
    at = np.arange(samples)
    return (at >= start) & (at < stop)
