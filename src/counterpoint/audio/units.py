"""Conversion between seconds, used in interfaces, and frames, used internally."""

from __future__ import annotations

import math

from counterpoint.config import UserError
from counterpoint.config.base import MOST_SECONDS


def frames(duration_s: float, *, frame_rate: float) -> int:
    """Frames in `duration_s` seconds at `frame_rate` Hz: the nearest whole number (halves up), at least 1.

    Raises:
        UserError: the duration is zero, negative, a year or more, or not a number.
    """
    if not 0 < duration_s < MOST_SECONDS:
        raise UserError(f"A duration must be a positive number of seconds and less than a year, not {duration_s:g}.")
    return max(1, math.floor(duration_s * frame_rate + 0.5))


def seconds(frames: int, *, frame_rate: float) -> float:
    """The duration in seconds of `frames` frames at `frame_rate` Hz."""
    return frames / frame_rate
