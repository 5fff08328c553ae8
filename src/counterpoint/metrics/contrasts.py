"""Weighted sums of scores: differences of systems, and slopes over what they differ in.

Shapes: n systems.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.metrics.base import Difference, Score

_Z = 1.959964  # of a 95% interval


@dataclass(frozen=True)
class Estimate:
    """A value with its 95% interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, found: Score | Difference) -> Estimate:
        """The value of a score or a difference."""
        return cls(found.value, found.low, found.high)


def contrast(scores: Sequence[Estimate], weights: Sequence[float], *, together: bool = False) -> tuple[Estimate, float]:
    """A weighted sum of scores, and the two-sided p-value of zero.

    The interval combines theirs (MOVER; Zou and Donner, 2008) as if they were independent. Of systems that answered the
    same prompts the errors go together, and a difference's interval is wider than it had to be.

    Args:
        scores: n of one metric.
        weights: [n]; (1, -1) is a difference.
        together: the errors may go together in any way: theirs are added up, which is the worst case.
    """
    value = sum(weight * score.value for score, weight in zip(scores, weights, strict=True))
    sides = [
        sorted((weight * (score.low - score.value), weight * (score.high - score.value)))
        for score, weight in zip(scores, weights, strict=True)
    ]
    down, up = (sum(abs(side)) if together else math.sqrt(sum(side**2)) for side in np.array(sides).T)
    low, high = value - down, value + up
    spread = (value - low if value > 0 else high - value) / _Z  # on the side of zero
    p = math.erfc(abs(value) / spread / math.sqrt(2)) if spread > 0 else float(value == 0)
    return Estimate(value, float(low), float(high)), p


def slope_weights(places: Sequence[float]) -> list[float]:
    """[n] weights of scores that give their least-squares slope per doubling of `places`, which are positive."""
    x = np.log2(places)
    x = x - x.mean()
    return (x / (x**2).sum()).tolist()


def surface_weights(rates: Sequence[float], durations: Sequence[float]) -> tuple[list[float], list[float]] | None:
    """[n] weights each that give the effect of doubling the frame rate at one length of the sequence, and of doubling
    the length at one frame rate; None if the cells cannot separate the two effects.

    The length is frame rate times duration. Least squares of y = a + b log2(rate) + c log2(length).
    """
    rate, duration = np.log2(rates), np.log2(durations)
    design = np.stack([np.ones_like(rate), rate, rate + duration], axis=1)
    if len(rates) < 3 or np.linalg.matrix_rank(design) < 3:
        return None
    _, of_rate, of_length = np.linalg.pinv(design)
    return of_rate.tolist(), of_length.tolist()
