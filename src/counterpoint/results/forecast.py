"""How many more updates a model would need, by a power law through its validations.

    loss(u) = a + b u^(-c),   a, b >= 0

Losses of language and flow models fall by such laws over decades of updates where nothing else runs out (Kaplan et al.,
2020). Here it is a rough guide: the learning rate falls to zero within a training, and music runs out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXPONENTS = np.geomspace(0.02, 3, 600)
LEAST_POINTS = 4
"""Three parameters pass through any three."""
FAR = 100
"""Times the updates made, beyond which a forecast means nothing but "far"."""


@dataclass(frozen=True)
class PowerLaw:
    """A fitted learning curve.

    Attributes:
        level: a, where it levels off.
        scale, exponent: b and c.
        points: validations that it was fitted to.
        residual: root of the mean squared distance to them.
    """

    level: float
    scale: float
    exponent: float
    points: int
    residual: float

    def at(self, updates: float) -> float:
        """The loss after so many updates."""
        return self.level + self.scale * updates**-self.exponent

    def updates_to(self, loss: float) -> float | None:
        """Updates after which the loss is reached; None where the curve levels off above it."""
        if loss <= self.level or self.scale <= 0:
            return None
        with np.errstate(over="ignore"):
            return float(np.exp(min(700.0, np.log(self.scale / (loss - self.level)) / self.exponent)))


def fit_power_law(curve: Sequence[tuple[int, float]]) -> PowerLaw | None:
    """By least squares, exactly in a and b and by a grid in c; None of fewer than four validations after updates.

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
    """The validations up to the lowest: what comes after has forgotten more than it learned."""
    lowest = min(range(len(curve)), key=lambda place: curve[place][1], default=-1)
    return list(curve[: lowest + 1])
