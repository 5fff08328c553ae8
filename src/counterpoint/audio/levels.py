"""Levels and sample rates that no music has. They are refused where audio enters: sums of squares of such levels
overflow, and a file whose header says 1 Hz would become thousands of times as long."""

from __future__ import annotations

import math

LOUDEST = 1e6
"""The largest sample that is taken, where full scale is 1. Files whose samples were left in units of 16-bit integers
stay below it."""


RATES = (100, 1_000_000)
"""The lowest and the highest sample rate that is taken, Hz."""


def fault_of_level(loudest: float) -> str:
    """The fault of audio (`has samples that ...`) with this largest absolute sample, NaN if any is; "" for none."""
    if not math.isfinite(loudest):
        return "has samples that are not numbers (NaN or infinity)"
    return f"has samples as large as {loudest:.3g}, where full scale is 1" if loudest > LOUDEST else ""
