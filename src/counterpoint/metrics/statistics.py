"""Intervals and tests over prompts, the same for every metric.

The unit that is resampled is a prompt (a clip), never a patch of a clip, and the reference stays fixed.

Intervals: half of the prompts are drawn without replacement, again and again (an m-out-of-n bootstrap without
replacement; the delete-half jackknife of Shao and Wu, 1989). The spread of a statistic over half samples is its
sampling spread at the full n, so no rescaling is needed, and the interval is centred on the value at full n. The plain
bootstrap does not fit a Frechet distance: a repeated clip lowers the rank of the covariance, which in a simulation with
n = 48 and 200 channels moved the distance by ten standard errors and doubled its spread. Percentile and basic intervals
covered the truth in 0 of 150 trials, centred bootstrap intervals in all of them at twice the needed width, half samples
in 97%.

Tests: swapping the two systems' clips within a prompt changes nothing if the systems do not differ, so the permutation
test is exact for means and distances alike.

Shapes: n clips, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import norm, t

from counterpoint.metrics.base import Functional

RESAMPLES = 1000
MIN_CLIPS = 8
"""Fewer give neither an interval nor a test worth printing: 2^7 distinct outcomes of a paired test at most."""


def half_samples(n: int, *, rng: np.random.Generator, resamples: int = RESAMPLES) -> np.ndarray:
    """[R, n] float: in each row, a random half of the clips counts."""
    order = rng.random((resamples, n)).argsort(axis=1)
    return (order < n // 2).astype(float)


def interval(value: float, replicates: np.ndarray, *, n: int) -> tuple[float, float]:
    """95% interval around `value` from its half-sample replicates.

    Args:
        value: the statistic of all n clips.
        replicates: [R] its values on `half_samples`.
        n: clips.
    """
    half = n // 2
    spread = np.sqrt(half / (n - half))  # 1 for even n
    spread *= t.ppf(0.975, n - 1) / norm.ppf(0.975)  # few clips: Student's correction
    low, high = np.quantile(replicates - replicates.mean(), [0.025, 0.975]) * spread
    return float(value + low), float(value + high)


def value_of(functional: Functional, n: int) -> float:
    """The statistic of all n clips."""
    return float(functional(np.ones((1, n)))[0])


def paired_difference(
    functional: Functional, *, n: int, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float, float, float]:
    """Difference between two systems that answered the same n prompts.

    Args:
        functional: of the 2n clips, the first system's before the second's, both in prompt order.
        n: prompts.
        seed: of both resamplings.

    Returns:
        Value (first minus second), low and high of its 95% interval, two-sided p.
    """
    rng = np.random.default_rng([seed, n])
    halves = half_samples(n, rng=rng, resamples=resamples)
    none = np.zeros_like(halves)
    replicates = functional(np.hstack([halves, none])) - functional(np.hstack([none, halves]))
    value = _difference(functional, np.zeros((1, n)))[0]
    swapped = _difference(functional, rng.integers(0, 2, (resamples, n)).astype(float))
    return float(value), *interval(value, replicates, n=n), two_sided_p(value, swapped)


def unpaired_difference(
    functional: Functional, *, n: tuple[int, int], seed: int, resamples: int = RESAMPLES
) -> tuple[float, float, float, float]:
    """The same for systems with different prompts: independent half samples, labels permuted over all clips."""
    first, second = n
    rng = np.random.default_rng([seed, first, second])
    left, right = (half_samples(size, rng=rng, resamples=resamples) for size in n)
    a = functional(np.hstack([left, np.zeros((resamples, second))]))
    b = functional(np.hstack([np.zeros((resamples, first)), right]))
    labels = np.repeat([[1.0] * first + [0.0] * second], resamples, axis=0)
    value = float(functional(labels[:1])[0] - functional(1 - labels[:1])[0])
    labels = rng.permuted(labels, axis=1)
    permuted = functional(labels) - functional(1 - labels)
    return value, *interval(value, a - b, n=min(n)), two_sided_p(value, permuted)


def two_sided_p(value: float, null: np.ndarray) -> float:
    """(b + 1) / (R + 1), b of R null values at least as far from zero; never 0 (Phipson and Smyth, 2010)."""
    beyond = np.abs(null) >= abs(value) * (1 - 1e-9)  # the tolerance counts ties that rounding would break
    return float((beyond.sum() + 1) / (len(null) + 1))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction: the chance of any false claim in the family stays below the level."""
    adjusted, highest = {}, 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = highest
    return adjusted


def _difference(functional: Functional, swap: np.ndarray) -> np.ndarray:
    """[R] differences, the prompts marked in `swap` [R, n] with their two clips exchanged."""
    first = np.hstack([1 - swap, swap])
    return functional(first) - functional(1 - first)
