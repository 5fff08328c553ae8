"""Intervals that cover, tests that keep their level."""

import numpy as np
import pytest

from counterpoint.metrics.base import Features, WeightedMean
from counterpoint.metrics.distribution import FrechetDistance, FrechetInfinity, KernelDistance
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.statistics import (
    half_samples,
    holm,
    interval,
    paired_difference,
    permutation_p,
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


N, CHANNELS, SCALE = 32, 16, np.exp(-np.arange(16) / 6)


def _system(rng: np.random.Generator, gain: float) -> np.ndarray:
    """[n, P, E] two patches a clip, alike."""
    clip, own = rng.standard_normal((N, 1, CHANNELS)), 0.5 * rng.standard_normal((N, 2, CHANNELS))
    return gain * (clip + own) * SCALE


@pytest.mark.parametrize("metric", [FrechetDistance(MusicnnJudge()), KernelDistance(MusicnnJudge())])
def test_intervals_of_distances_cover_what_is_expected_at_this_n(metric):
    """A percentile bootstrap's would hold it in none of the trials for a Frechet distance."""
    rng, trials = np.random.default_rng(5), 100
    reference = _clips(_system(rng, 1.0))
    functional = lambda: metric.prepare(_clips(_system(rng, 1.3)), reference=reference)  # noqa: E731
    values = [value_of(functional(), N) for _ in range(500)]
    expected = np.mean(values)
    halves = half_samples(N, rng=rng, resamples=100)
    intervals = []
    for _ in range(trials):
        each = functional()
        intervals.append(interval(value_of(each, N), each(halves), n=N))
    lows, highs = np.array(intervals).T
    assert ((lows <= expected) & (expected <= highs)).mean() >= 0.92
    assert (highs - lows).mean() < 6 * np.std(values)  # and not by being vast


@pytest.mark.parametrize("metric", [FrechetDistance(MusicnnJudge()), KernelDistance(MusicnnJudge())])
@pytest.mark.parametrize("spread", [1.2, 2.0])
def test_intervals_of_paired_differences_of_distances_cover(metric, spread: float):
    """Two systems whose answers to one prompt are alike, one of them worse; also with twice the spread of the other."""
    rng, trials = np.random.default_rng(6), 100
    reference = _clips(_system(rng, 1.0))

    def functional():
        first = _system(rng, 1.2)
        second = spread * first + 0.4 * rng.standard_normal(first.shape) * SCALE
        return metric.prepare(_clips(np.concatenate([first, second])), reference=reference)

    only = np.repeat([[1.0, 0.0]], N, axis=1)
    expected = np.mean([(each(only) - each(1 - only))[0] for each in (functional() for _ in range(500))])
    found = [paired_difference([functional()], n=N, seed=seed, resamples=100) for seed in range(trials)]
    assert np.mean([each.low <= expected <= each.high for each in found]) >= 0.92
    assert np.mean([each.p < 0.05 for each in found]) > 0.3  # and they see something


def test_extrapolated_distance_covers_the_truth_of_infinitely_many_clips():
    rng, n, trials = np.random.default_rng(7), 40, 40
    halves = half_samples(n, rng=rng, resamples=100)
    draw = lambda: rng.standard_normal((n, 1, 8)) * SCALE[:8]  # noqa: E731
    covered, plain = 0, 0
    for _ in range(trials):
        own, reference = _clips(1.5 * draw()), _clips(draw())
        truth = 0.25 * np.square(SCALE[:8]).sum()
        for metric in (FrechetInfinity(MusicnnJudge()), FrechetDistance(MusicnnJudge())):
            each = metric.prepare(own, reference=reference)
            low, high = interval(value_of(each, n), each(halves), n=n)
            covered += (low <= truth <= high) and each.fit is not None
            plain += (low <= truth <= high) and each.fit is None
    assert covered >= 0.92 * trials and covered > plain


def test_effect_of_a_paired_mean_is_hedges_d_of_the_differences():
    rng = np.random.default_rng(8)
    first, second = 0.6 + rng.standard_normal(20), rng.standard_normal(20)
    found = paired_difference([WeightedMean(np.concatenate([first, second]))], n=20, seed=0, resamples=5000)
    d = first - second
    assert found.effect == pytest.approx((1 - 3 / (4 * 19 - 1)) * d.mean() / d.std(ddof=1), rel=0.04)
    wide = rng.standard_normal(40)
    found = unpaired_difference([WeightedMean(np.concatenate([first, wide]))], n=(20, 40), seed=0, resamples=5000)
    pooled = np.sqrt((19 * first.var(ddof=1) + 39 * wide.var(ddof=1)) / 58)
    assert found.effect == pytest.approx((first.mean() - wide.mean()) / pooled, rel=0.15)
    scaled = paired_difference([WeightedMean(7 * np.concatenate([first, second]))], n=20, seed=0, resamples=5000)
    again = paired_difference([WeightedMean(np.concatenate([first, second]))], n=20, seed=0, resamples=5000)
    assert scaled.effect == pytest.approx(again.effect)  # comparable between metrics


def test_a_large_family_gets_more_draws_and_only_where_they_can_matter():
    asked: list[int] = []

    def null(count: int) -> np.ndarray:
        asked.append(count)
        return np.zeros(count)

    assert permutation_p(1.0, null, resamples=200, family=3) == pytest.approx(1 / 201)
    assert asked == [200]
    assert permutation_p(1.0, null, resamples=200, family=50) == pytest.approx(1 / 2001)
    assert asked[1:] == [200, 1800]
    assert permutation_p(0.0, null, resamples=200, family=50) == 1 and asked[3:] == [200]


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
