"""Losses of codec training, on waveforms and on spectra.

Shapes: B batch, N audio samples, S STFT frames, M bands.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from counterpoint.codec.spectrogram import LEVEL_NEPERS, compress, expand
from counterpoint.dsp import log_mel, stft_magnitude

_SCALES: dict[int, int] = {4096: 128, 2048: 128, 1024: 80, 512: 48, 256: 24, 128: 12}
"""Number of mel bands by STFT window; the hop is a quarter of the window."""
_MEL_FLOOR = 1e-4
"""Some 60 dB below the partials of music at -20 dBFS; quieter sounds would dominate the gradient and are inaudible."""
_QUIET = 3e-2
"""Level (full scale 1; that of an STFT bin is lower by the root of the window) below which errors are absolute."""


def spectral_loss(estimate: Tensor, reference: Tensor, *, sample_rate: int) -> Tensor:
    """Distance of magnitude spectra, averaged over window lengths.

    For each window: L1 between log-mel magnitudes, and sum |S - S'| / sum |S| over the linear magnitudes, in which loud
    partials dominate. Neither depends on a clip's gain, except for the floor of the logarithm. Windows longer than the
    clips are left out.

    Args:
        estimate: [B, N].
        reference: [B, N].
        sample_rate: Hz.
    """
    windows = [n_fft for n_fft in _SCALES if n_fft <= reference.shape[-1]]
    return torch.stack([_scale(estimate, reference, sample_rate=sample_rate, n_fft=n_fft) for n_fft in windows]).mean()


def _scale(estimate: Tensor, reference: Tensor, *, sample_rate: int, n_fft: int) -> Tensor:
    found, wanted = (stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 4) for audio in (estimate, reference))
    mels = [
        log_mel(magnitude, sample_rate=sample_rate, n_fft=n_fft, bands=_SCALES[n_fft], floor=_MEL_FLOOR)
        for magnitude in (found, wanted)
    ]
    level = wanted.mean(dim=(1, 2)).clamp(min=0.5 * _QUIET / math.sqrt(n_fft))
    return (mels[0] - mels[1]).abs().mean() + ((found - wanted).abs().mean(dim=(1, 2)) / level).mean()


def waveform_loss(estimate: Tensor, reference: Tensor) -> Tensor:
    """mean |x - x'|: the only loss that depends on phases."""
    return (estimate - reference).abs().mean()


def level_losses(levels: Tensor, magnitudes: Tensor) -> dict[str, Tensor]:
    """Distances of decoded levels [B, S, M] from band magnitudes [B, S, M], by name.

    `level`: mean absolute difference of log magnitudes, in nepers. `root` and `magnitude`: the same for the roots of
    magnitudes and the magnitudes, each divided by a clip's mean to be independent of its gain; strong partials weigh
    more.
    """
    found = expand(levels)
    roots = [(part + 1e-5).sqrt() for part in (found, magnitudes)]
    return {
        "level": (levels - compress(magnitudes)).abs().mean() * LEVEL_NEPERS,
        "root": _relative(roots[0], roots[1], floor=8e-3),
        "magnitude": _relative(found, magnitudes, floor=3e-4),
    }


def _relative(estimate: Tensor, reference: Tensor, *, floor: float) -> Tensor:
    """Mean of |e - r| over a clip [S, M], divided by the clip's mean of r; averaged over clips."""
    return ((estimate - reference).abs().mean(dim=(1, 2)) / reference.mean(dim=(1, 2)).clamp(min=floor)).mean()
