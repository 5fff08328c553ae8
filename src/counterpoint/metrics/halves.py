"""A statistic of clips with its half samples, by which systems on the same clips are compared (see `statistics`).

Shapes: n clips, R half samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from counterpoint.metrics.base import ByGroup, Functional
from counterpoint.metrics.statistics import half_samples


@dataclass(frozen=True)
class Estimate:
    """A statistic of a system's clips.

    Attributes:
        value: of all.
        replicates: [R] of half samples, the same halves for every system on the same clips.
        units: how many tracks the halves are drawn from.
    """

    value: float
    replicates: np.ndarray
    units: int

    def error(self, other: Estimate | None = None) -> float:
        """The standard error of the value, or of its difference to another system's."""
        replicates = self.replicates if other is None else self.replicates - other.replicates
        half = self.units // 2
        return float(replicates.std(ddof=1) * math.sqrt(half / (self.units - half)))


def estimate(functional: Functional, *, tracks: Sequence[str], seed: int) -> Estimate:
    """The statistic of n clips with its half samples; clips of one track are drawn together.

    Args:
        tracks: of each clip.
    """
    names = {track: number for number, track in enumerate(dict.fromkeys(tracks))}
    of_tracks = ByGroup(functional, np.array([names[track] for track in tracks]))
    return Estimate(float(functional(np.ones((1, len(tracks))))[0]), of_tracks(_halves(len(names), seed)), len(names))


@lru_cache
def _halves(count: int, seed: int) -> np.ndarray:
    """The same for every system."""
    return half_samples(count, rng=np.random.default_rng([seed, count]))
