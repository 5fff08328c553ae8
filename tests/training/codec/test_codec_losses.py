"""Losses on waveforms."""

import pytest
import torch

from counterpoint.codec.spectrogram import band_magnitudes, compress
from counterpoint.training.codec.losses import level_losses, spectral_loss, waveform_loss


def test_losses_vanish_on_equal_audio_and_grow_with_noise():
    generator = torch.Generator().manual_seed(0)
    audio, noise = (0.1 * torch.randn(2, 8192, generator=generator) for _ in range(2))
    for loss in (lambda a, b: spectral_loss(a, b, sample_rate=32_000), waveform_loss):
        little, much = (loss(audio + gain * noise, audio) for gain in (0.1, 1.0))
        assert loss(audio, audio) == 0 and 0 < little < much


def test_spectra_know_no_sign_and_waveforms_do():
    audio = 0.1 * torch.randn(1, 8192, generator=torch.Generator().manual_seed(0))
    assert spectral_loss(-audio, audio, sample_rate=32_000) < 1e-6
    assert waveform_loss(-audio, audio) == pytest.approx(2 * audio.abs().mean().item())


def test_silence_and_short_clips_have_finite_gradients():
    for samples in (300, 8192):
        estimate = torch.zeros(1, samples, requires_grad=True)
        loss = spectral_loss(estimate, torch.zeros(1, samples), sample_rate=32_000)
        loss.backward()
        assert loss.isfinite() and estimate.grad is not None and estimate.grad.isfinite().all()


def test_losses_of_levels_vanish_on_the_levels_themselves_and_count_relative_to_the_clip():
    audio = 0.1 * torch.randn(2, 6400, generator=torch.Generator().manual_seed(0))
    magnitudes = band_magnitudes(audio)
    assert all(loss < 0.02 for loss in level_losses(compress(magnitudes), magnitudes).values())
    louder = level_losses(compress(2 * magnitudes), magnitudes)
    assert louder["magnitude"].item() == pytest.approx(1, abs=0.02)
    assert louder["root"].item() == pytest.approx(2**0.5 - 1, abs=0.02)
    assert 0.5 < louder["level"].item() < 0.7, "ln 2 nepers, and less near the floor"


def test_losses_of_levels_have_finite_gradients_on_silence():
    magnitudes = band_magnitudes(torch.zeros(1, 3200))
    levels = torch.zeros(magnitudes.shape, requires_grad=True)
    torch.stack(list(level_losses(levels, magnitudes).values())).sum().backward()
    assert levels.grad is not None and levels.grad.isfinite().all()
