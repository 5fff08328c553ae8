"""How close a reconstruction is, and how fully codebooks are used.

Shapes: B batch, N audio samples, K codebooks, T latent frames, F frequency bins.
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.codec.base import Codec
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


def chroma_agreement(estimate: Tensor, reference: Tensor, *, sample_rate: int) -> Tensor:
    """Share of frames whose strongest pitch class is the same in both, per clip; chance is about 0.09.

    Pitch classes gather STFT power between 80 Hz and 2.5 kHz (window 4096, hop 2048), each bin in the class of its
    nearest semitone; frames 40 dB below the reference's loudest are left out.

    Args:
        estimate: [B, N].
        reference: [B, N], not silent.

    Returns:
        [B].
    """
    n_fft = 4096
    powers = [stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 2).square() for audio in (estimate, reference)]
    frequencies = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    heard = (frequencies > 80) & (frequencies < 2500)
    classes = (12 * torch.log2(frequencies[heard] / 440)).round().long() % 12
    found, wanted = (
        torch.zeros(len(power), 12, power.shape[-1]).index_add_(1, classes, power[:, heard]) for power in powers
    )
    loudness = wanted.sum(dim=1)
    counted = (loudness > 1e-4 * loudness.amax(dim=1, keepdim=True)).float()
    same = (found.argmax(dim=1) == wanted.argmax(dim=1)).float()
    return (same * counted).sum(dim=1) / counted.sum(dim=1)


def reconstruction_measures(codec: Codec, audio: Tensor) -> dict[str, dict[str, float | list[float]]]:
    """All measures of a codec's round trip, through its latents and through its codes, averaged over clips.

    Args:
        audio: [B, N] at the codec's sample rate, no clip silent.
    """
    encoding = codec.encode(audio)
    decoded = {"latents": codec.decode_latents(encoding.latents), "codes": codec.decode_codes(encoding.codes)}
    found: dict[str, dict[str, float | list[float]]] = {
        name: {
            "si_snr_db": si_snr(estimate[:, : audio.shape[1]], audio).mean().item(),
            "log_spectral_distance_db": log_spectral_distance(estimate[:, : audio.shape[1]], audio).mean().item(),
            "chroma_agreement": chroma_agreement(estimate[:, : audio.shape[1]], audio, sample_rate=codec.sample_rate)
            .mean()
            .item(),
        }
        for name, estimate in decoded.items()
    }
    found["codes"]["perplexity"] = perplexity(encoding.codes, codebook_size=codec.codebook_size).tolist()
    return found


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
