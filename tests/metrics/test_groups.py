"""Clips of one group are drawn together: ten copies of a clip tell no more than one."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from counterpoint.metrics.base import ByGroup, WeightedMean
from counterpoint.metrics.statistics import half_samples, interval, paired_difference

COPIES = 10


def test_copies_within_a_group_do_not_narrow_an_interval() -> None:
    values = np.random.default_rng(0).normal(size=12)
    labels = np.repeat(np.arange(12), COPIES)
    single, grouped = WeightedMean(values), ByGroup(WeightedMean(values.repeat(COPIES)), labels)
    halves = half_samples(12, rng=np.random.default_rng(1))
    assert interval(0.0, grouped(halves), n=12) == pytest.approx(interval(0.0, single(halves), n=12))
    naive = half_samples(12 * COPIES, rng=np.random.default_rng(1))
    low, high = interval(0.0, WeightedMean(values.repeat(COPIES))(naive), n=12 * COPIES)
    assert high - low < 0.5 * np.diff(interval(0.0, grouped(halves), n=12))[0]


def test_copies_within_a_group_do_not_sharpen_a_paired_test() -> None:
    values = np.random.default_rng(2).normal(size=(2, 12))
    values[0] += 0.3
    labels = np.repeat(np.arange(24), COPIES)
    single = paired_difference([WeightedMean(values.ravel())], n=12, seed=0)
    grouped = paired_difference([ByGroup(WeightedMean(values.ravel().repeat(COPIES)), labels)], n=12, seed=0)
    assert astuple(grouped) == pytest.approx(astuple(single))
