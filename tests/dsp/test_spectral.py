"""STFT magnitudes and mel filters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoint.dsp import log_mel, mel_filterbank, mel_scale, stft_magnitude


@pytest.mark.parametrize("n_fft", [256, 2048])
def test_a_full_scale_sine_peaks_at_half_whatever_the_window(n_fft: int) -> None:
    bin_index = n_fft // 16
    time = torch.arange(8192)
    sine = torch.sin(2 * np.pi * bin_index / n_fft * time)[None]
    magnitude = stft_magnitude(sine, n_fft=n_fft, hop=n_fft // 4)
    assert magnitude.shape == (1, n_fft // 2 + 1, 8192 // (n_fft // 4) + 1)
    middle = magnitude[0, :, magnitude.shape[-1] // 2]
    assert middle.argmax() == bin_index
    assert abs(middle.max().item() - 0.5) < 1e-3


def test_silence_has_a_finite_gradient() -> None:
    audio = torch.zeros(1, 4096, requires_grad=True)
    stft_magnitude(audio, n_fft=512, hop=128).sum().backward()
    assert audio.grad is not None and torch.isfinite(audio.grad).all()


def test_audio_shorter_than_the_window_is_padded() -> None:
    assert stft_magnitude(torch.ones(1, 100), n_fft=512, hop=128).shape == (1, 257, 1)


@pytest.mark.parametrize(("n_fft", "bands"), [(4096, 128), (256, 24), (128, 80)])
def test_every_band_is_a_weighted_mean_around_its_centre(n_fft: int, bands: int) -> None:
    filters = mel_filterbank(sample_rate=32_000, n_fft=n_fft, bands=bands)
    assert filters.shape == (bands, n_fft // 2 + 1)
    assert filters.min() >= 0
    torch.testing.assert_close(filters.sum(dim=1), torch.ones(bands))
    centres = filters @ torch.linspace(0, 16_000, n_fft // 2 + 1)
    assert (centres.diff() >= 0).all() and centres[-1] > 12_000


def test_mel_scale_golden_values() -> None:
    mels = mel_scale(torch.tensor([0.0, 700.0, 1000.0]))
    torch.testing.assert_close(mels, torch.tensor([0.0, 781.17, 999.99]), atol=0.02, rtol=0)


def test_log_mel_follows_the_gain() -> None:
    audio = torch.randn(1, 32_000, generator=torch.Generator().manual_seed(0))
    quiet, loud = (
        log_mel(stft_magnitude(gain * audio, n_fft=1024, hop=256), sample_rate=32_000, n_fft=1024, bands=80)
        for gain in (0.1, 0.2)
    )
    torch.testing.assert_close(loud - quiet, torch.full_like(loud, float(np.log(2))), atol=0.02, rtol=0)
