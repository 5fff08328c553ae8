"""What results say of a claim: supported, contradicted or undecided, by rules that are the same for all.

Everything here is about numbers alone: which study they come from, and which judge gave them, is decided elsewhere.

A claim about direction holds where the 95% interval leaves out zero on its side and the p-value, where there is one,
is below 5% after Holm's correction. "Comparable" holds where the whole interval lies within a margin of zero: two
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
"""Of equivalence, as a share of the scores compared: between the models of Table 2 that the paper calls comparable (AR,
and FM on EnCodec) FAD differs by up to 6%, CLAP by up to 5%, PQ by up to 2%, CE by up to 4% and PC by up to 10%."""
LEVEL = 0.05
"""A p-value below it tells two systems apart."""


@dataclass(frozen=True)
class Effect:
    """How far apart results are, in the judge's own unit and sign: first minus second, or a slope.

    Attributes:
        what: in words; "AR − FM".
        low, high: of its 95% interval; of times, how far apart the quartiles of the runs are.
        better: the judge's good direction.
        size: of the scores compared, which the margin of equivalence is a share of.
        p: two-sided, after Holm's correction; None where nothing was tested but the interval.
        n: clips; 0 where none were judged.
        paired: on the same prompts, clip by clip.
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
        """The interval, turned so that more is better."""
        return (-self.high, -self.low) if self.better == "lower" else (self.low, self.high)

    @property
    def margin(self) -> float:
        """Within which two results are comparable."""
        return MARGIN * max(self.size, 0.0)

    @property
    def is_clear(self) -> bool:
        """Zero is left out, by the interval and by the test."""
        return (self.low > 0 or self.high < 0) and (self.p is None or self.p < LEVEL)


def outcome(effect: Effect, test: Test) -> Outcome:
    """What one effect says of a claim.

    Args:
        test: `better` or `worse`: the first is so, or the slope; `higher` or `lower`: whichever way is good.
            `comparable`: they differ by less than the margin. `not_worse`: the first is not behind by more than it.
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
    """Contradicted where one is, supported where all are, untested where nothing was tested, else undecided."""
    if not outcomes or all(found == "untested" for found in outcomes):
        return "untested"
    if "contradicted" in outcomes:
        return "contradicted"
    return "supported" if all(found == "supported" for found in outcomes) else "undecided"


def any_of(outcomes: Sequence[Outcome]) -> Outcome:
    """Supported where one is, contradicted where all are, untested where nothing was tested, else undecided."""
    turned: dict[Outcome, Outcome] = {"supported": "contradicted", "contradicted": "supported"}
    found = all_of([turned.get(each, each) for each in outcomes])
    return turned.get(found, found)


def corrected(effects: Sequence[Effect]) -> list[Effect]:
    """With Holm's correction over those that are not paired; paired ones come from their study corrected."""
    raw = {str(place): each.p for place, each in enumerate(effects) if not each.paired and each.p is not None}
    found = holm(raw)
    return [replace(each, p=found.get(str(place), each.p)) for place, each in enumerate(effects)]
