"""STFT magnitudes and mel filters in torch, differentiable.

Shapes: B batch, N audio samples, F = n_fft / 2 + 1 frequency bins, T = N // hop + 1 STFT frames, M mel bands.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=32)
def _hann(n_fft: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    return torch.hann_window(n_fft, device=device, dtype=dtype)


def stft_magnitude(audio: Tensor, *, n_fft: int, hop: int) -> Tensor:
    """Magnitude of a centred Hann STFT, scaled so that a full-scale sine peaks near 0.5 whatever the window.

    The square root is guarded (1e-12 under it), so that silence has a finite gradient.

    Args:
        audio: [B, N].
        n_fft: window length in samples.
        hop: samples between frames.

    Returns:
        [B, F, T].
    """
    window = _hann(n_fft, audio.device, audio.dtype)
    padding = "reflect" if audio.shape[-1] > n_fft // 2 else "constant"
    spectrum = torch.stft(audio, n_fft, hop, window=window, center=True, pad_mode=padding, return_complex=True)
    power = torch.view_as_real(spectrum).square().sum(dim=-1)
    return (power + 1e-12).sqrt() * (2.0 / n_fft)


def mel_scale(frequency_hz: Tensor) -> Tensor:
    """Frequency in Hz to mel after O'Shaughnessy (HTK): m = 2595 log10(1 + f / 700)."""
    return 2595.0 * torch.log10(1.0 + frequency_hz / 700.0)


@lru_cache(maxsize=32)
def mel_filterbank(
    *, sample_rate: int, n_fft: int, bands: int, f_min: float = 0.0, f_max: float | None = None
) -> Tensor:
    """Triangular filters, evenly spaced in mel, each with unit sum (a band is a weighted mean of its bins).

    A band narrower than the bin spacing takes the bin nearest to its centre, so that no band is empty.

    Returns:
        [M, F], non-negative, rows summing to 1.
    """
    high = sample_rate / 2 if f_max is None else f_max
    first, last = mel_scale(torch.tensor([f_min, high], dtype=torch.float64)).tolist()
    edges_mel = torch.linspace(first, last, bands + 2, dtype=torch.float64)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    bins_hz = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, centre, top = edges_hz[:-2, None], edges_hz[1:-1, None], edges_hz[2:, None]
    filters = torch.minimum((bins_hz - low) / (centre - low), (top - bins_hz) / (top - centre)).clamp(min=0)
    nearest = (bins_hz - centre).abs().argmin(dim=1)
    empty = filters.sum(dim=1) == 0
    filters[empty, nearest[empty]] = 1.0
    return (filters / filters.sum(dim=1, keepdim=True)).float()


def log_mel(magnitude: Tensor, *, sample_rate: int, n_fft: int, bands: int, floor: float = 1e-5) -> Tensor:
    """Natural logarithm of mel-band magnitudes.

    Args:
        magnitude: [B, F, T] from `stft_magnitude`.
        floor: added before the logarithm; about -100 dB of full scale by default.

    Returns:
        [B, M, T].
    """
    filters = mel_filterbank(sample_rate=sample_rate, n_fft=n_fft, bands=bands).to(magnitude)
    return (filters @ magnitude + floor).log()
