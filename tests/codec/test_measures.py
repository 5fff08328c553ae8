"""Reconstruction measures and residual k-means on cases with known answers."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from counterpoint.codec.kmeans import fit_codebooks
from counterpoint.codec.measures import log_spectral_distance, perplexity, si_snr


@pytest.fixture
def music() -> torch.Tensor:
    return 0.1 * torch.randn(2, 16_000, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("expected_db", [-10.0, 0.0, 20.0])
def test_si_snr_of_known_noise(music: torch.Tensor, expected_db: float) -> None:
    noise = torch.randn(2, 16_000, generator=torch.Generator().manual_seed(1))
    noise -= noise.mean(dim=-1, keepdim=True)
    reference = music - music.mean(dim=-1, keepdim=True)
    noise -= (noise * reference).sum(-1, keepdim=True) / reference.square().sum(-1, keepdim=True) * reference
    noise *= (reference.norm(dim=-1) / noise.norm(dim=-1) * 10 ** (-expected_db / 20))[:, None]
    torch.testing.assert_close(si_snr(3.0 * (music + noise), music), torch.full((2,), expected_db), atol=1e-2, rtol=0)


def test_log_spectral_distance_of_a_gain_is_that_gain(music: torch.Tensor) -> None:
    assert log_spectral_distance(music, music).abs().max() < 1e-6
    torch.testing.assert_close(log_spectral_distance(0.5 * music, music), torch.full((2,), 6.02), atol=0.05, rtol=0)
    assert log_spectral_distance(torch.zeros_like(music), music).min() > 30


def test_perplexity_of_even_and_of_constant_use() -> None:
    even = torch.arange(64).repeat(4).view(2, 1, 128)
    codes = torch.cat([even, torch.full_like(even, 5)], dim=1)
    torch.testing.assert_close(perplexity(codes, codebook_size=64), torch.tensor([64.0, 1.0], dtype=torch.float64))


def test_residual_kmeans_finds_a_two_level_grid() -> None:
    """Sixteen points that are sums of four far and four near offsets: two codebooks of four hold them exactly."""
    generator = torch.Generator().manual_seed(0)
    far = 10.0 * torch.randn(4, 6, generator=generator)
    near = torch.randn(4, 6, generator=generator)
    near -= near.mean(dim=0)
    points = (far[:, None] + near[None]).reshape(16, 6).repeat(20, 1)
    best = math.inf
    for seed in range(4):  # Lloyd's algorithm may stop in a local optimum
        start = torch.Generator().manual_seed(seed)
        books = fit_codebooks(points, num_codebooks=2, codebook_size=4, iterations=10, generator=start)
        residual = points
        for book in books:
            residual = residual - book[torch.cdist(residual, book).argmin(dim=1)]
        best = min(best, residual.norm(dim=1).max().item())
    assert best < 1e-3


def test_kmeans_fills_empty_codes_and_repeats_itself() -> None:
    vectors = torch.randn(40, 3, generator=torch.Generator().manual_seed(0))
    fitted = [
        fit_codebooks(
            vectors, num_codebooks=2, codebook_size=64, iterations=3, generator=torch.Generator().manual_seed(7)
        )
        for _ in range(2)
    ]
    for first, second in zip(*fitted, strict=True):
        assert torch.isfinite(first).all() and first.shape == (64, 3)
        assert torch.equal(first, second)


def test_each_codebook_lowers_the_error() -> None:
    vectors = torch.randn(3000, 8, generator=torch.Generator().manual_seed(0))
    books = fit_codebooks(vectors, num_codebooks=4, codebook_size=32, iterations=5, generator=torch.Generator())
    residual, errors = vectors, [vectors.square().mean().item()]
    for book in books:
        residual = residual - book[torch.cdist(residual, book).argmin(dim=1)]
        errors.append(residual.square().mean().item())
    assert all(later < 0.85 * earlier for earlier, later in itertools.pairwise(errors))
