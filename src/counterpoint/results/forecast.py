"""Forecast of the number of updates that a model needs, by a power law through its validations.

    loss(u) = a + b u^(-c),   a, b >= 0

Losses of language and flow models follow such laws over decades of updates if nothing else is exhausted (Kaplan et al.,
2020). Here it is a rough guide: the learning rate falls to zero within a training, and the amount of music is limited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.02, 3, 600)
LEAST_POINTS = 4
"""Least number of validations: a curve with three parameters fits any three."""
FAR = 100
"""Multiple of the updates made beyond which a forecast only means "far"."""


@dataclass(frozen=True)
class PowerLaw:
    """A fitted learning curve.

    Attributes:
        level: a, the limit of the loss.
        scale, exponent: b and c.
        points: number of fitted validations.
        residual: root of the mean squared distance to them.
    """

    level: float
    scale: float
    exponent: float
    points: int
    residual: float

    def at(self, updates: float) -> float:
        """The loss after the given number of updates."""
        return self.level + self.scale * updates**-self.exponent

    def updates_to(self, loss: float) -> float | None:
        """The number of updates to reach a loss; None if the curve levels off above it."""
        if loss <= self.level or self.scale <= 0:
            return None
        with np.errstate(over="ignore"):
            return float(np.exp(min(700.0, np.log(self.scale / (loss - self.level)) / self.exponent)))


def fit_power_law(curve: Sequence[tuple[int, float]]) -> PowerLaw | None:
    """Fit by least squares, exactly in a and b and on a grid in c; None for fewer than four validations after updates.

    Args:
        curve: (updates, loss).
    """
    from scipy.optimize import nnls

    known = [(updates, loss) for updates, loss in curve if updates > 0]
    if len(known) < LEAST_POINTS:
        return None
    updates, losses = (np.array(side, dtype=float) for side in zip(*known, strict=True))
    found = []
    for exponent in EXPONENTS:
        design = np.stack([np.ones_like(updates), (updates / updates[0]) ** -exponent], axis=1)
        (level, scale), error = nnls(design, losses)
        found.append((float(error), float(level), float(scale * updates[0] ** exponent), float(exponent)))
    error, level, scale, exponent = min(found)
    return PowerLaw(level, scale, exponent, len(known), error / len(known) ** 0.5)


def falling(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """The validations up to the lowest: later ones show overfitting."""
    lowest = min(range(len(curve)), key=lambda place: curve[place][1], default=-1)
    return list(curve[: lowest + 1])
