"""One gain for all versions of a clip, so that what they share sounds and looks the same in each.

Shapes: N samples.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from counterpoint.audio import normalize_loudness
from counterpoint.audio.loudness import PEAK_LIMIT, SILENCE_PEAK


def shared_gain(original: np.ndarray, versions: Iterable[np.ndarray], *, sample_rate: int) -> float:
    """What brings the original to the project's loudness, or less where a version would clip.

    Each version at a loudness of its own would tell them apart by the music around the span, which is the same in all:
    beside a span of silence it would be 3 dB up.

    Args:
        original: [N], the clip they are versions of.
        versions: [N] each.
        sample_rate: Hz.
    """
    peak = float(np.abs(original).max(initial=0.0))
    highest = max([peak, *(float(np.abs(version).max(initial=0.0)) for version in versions)])
    if highest < SILENCE_PEAK:
        return 1.0
    wanted = float(np.abs(normalize_loudness(original, sample_rate=sample_rate)).max()) / peak if peak else 1.0
    return min(wanted, PEAK_LIMIT / highest)
