"""Losses of the codec's training that look at spectra and latents.

Shapes: B batch, N audio samples, T latent frames, D latent channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from counterpoint.dsp import log_mel, stft_magnitude

_SCALES: dict[int, int] = {4096: 128, 2048: 128, 1024: 80, 512: 48, 256: 24}
"""Mel bands by STFT window; the hop is a quarter of the window."""
_MEL_FLOOR = 1e-4
"""Some 60 dB below the partials of music at -20 dBFS; what is quieter would rule the gradient, and nobody hears it."""
_QUIET = 3e-2
"""Level (full scale 1; an STFT bin's is lower by the root of the window) below which errors count absolutely."""


class SpectralLoss:
    """Distance of spectra over several window lengths, `per_step` of them drawn at each step to save time.

    For each: L1 between log-mel magnitudes, and sum |S - S'| / sum |S| over the linear magnitudes, where loud partials
    count most. Both do not depend on a clip's gain, the floor of the logarithm aside.
    """

    def __init__(self, sample_rate: int, *, per_step: int = 3):
        self.sample_rate = sample_rate
        self.per_step = per_step

    def draw(self, draws: np.random.Generator) -> list[int]:
        """Window lengths of a step."""
        return sorted(draws.choice(list(_SCALES), size=self.per_step, replace=False).tolist())

    def __call__(self, estimate: Tensor, reference: Tensor, *, scales: Sequence[int]) -> dict[str, Tensor]:
        """[B, N] each, to the losses `mel` and `stft` over the windows `scales`."""
        terms = [self._scale(estimate, reference, n_fft=n_fft) for n_fft in scales]
        mel, stft = (torch.stack(values).mean() for values in zip(*terms, strict=True))
        return {"mel": mel, "stft": stft}

    def _scale(self, estimate: Tensor, reference: Tensor, *, n_fft: int) -> tuple[Tensor, Tensor]:
        found, wanted = (stft_magnitude(audio, n_fft=n_fft, hop=n_fft // 4) for audio in (estimate, reference))
        mels = [
            log_mel(magnitude, sample_rate=self.sample_rate, n_fft=n_fft, bands=_SCALES[n_fft], floor=_MEL_FLOOR)
            for magnitude in (found, wanted)
        ]
        level = wanted.mean(dim=(1, 2)).clamp(min=0.5 * _QUIET / math.sqrt(n_fft))
        return (mels[0] - mels[1]).abs().mean(), ((found - wanted).abs().mean(dim=(1, 2)) / level).mean()


def time_loss(estimate: Tensor, reference: Tensor) -> Tensor:
    """mean (x - x')^2 / mean x^2, averaged over clips; near-silent clips count less.

    Squares, where the paper has L1: its gradient is largest where the waveform is, in the loud low partials, and the
    training finds their phase within a hundred steps; with L1 or with spectra alone it stayed at noise for hundreds.
    """
    return ((estimate - reference).square().mean(dim=1) / reference.square().mean(dim=1).clamp(min=_QUIET**2)).mean()


class LatentLoss:
    """(variance - 1)^2 + mean^2 of the latents, the variance over batch and time and averaged over channels.

    Without it the commitment loss would shrink them for ever; with it they also suit flow matching as they are. It is
    the variance that is held: constant latents, which a decoder learns to ignore, would have power as well.
    """

    def __call__(self, latents: Tensor) -> Tensor:
        """[B, T, D] to a scalar."""
        vectors = latents.flatten(0, 1)
        return (vectors.var(dim=0, correction=0).mean() - 1.0).square() + vectors.mean(dim=0).square().mean()
