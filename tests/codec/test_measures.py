"""Reconstruction measures and residual k-means on cases with known answers."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from counterpoint.codec import Encoding
from counterpoint.codec.kmeans import fit_codebooks
from counterpoint.codec.measures import (
    MEASURES,
    chord_agreement_viterbi25,
    chroma_agreement,
    clip_measures,
    log_mel_distance,
    log_spectral_distance,
    measures_of,
    onset_f1,
    perplexity,
    reconstruction_measures,
    si_snr,
)
from counterpoint.compose import render_clip


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


@pytest.mark.parametrize("gain_db", [-12.0, 3.0])
def test_both_spectral_distances_of_a_gain_are_that_gain(music: torch.Tensor, gain_db: float) -> None:
    louder = 10 ** (gain_db / 20) * music
    distance = log_spectral_distance(louder, music)
    torch.testing.assert_close(distance, torch.full((2,), abs(gain_db)), atol=0.02, rtol=0)
    mel = log_mel_distance(louder, music, sample_rate=16_000)
    torch.testing.assert_close(10 * mel, torch.full((2,), abs(gain_db)), atol=0.02, rtol=0)


def test_silence_is_the_worst_reconstruction(music: torch.Tensor) -> None:
    torch.testing.assert_close(si_snr(torch.zeros_like(music), music), torch.full((2,), -120.0))


@pytest.fixture(scope="module")
def clips() -> torch.Tensor:
    return torch.stack([torch.from_numpy(render_clip(88, index, duration_s=5.0).audio) for index in range(6)])


def test_agreements_are_one_with_itself_and_near_chance_with_another(clips: torch.Tensor) -> None:
    for measure in (chord_agreement_viterbi25, chroma_agreement, onset_f1):
        same = measure(clips, clips, sample_rate=32_000)
        other = measure(clips.roll(1, dims=0), clips, sample_rate=32_000)
        torch.testing.assert_close(same, torch.ones(6))
        assert other.mean() < 0.75, measure
    assert chord_agreement_viterbi25(clips.roll(1, dims=0), clips, sample_rate=32_000).mean() < 0.3


def test_onsets_may_move_by_fifty_milliseconds_and_no_further(clips: torch.Tensor) -> None:
    clicks = torch.zeros(1, 64_000)
    clicks[0, 8000::16_000] = 1.0
    for shift_s, low, high in ((0.03, 1.0, 1.0), (0.2, 0.0, 0.0)):
        moved = clicks.roll(round(shift_s * 32_000), dims=1)
        assert low <= onset_f1(moved, clicks, sample_rate=32_000).item() <= high
    silence = torch.zeros_like(clicks)
    assert onset_f1(silence, clicks, sample_rate=32_000).item() == 0
    assert onset_f1(silence, silence, sample_rate=32_000).isnan().all()


def test_a_clip_gets_every_measure(clips: torch.Tensor) -> None:
    audio = clips[0].numpy()
    found = clip_measures(0.5 * audio, audio, sample_rate=32_000)
    assert list(found) == [measure.name for measure in MEASURES]
    assert 2 < found["log_spectral_distance"] < 6.03, "less than the gain: what lies below the floor stays there"
    assert found["chord_agreement_viterbi25"] == 1
    assert found["si_snr"] > 60


def test_a_codec_without_codes_has_measures_of_its_latents_alone(clips: torch.Tensor) -> None:
    class Identity:
        sample_rate, num_codebooks, keeps_phase = 32_000, 0, True

        def encode(self, audio: torch.Tensor) -> Encoding:
            return Encoding(latents=audio[..., None], codes=None)

        def decode_latents(self, latents: torch.Tensor) -> torch.Tensor:
            return latents[..., 0]

    found = reconstruction_measures(Identity(), clips)  # type: ignore[arg-type]
    assert list(found) == ["latents"]
    assert found["latents"]["log_spectral_distance_db"] == 0 and "si_snr_db" in found["latents"]
    Identity.keeps_phase = False
    found = reconstruction_measures(Identity(), clips)  # type: ignore[arg-type]
    assert found["latents"]["log_spectral_distance_db"] == 0 and "si_snr_db" not in found["latents"]


def test_measures_that_hear_phase_are_left_out_where_there_is_none_to_hear() -> None:
    everything, rest = (measures_of(keeps_phase=kept) for kept in (True, False))
    assert everything == MEASURES
    assert {measure.name for measure in everything} - {measure.name for measure in rest} == {"si_snr"}


def test_perplexity_of_even_and_of_constant_use() -> None:
    even = torch.arange(64).repeat(4).view(2, 1, 128)
    codes = torch.cat([even, torch.full_like(even, 5)], dim=1)
    expected = torch.tensor([64.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(perplexity(codes, codebook_size=64), expected)
    parts = [codes[:1, :, :50], codes[:1, :, 50:], codes[1:]]
    torch.testing.assert_close(perplexity(parts, codebook_size=64), expected)


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
