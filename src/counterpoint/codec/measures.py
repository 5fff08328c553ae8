"""How close a reconstruction is, and how fully codebooks are used.

Shapes: B batch, N audio samples, K codebooks, T latent frames, F frequency bins.
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.dsp import stft_magnitude


def si_snr(estimate: Tensor, reference: Tensor) -> Tensor:
    """Scale-invariant signal-to-noise ratio in dB, per clip; phase-sensitive, higher is better.

    With both made zero-mean, s = <e, r> r / |r|^2 and SI-SNR = 10 log10(|s|^2 / |e - s|^2) (Le Roux et al. 2019).

    Args:
        estimate: [B, N].
        reference: [B, N], not silent.

    Returns:
        [B].
    """
    estimate = estimate - estimate.mean(dim=-1, keepdim=True)
    reference = reference - reference.mean(dim=-1, keepdim=True)
    scale = (estimate * reference).sum(dim=-1, keepdim=True) / reference.square().sum(dim=-1, keepdim=True)
    signal = scale * reference
    noise = (estimate - signal).square().sum(dim=-1).clamp(min=1e-12)
    return 10.0 * torch.log10(signal.square().sum(dim=-1).clamp(min=1e-12) / noise)


def log_spectral_distance(estimate: Tensor, reference: Tensor, *, n_fft: int = 2048, floor_db: float = -80.0) -> Tensor:
    """Log-spectral distance in dB, per clip; blind to phase, lower is better.

    L = 20 log10 |STFT|, floored at `floor_db` below the reference's peak; the root mean square of L_e - L_r over
    frequency, averaged over frames (Gray & Markel 1976). Hann windows of 2048 samples, hop 512.

    Args:
        estimate: [B, N].
        reference: [B, N].

    Returns:
        [B].
    """
    magnitudes = [stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 4) for audio in (estimate, reference)]
    peak = magnitudes[1].amax(dim=(1, 2), keepdim=True)
    levels = [20.0 * torch.log10((magnitude / peak).clamp(min=10 ** (floor_db / 20))) for magnitude in magnitudes]
    return (levels[0] - levels[1]).square().mean(dim=1).sqrt().mean(dim=1)


def perplexity(codes: Tensor, *, codebook_size: int) -> Tensor:
    """exp of the entropy of code use, per codebook: V when all codes are used alike, 1 when one is used alone.

    Args:
        codes: [B, K, T].

    Returns:
        [K].
    """
    flat = codes.transpose(0, 1).flatten(1)
    counts = torch.stack([torch.bincount(row, minlength=codebook_size) for row in flat]).double()
    share = counts / counts.sum(dim=1, keepdim=True)
    return torch.exp(-torch.special.xlogy(share, share).sum(dim=1))
