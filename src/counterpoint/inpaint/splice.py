"""A fill put into the music that it was made for.

Shapes: N audio samples, C channels.
"""

from __future__ import annotations

import numpy as np


def splice(
    original: np.ndarray, fill: np.ndarray, *, sample_rate: int, span: tuple[float, float], crossfade_s: float
) -> np.ndarray:
    """`original` with its span replaced by that of `fill`, the borders crossfaded linearly.

    The crossfades lie before the span and after it, where both hold the same music; beyond them every sample is that of
    `original`, bit for bit.

    Args:
        original: [N] or [N, C]; float, or signed integers of full scale.
        fill: [N] or [N, C] float in [-1, 1]; mono goes into every channel.
        sample_rate: Hz.
        span: its start and stop, seconds.
        crossfade_s: length of each crossfade, as far as there is music to fade; 0 cuts.

    Returns:
        A new array of the shape and type of `original`.
    """
    start, stop = (round(second * sample_rate) for second in span)
    fade = round(crossfade_s * sample_rate)
    touched = slice(max(0, start - fade), min(len(original), stop + fade))
    at = np.arange(touched.start, touched.stop)
    weight = (np.minimum(at - start + fade + 1, stop + fade - at) / (fade + 1)).clip(0, 1)
    weight = weight.reshape(-1, *[1] * (original.ndim - 1))
    new = fill[touched].astype(np.float64)
    new = new.reshape(*new.shape, *[1] * (original.ndim - new.ndim))
    limits = np.iinfo(original.dtype) if original.dtype.kind == "i" else None
    if limits is not None:
        new = new * -float(limits.min)
    mixed = (1 - weight) * original[touched] + weight * new
    if limits is not None:
        mixed = mixed.round().clip(limits.min, limits.max)
    result = original.copy()
    result[touched] = mixed.astype(original.dtype)
    return result
