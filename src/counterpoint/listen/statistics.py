"""Means of crossed ratings: every rater heard many items, and every item was heard by many raters.

Judgments of one rater are correlated, and so are judgments of one item. An interval of 1.96 s / sqrt(n), which ignores
this, covers the true mean about half as often as it claims. Here the variance of a mean is that of ordinary least
squares with two-way clusters (Cameron, Gelbach and Miller, 2011): the variance over raters, plus that over items, minus
that over both. The t distribution has as many degrees of freedom as the smaller number of clusters, less one.

Shapes: n judgments, S systems, G clusters.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Crossed:
    """Means of systems and their covariance.

    Attributes:
        values: [S] means.
        counts: [S] numbers of judgments.
        over_raters, over_items, over_cells: [S, S] covariance of the means, clustered by raters, items and both.
        freedom: degrees of freedom of the t distribution.
        naive: [S] variance as if judgments were independent.
    """

    values: np.ndarray
    counts: np.ndarray
    over_raters: np.ndarray
    over_items: np.ndarray
    over_cells: np.ndarray
    freedom: int
    naive: np.ndarray

    def variance(self, weights: np.ndarray) -> float:
        """The variance of a weighted sum of the means, [S] weights; at least that of either clustering alone."""
        raters, items, cells = (
            float(weights @ matrix @ weights) for matrix in (self.over_raters, self.over_items, self.over_cells)
        )
        return max(raters + items - cells, raters, items)

    def interval(self, weights: np.ndarray) -> tuple[float, float, float, float]:
        """(value, low, high, p) of a weighted sum: 95% interval and two-sided p-value of zero."""
        from scipy.stats import t

        value, spread = float(weights @ self.values), math.sqrt(self.variance(weights))
        half = spread * float(t.ppf(0.975, self.freedom))
        p = float(2 * t.sf(abs(value) / spread, self.freedom)) if spread > 0 else float(value == 0)
        return value, value - half, value + half, p

    def raters_needed(self, weights: np.ndarray, *, raters: int, half_width: float) -> int | None:
        """The additional raters, on the same items, that narrow the interval of a sum to ±`half_width`.

        None if no number is enough: variance between raters shrinks with their number, variance between items does not.
        """
        from scipy.stats import t

        of_raters = float(weights @ self.over_raters @ weights)
        stays = max(self.variance(weights) - of_raters, 0.0)
        wanted = (half_width / float(t.ppf(0.975, self.freedom))) ** 2 - stays
        if wanted <= 0:
            return None
        return max(0, math.ceil(raters * of_raters / wanted) - raters)


def crossed_means(
    values: np.ndarray, systems: np.ndarray, raters: np.ndarray, items: np.ndarray, *, count: int
) -> Crossed:
    """Compute the means of `count` systems from [n] values and the [n] indices of their system, rater and item."""
    sizes = np.bincount(systems, minlength=count).astype(float)
    safe = np.maximum(sizes, 1)
    means = np.bincount(systems, weights=values, minlength=count) / safe
    residuals = values - means[systems]
    cells = raters * (items.max(initial=0) + 1) + items
    covariances = [_clustered(residuals, systems, labels, safe) for labels in (raters, items, cells)]
    squares = np.bincount(systems, weights=residuals**2, minlength=count)
    groups = min(len(np.unique(raters)), len(np.unique(items)))
    return Crossed(
        means, sizes, *covariances, freedom=max(1, groups - 1), naive=squares / np.maximum(safe - 1, 1) / safe
    )


def _clustered(residuals: np.ndarray, systems: np.ndarray, labels: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """[S, S] covariance of the means with [n] cluster labels, corrected for the number of clusters."""
    _, place = np.unique(labels, return_inverse=True)
    groups = int(place.max(initial=0)) + 1
    sums = np.zeros((groups, len(sizes)))
    np.add.at(sums, (place, systems), residuals)
    sums /= sizes
    return sums.T @ sums * (groups / max(1, groups - 1))


def krippendorff_alpha(values: np.ndarray, units: np.ndarray) -> float:
    """Agreement of raters with the interval metric: 1 is perfect, 0 is chance; NaN if all values are equal.

    Args:
        values: [n] ratings.
        units: [n] indices of the rated units; units with one rating are ignored.
    """
    _, place, sizes = np.unique(units, return_inverse=True, return_counts=True)
    kept = sizes[place] > 1
    values, place = values[kept], place[kept]
    n = len(values)
    if n < 2 or np.ptp(values) == 0:
        return math.nan
    sizes = np.bincount(place, minlength=len(sizes)).astype(float)
    safe = np.maximum(sizes, 2)
    means = np.bincount(place, weights=values, minlength=len(sizes)) / safe
    within = np.bincount(place, weights=(values - means[place]) ** 2, minlength=len(sizes))
    observed = float((2 * sizes * within / (safe - 1)).sum()) / n
    expected = 2 * float(((values - values.mean()) ** 2).sum()) / (n - 1)
    return 1 - observed / expected


def bradley_terry(first: Sequence[int], second: Sequence[int], share: Sequence[float], *, count: int) -> np.ndarray:
    """Estimate the [S] log-odds of systems from the outcomes of pairs; their mean is zero.

    Args:
        first, second: [n] indices of the systems of each pair.
        share: [n] 1 if the first was preferred, 0 if the second was, and 0.5 for a tie.
    """
    import statsmodels.api as sm

    design = np.zeros((len(share), count))
    rows = np.arange(len(share))
    design[rows, list(first)], design[rows, list(second)] = 1.0, -1.0
    # the last system is the baseline; half a win for either side keeps the log-odds of perfect scores finite
    added = np.concatenate([design, design, design])[:, :-1]
    outcome = np.concatenate([np.asarray(share, float), np.ones(len(share)), np.zeros(len(share))])
    weights = np.concatenate([np.ones(len(share)), np.full(2 * len(share), 0.5 * count / max(1, len(share)))])
    fitted = sm.GLM(outcome, added, family=sm.families.Binomial(), freq_weights=weights).fit()
    found = np.append(np.asarray(fitted.params), 0.0)
    return found - found.mean()
