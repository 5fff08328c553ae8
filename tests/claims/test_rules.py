"""Verdicts follow from numbers by rules: direction flips with the systems, and what is unclear is never supported."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from counterpoint.claims.rules import MARGIN, Effect, Outcome, Test, all_of, any_of, corrected, outcome
from counterpoint.metrics.contrasts import Estimate, contrast, slope_weights, surface_weights

OUTCOMES: tuple[Outcome, ...] = ("supported", "contradicted", "undecided", "untested")
FLIPPED: dict[str, Outcome] = {"supported": "contradicted", "contradicted": "supported", "undecided": "undecided"}
DIRECTED: tuple[Test, ...] = ("better", "worse", "higher", "lower")


def effect(value: float, reach: float, **changed: object) -> Effect:
    made = Effect("A − B", value, value - reach, value + reach, "higher", size=10.0, p=0.01, n=48, paired=True)
    return replace(made, **changed)


def swapped(found: Effect) -> Effect:
    return replace(found, value=-found.value, low=-found.high, high=-found.low)


EFFECTS = [
    effect(value, reach, p=p, better=better)
    for value, reach, p, better in product(
        (-2.0, -0.3, 0.0, 0.3, 2.0), (0.1, 0.5, 3.0), (0.01, 0.2, None), ("higher", "lower")
    )
]


@pytest.mark.parametrize("test", DIRECTED)
def test_swapping_the_systems_flips_a_claim_of_direction(test: Test) -> None:
    found = [outcome(each, test) for each in EFFECTS]
    assert {"supported", "contradicted", "undecided"} == set(found)
    assert [outcome(swapped(each), test) for each in EFFECTS] == [FLIPPED[each] for each in found]


def test_swapping_the_systems_leaves_them_comparable() -> None:
    found = [outcome(each, "comparable") for each in EFFECTS]
    assert {"supported", "contradicted", "undecided"} == set(found)
    assert [outcome(swapped(each), "comparable") for each in EFFECTS] == found


@pytest.mark.parametrize("test", DIRECTED)
def test_an_interval_across_zero_or_a_failed_test_decides_no_direction(test: Test) -> None:
    unclear = [each for each in EFFECTS if each.low <= 0 <= each.high or (each.p or 0) > 0.05]
    assert len(unclear) > 10
    assert {outcome(each, test) for each in unclear} == {"undecided"}


def test_better_turns_with_the_judge_and_higher_does_not() -> None:
    found = effect(-2.0, 0.5, better="lower")
    assert [outcome(found, test) for test in ("better", "lower")] == ["supported", "supported"]
    assert outcome(replace(found, better="higher"), "better") == "contradicted"
    assert outcome(replace(found, better="neither"), "lower") == "supported"


def test_comparable_needs_the_whole_interval_within_the_margin() -> None:
    margin = effect(0, 0).margin
    assert margin == MARGIN * 10.0
    assert outcome(effect(0.5, 0.4), "comparable") == "supported"  # and clearly not zero
    assert outcome(effect(0.0, 1.5), "comparable") == "undecided"
    assert outcome(effect(1.0, 0.5), "comparable") == "undecided"
    assert outcome(effect(2.0, 0.5), "comparable") == "contradicted"
    assert outcome(effect(0.0, 0.001, size=-3.0), "comparable") == "undecided", "nothing to be a share of"


def test_no_worse_asks_for_one_side_alone() -> None:
    assert outcome(effect(5.0, 1.0), "not_worse") == "supported"
    assert outcome(effect(-0.5, 0.4), "not_worse") == "supported"
    assert outcome(effect(-0.9, 0.4), "not_worse") == "undecided"
    assert outcome(effect(-2.0, 0.4), "not_worse") == "contradicted"
    assert outcome(effect(-2.0, 0.4, better="lower"), "not_worse") == "supported"


def test_what_is_no_number_is_undecided() -> None:
    tests: tuple[Test, ...] = (*DIRECTED, "comparable", "not_worse")
    assert {outcome(effect(2.0, 0.1, high=float("nan")), test) for test in tests} == {"undecided"}


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ((), "untested"),
        (("untested", "untested"), "untested"),
        (("supported", "supported"), "supported"),
        (("supported", "undecided"), "undecided"),
        (("supported", "untested"), "undecided"),
        (("supported", "contradicted", "undecided", "untested"), "contradicted"),
    ],
)
def test_a_whole_is_what_its_parts_allow(parts: tuple[Outcome, ...], whole: Outcome) -> None:
    assert {all_of(order) for order in permutations(parts)} == {whole}


def test_any_is_all_turned_round() -> None:
    turned: dict[str, Outcome] = {**FLIPPED, "untested": "untested"}
    for parts in product(OUTCOMES, repeat=3):
        assert any_of(parts) == turned[all_of([turned[part] for part in parts])]
    assert any_of(("contradicted", "supported", "undecided")) == "supported"
    assert any_of(("contradicted", "undecided")) == "undecided"


def test_a_contrast_of_two_is_their_difference_with_both_errors() -> None:
    one, other = Estimate(10, 7, 12), Estimate(4, 0, 5)
    found, p = contrast((one, other), (1, -1))
    value, low, high = found.value, found.low, found.high
    assert (value, low, high) == pytest.approx((6, 6 - (3**2 + 1**2) ** 0.5, 6 + (2**2 + 4**2) ** 0.5))
    assert p < 0.05 and low > 0
    turned, same = contrast((other, one), (1, -1))
    assert (turned.value, turned.low, turned.high, same) == pytest.approx((-value, -high, -low, p))
    widest, _ = contrast((one, other), (1, -1), together=True)
    assert (widest.low, widest.high) == pytest.approx((6 - 4, 6 + 6))


def test_intervals_of_contrasts_cover_the_truth() -> None:
    rng = np.random.default_rng(0)
    truth, sigma = np.array([3.0, 2.5, 2.2, 1.0]), np.array([0.2, 0.4, 0.3, 0.1])
    weights = slope_weights([8, 16, 32, 64])
    wanted, inside, significant = float(truth @ weights), 0, 0
    for values in truth + sigma * rng.standard_normal((1000, 4)):
        scores = [Estimate(v, v - 1.96 * s, v + 1.96 * s) for v, s in zip(values, sigma, strict=True)]
        found, p = contrast(scores, weights)
        value, low, high = found.value, found.low, found.high
        inside += low <= wanted <= high
        significant += p < 0.05
        assert (p < 0.05) == (low > 0 or high < 0)
        assert low <= value <= high
    assert 920 <= inside <= 980
    assert significant > 900


def test_a_slope_is_per_doubling() -> None:
    places = [10.0, 25.0, 50.0, 200.0]
    weights = slope_weights(places)
    assert sum(weights) == pytest.approx(0)
    assert float(np.dot(weights, 7 - 1.5 * np.log2(places))) == pytest.approx(-1.5)


def test_frame_rate_and_length_are_told_apart() -> None:
    rates, durations = [25, 25, 25, 50, 50, 50, 100], [10, 20, 40, 10, 20, 40, 10]
    both = surface_weights(rates, durations)
    assert both is not None
    values = 1 + 0.3 * np.log2(rates) + 0.1 * np.log2(np.multiply(rates, durations))
    assert np.dot(both, values) == pytest.approx((0.3, 0.1))
    assert surface_weights([25, 50, 100], [40, 20, 10]) is None, "one length alone"
    assert surface_weights([25, 25, 25], [10, 20, 40]) is None, "one frame rate alone"
    assert surface_weights([25, 50], [10, 10]) is None


def test_only_what_no_study_has_corrected_is_corrected() -> None:
    found = corrected([effect(1, 0.5, p=0.03, paired=paired) for paired in (True, False, False)])
    assert [each.p for each in found] == pytest.approx([0.03, 0.06, 0.06])
    assert corrected([effect(1, 0.5, p=None, paired=False)])[0].p is None
