"""Rules by which results support, contradict or leave undecided a claim, the same for all claims.

This module handles only numbers: their study and their metric are decided elsewhere.

A claim about direction holds if the 95% interval excludes zero on its side and the p-value, if there is one, is
below 5% after Holm's correction. "Comparable" holds if the whole interval lies within a margin of zero: two
one-sided tests (Schuirmann, 1987) at 2.5% each. Several results make one verdict by Kleene's three-valued logic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from counterpoint.metrics.base import Better
from counterpoint.metrics.statistics import holm

Outcome = Literal["supported", "contradicted", "undecided", "untested"]
Test = Literal["better", "worse", "higher", "lower", "comparable", "not_worse"]
MARGIN = 0.1
"""Margin of equivalence, as a share of the compared scores: between the models of Table 2 that the paper calls
comparable (AR, and FM on EnCodec) FAD differs by up to 6%, CLAP by 5%, PQ by 2%, CE by 4% and PC by 10%."""
LEVEL = 0.05
"""A p-value below it distinguishes two systems."""


@dataclass(frozen=True)
class Effect:
    """A difference or slope of results, in the metric's own unit and sign: first minus second, or a slope.

    Attributes:
        what: description, such as "AR − FM".
        low, high: 95% interval; for times, the distance of the quartiles of the runs.
        better: the better direction of the metric.
        size: size of the compared scores, of which the margin of equivalence is a share.
        p: two-sided p-value, after Holm's correction; None if only the interval was computed.
        n: number of clips; 0 for times.
        paired: whether on the same prompts, clip by clip.
    """

    what: str
    value: float
    low: float
    high: float
    better: Better
    size: float
    p: float | None
    n: int
    paired: bool = False

    @property
    def gain(self) -> tuple[float, float]:
        """The interval, with its sign changed so that more is better."""
        return (-self.high, -self.low) if self.better == "lower" else (self.low, self.high)

    @property
    def margin(self) -> float:
        """The margin within which two results are comparable."""
        return MARGIN * max(self.size, 0.0)

    @property
    def is_clear(self) -> bool:
        """Whether the interval and the test both exclude zero."""
        return (self.low > 0 or self.high < 0) and (self.p is None or self.p < LEVEL)


def outcome(effect: Effect, test: Test) -> Outcome:
    """The outcome of one effect for a claim.

    Args:
        test: `better` or `worse`: the first system or the slope is; `higher` or `lower`: regardless of which is better.
            `comparable`: they differ by less than the margin. `not_worse`: the first is not worse by more than it.
    """
    low, high = effect.gain if test not in ("higher", "lower") else (effect.low, effect.high)
    if not math.isfinite(low + high):
        return "undecided"
    if test in ("better", "worse", "higher", "lower"):
        if not effect.is_clear:
            return "undecided"
        return "supported" if (low > 0) == (test in ("better", "higher")) else "contradicted"
    if low >= -effect.margin and (high <= effect.margin or test == "not_worse"):
        return "supported"
    is_beyond = high < -effect.margin or (low > effect.margin and test == "comparable")
    return "contradicted" if is_beyond else "undecided"


def all_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Contradicted if any is, supported if all are, untested if nothing was tested, else undecided."""
    if not outcomes or all(found == "untested" for found in outcomes):
        return "untested"
    if "contradicted" in outcomes:
        return "contradicted"
    return "supported" if all(found == "supported" for found in outcomes) else "undecided"


def any_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Supported if any is, contradicted if all are, untested if nothing was tested, else undecided."""
    turned: dict[Outcome, Outcome] = {"supported": "contradicted", "contradicted": "supported"}
    found = all_of([turned.get(each, each) for each in outcomes])
    return turned.get(found, found)


def corrected(effects: Sequence[Effect]) -> list[Effect]:
    """Apply Holm's correction to the unpaired effects; paired ones were corrected by their study."""
    raw = {str(place): each.p for place, each in enumerate(effects) if not each.paired and each.p is not None}
    found = holm(raw)
    return [replace(each, p=found.get(str(place), each.p)) for place, each in enumerate(effects)]
