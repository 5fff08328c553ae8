"""Intervals that cover, tests that keep their level."""

import numpy as np
import pytest

from counterpoint.metrics.base import Features, WeightedMean
from counterpoint.metrics.distribution import FrechetDistance
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.statistics import (
    half_samples,
    holm,
    interval,
    paired_difference,
    two_sided_p,
    unpaired_difference,
    value_of,
)


def _clips(embeddings: np.ndarray) -> list[Features]:
    """[n, P, E] to clips."""
    return [Features("", {"musicnn": {"embeddings": rows}}, {}, 5.0, False) for rows in embeddings]


def test_half_samples_are_halves_and_the_same_for_one_seed():
    halves = half_samples(11, rng=np.random.default_rng(3), resamples=50)
    assert halves.shape == (50, 11)
    assert set(halves.sum(1)) == {5.0}
    assert len({tuple(row) for row in halves}) > 40
    np.testing.assert_array_equal(halves, half_samples(11, rng=np.random.default_rng(3), resamples=50))


@pytest.mark.parametrize("n", [9, 40])
def test_interval_of_a_mean_is_the_textbook_one(n):
    values = np.random.default_rng(0).standard_normal(n)
    functional = WeightedMean(values)
    halves = half_samples(n, rng=np.random.default_rng(1), resamples=20_000)
    low, high = interval(values.mean(), functional(halves), n=n)
    from scipy.stats import t

    half_width = t.ppf(0.975, n - 1) * values.std(ddof=1) / np.sqrt(n)
    assert (high - low) / 2 == pytest.approx(half_width, rel=0.08)
    assert (high + low) / 2 == pytest.approx(values.mean(), abs=0.05 * half_width)


def test_frechet_interval_covers_the_expected_distance_at_this_n():
    """Of 40 systems, about 38 intervals should hold the distance expected of n clips; a bootstrap's held none."""
    n, channels, rng = 24, 40, np.random.default_rng(5)
    scale = np.exp(-np.arange(channels) / 10)
    draw = lambda: 1.3 * rng.standard_normal((n, 1, channels)) * scale  # noqa: E731
    reference = _clips(rng.standard_normal((n, 1, channels)) * scale)
    functional = lambda: FrechetDistance(MusicnnJudge()).prepare(_clips(draw()), reference=reference)  # noqa: E731
    expected = np.mean([value_of(functional(), n) for _ in range(200)])
    halves = half_samples(n, rng=rng, resamples=150)
    intervals = []
    for _ in range(40):
        each = functional()
        intervals.append(interval(value_of(each, n), each(halves), n=n))
    lows, highs = np.array(intervals).T
    covered = ((lows <= expected) & (expected <= highs)).mean()
    assert covered >= 0.85
    assert (highs - lows).mean() < expected  # and not by being vast


def test_paired_test_keeps_its_level_and_finds_what_an_unpaired_one_cannot():
    rng = np.random.default_rng(2)
    null, paired, unpaired = [], [], []
    for seed in range(150):
        prompt, noise = rng.standard_normal(20), 0.3 * rng.standard_normal((2, 20))
        same = WeightedMean(np.concatenate([prompt + noise[0], prompt + noise[1]]))
        null.append(paired_difference([same], n=20, seed=seed, resamples=200).p)
        better = WeightedMean(np.concatenate([prompt + noise[0] + 0.4, prompt + noise[1]]))
        paired.append(paired_difference([better], n=20, seed=seed, resamples=200).p)
        unpaired.append(unpaired_difference([better], n=(20, 20), seed=seed, resamples=200).p)
    assert np.mean(np.array(null) < 0.05) < 0.1
    assert np.mean(np.array(null) < 0.5) == pytest.approx(0.5, abs=0.13)
    assert np.mean(np.array(paired) < 0.05) > 0.9
    assert np.mean(np.array(unpaired) < 0.05) < 0.5


def test_difference_has_the_sign_of_first_minus_second_and_repeats_with_its_seed():
    functional = WeightedMean(np.concatenate([np.arange(12.0) + 1, np.arange(12.0)]))
    found = paired_difference([functional], n=12, seed=4)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1, 1))
    assert found.p <= 2 / 1000 and found.effect is None  # nothing varies
    assert paired_difference([functional], n=12, seed=4) == found
    unequal = WeightedMean(np.concatenate([np.full(9, 5.0), np.zeros(14)]))
    assert unpaired_difference([unequal], n=(9, 14), seed=0).value == pytest.approx(5)


def test_p_value_is_never_zero_and_counts_ties():
    assert two_sided_p(9.0, np.zeros(999)) == pytest.approx(0.001)
    assert two_sided_p(1.0, np.array([1.0, -1.0, 0.5])) == pytest.approx(3 / 4)
    assert two_sided_p(0.0, np.zeros(9)) == 1


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
    assert holm({}) == {}


def test_mean_skips_clips_without_a_value():
    functional = WeightedMean(np.array([1.0, np.nan, 3.0, np.nan]))
    np.testing.assert_allclose(functional(np.array([[1, 1, 1, 1], [0, 1, 1, 0.0]])), [2, 3])
