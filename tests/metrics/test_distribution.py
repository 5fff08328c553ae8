"""Frechet and kernel distance against closed forms and direct sums."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from counterpoint.metrics.base import Features
from counterpoint.metrics.distribution import FrechetDistance, KernelDistance
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.statistics import value_of


def clips_of(embeddings: np.ndarray) -> list[Features]:
    """[n, P, E] to clips."""
    return [Features("", {"musicnn": {"embeddings": rows}}, {}, 5.0, False) for rows in embeddings]


def _draw(seed: int, *, n: int = 30, patches: int = 2, channels: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).standard_normal((channels, channels)) / np.sqrt(channels)
    clip = rng.standard_normal((n, 1, channels))
    return (clip + 0.5 * rng.standard_normal((n, patches, channels))) @ mixing


def _value(metric, x: np.ndarray, y: np.ndarray) -> float:
    return value_of(metric.prepare(clips_of(x), reference=clips_of(y)), len(x))


def test_frechet_is_zero_for_the_same_set_and_the_squared_shift_for_a_moved_one():
    x = _draw(0)
    shift = np.arange(12) / 4
    assert _value(FrechetDistance(MusicnnJudge()), x, x) == pytest.approx(0, abs=1e-6)
    assert _value(FrechetDistance(MusicnnJudge()), x + shift, x) == pytest.approx(shift @ shift, rel=1e-6)


def test_frechet_of_a_scaled_set_has_its_closed_form():
    x = _draw(1)
    flat = x.reshape(-1, 12)
    expected = ((3 - 1) ** 2) * (flat.mean(0) @ flat.mean(0) + np.trace(np.cov(flat, rowvar=False)))
    assert _value(FrechetDistance(MusicnnJudge()), 3 * x, x) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n", [5, 40])
def test_frechet_equals_the_matrix_square_root_with_few_patches_and_with_many(n):
    x, y = _draw(2, n=n), _draw(3, n=40)
    a, b = x.reshape(-1, 12), y.reshape(-1, 12)
    c1, c2 = np.cov(b, rowvar=False), np.cov(a, rowvar=False)
    root = np.real(sqrtm(c1 @ c2 + 1e-12 * np.eye(12)))
    expected = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(c1 + c2 - 2 * root)
    assert _value(FrechetDistance(MusicnnJudge()), x, y) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("metric", [FrechetDistance(MusicnnJudge()), KernelDistance(MusicnnJudge())])
def test_weights_leave_clips_out(metric):
    x, y = _draw(4), _draw(5)
    weights = np.zeros((1, 30))
    weights[0, :20] = 1
    some = metric.prepare(clips_of(x), reference=clips_of(y))(weights)[0]
    assert some == pytest.approx(_value(metric, x[:20], y), rel=1e-9)


@pytest.mark.parametrize("metric", [FrechetDistance(MusicnnJudge()), KernelDistance(MusicnnJudge())])
def test_more_noise_is_further_away(metric):
    x, y = _draw(6, n=60), _draw(7, n=60)
    noise = np.random.default_rng(8).standard_normal(x.shape)
    values = [_value(metric, x + level * noise, y) for level in (0.0, 0.5, 1.0, 2.0)]
    assert values == sorted(values) and values[-1] > 3 * values[0] + 1


def test_kernel_distance_equals_the_direct_sum_for_one_patch_a_clip():
    x, y = _draw(9, n=9, patches=1), _draw(10, n=11, patches=1) + 0.5
    a, b = x[:, 0], y[:, 0]
    distance = lambda u, v: np.linalg.norm(u - v)  # noqa: E731
    bandwidth = np.median([distance(b[i], b[j]) for i in range(11) for j in range(i)])
    # The metric takes the median of squared distances: the same pair in the middle of an odd number of pairs.
    assert 11 * 10 // 2 % 2
    kernel = lambda u, v: np.exp(-(distance(u, v) ** 2) / (2 * bandwidth**2))  # noqa: E731
    within = lambda s: np.mean([kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j])  # noqa: E731
    expected = 100 * (within(a) + within(b) - 2 * np.mean([kernel(u, v) for u in a for v in b]))
    assert _value(KernelDistance(MusicnnJudge()), x, y) == pytest.approx(expected, rel=1e-9)


def test_kernel_distance_is_unbiased_where_frechet_is_not():
    """Equal distributions, few clips, several alike patches a clip."""
    pairs = [(_draw(100 + i, n=10, patches=3), _draw(500 + i, n=10, patches=3)) for i in range(150)]
    kernel = np.array([_value(KernelDistance(MusicnnJudge()), x, y) for x, y in pairs])
    frechet = np.array([_value(FrechetDistance(MusicnnJudge()), x, y) for x, y in pairs])
    assert abs(kernel.mean()) < 3 * kernel.std() / np.sqrt(len(kernel))
    assert frechet.mean() > 20 * frechet.std() / np.sqrt(len(frechet))
