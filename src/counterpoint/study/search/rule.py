"""The stopping rule of a search, from the prompts answered so far, paired with the best point.

A point is stopped if the whole interval of its difference from the best is on the worse side. The interval is a t
interval from half samples (see `metrics.statistics`), with its level shared by all comparisons that could stop the
truly best point: one with every other point, on every rung but the last (Bonferroni). The probability that the best
point is stopped is therefore below `LEVEL`; if points differ only by noise, this holds for each of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from scipy.stats import t

from counterpoint.metrics.halves import Estimate
from counterpoint.results.search import Standing

LEVEL = 0.05


def comparisons(*, points: int, rungs: int) -> int:
    """Comparisons that could stop one point: with every other, on every rung but the last."""
    return max(1, (points - 1) * (rungs - 1))


def stand(
    estimates: Mapping[str, Estimate | None],
    *,
    n: int,
    better: Literal["lower", "higher"],
    keep: int,
    compared: int,
    is_last: bool = False,
) -> dict[str, Standing]:
    """Where every point stands on a rung, and whether it continues.

    Args:
        estimates: by key; None for a point that has no score.
        n: prompts answered.
        keep: this many of the best continue regardless of the rule.
        compared: number of comparisons that share the level.
        is_last: all prompts are answered, and nothing is left to be stopped.
    """
    sign = 1.0 if better == "lower" else -1.0
    known = {key: each for key, each in estimates.items() if each is not None and math.isfinite(each.value)}
    ranked = sorted(known, key=lambda key: sign * known[key].value)
    standings = {}
    for key in estimates:
        if key not in known:
            standings[key] = Standing(n=n, best="", goes_on=False, reason="it has no score")
            continue
        own, best = known[key], known[ranked[0]]
        error, apart = own.error(best), sign * (own.value - best.value)
        bound = apart - _quantile(LEVEL / compared, own.units) * error
        half, width = (_quantile(0.025, own.units) * each for each in (own.error(), error))
        is_kept = ranked.index(key) < keep
        standings[key] = Standing(
            n=n,
            value=own.value,
            low=own.value - half,
            high=own.value + half,
            best=ranked[0],
            difference=apart,
            difference_low=apart - width,
            difference_high=apart + width,
            bound=bound,
            goes_on=is_last or is_kept or not bound > 0,
            reason=_reason(is_last=is_last, is_kept=is_kept, is_hopeless=bound > 0, n=n),
        )
    return standings


def _quantile(level: float, units: int) -> float:
    """Critical value of Student's t, one-sided."""
    return float(t.ppf(1 - level, units - 1))


def _reason(*, is_last: bool, is_kept: bool, is_hopeless: bool, n: int) -> str:
    if is_last:
        return "all prompts are answered"
    if not is_hopeless:
        return "not shown to be worse than the best"
    return (
        "one of the best points, which always continue"
        if is_kept
        else f"shown to be worse than the best on {n} prompts"
    )
