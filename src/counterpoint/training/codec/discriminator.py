"""Multi-scale STFT discriminators and their losses (Défossez et al. 2022, section 3.4).

Shapes: B batch, N audio samples, T STFT frames, F STFT bins, C channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from counterpoint.config.codec_training import DiscriminatorConfig

_TIME_DILATIONS = (1, 2, 4)


@dataclass(frozen=True)
class Judgement:
    """The output of one discriminator.

    Attributes:
        logits: [B, 1, T, F'], positive for real.
        features: activations of its layers, [B, C, T, F'] each.
    """

    logits: Tensor
    features: list[Tensor]


class StftDiscriminator(nn.Module):
    """2-D convolutions over the real and imaginary parts of an STFT.

    3 x 9 filters (time x frequency), three layers of them with stride 2 over frequency and dilations 1, 2, 4 over
    time, then 3 x 3; leaky ReLU; weight normalisation.
    """

    def __init__(self, *, n_fft: int, filters: int):
        super().__init__()
        self.n_fft = n_fft
        layers = [_conv(2, filters, kernel=(3, 9))]
        layers += [_conv(filters, filters, kernel=(3, 9), stride=(1, 2), dilation=(d, 1)) for d in _TIME_DILATIONS]
        layers.append(_conv(filters, filters, kernel=(3, 3)))
        self.layers = nn.ModuleList(layers)
        self.head = _conv(filters, 1, kernel=(3, 3))

    def forward(self, audio: Tensor) -> Judgement:
        """Judge audio [B, N]; N must be at least a window."""
        window = torch.hann_window(self.n_fft, device=audio.device)
        spectrum = torch.stft(
            audio, self.n_fft, self.n_fft // 4, window=window, center=False, normalized=True, return_complex=True
        )
        hidden = torch.view_as_real(spectrum).permute(0, 3, 2, 1)
        features = []
        for layer in self.layers:
            hidden = nn.functional.leaky_relu(layer(hidden), 0.2)
            features.append(hidden)
        return Judgement(self.head(hidden), features)


class Discriminators(nn.Module):
    """One discriminator for each STFT window."""

    def __init__(self, config: DiscriminatorConfig):
        super().__init__()
        self.scales = nn.ModuleList(StftDiscriminator(n_fft=n_fft, filters=config.filters) for n_fft in config.windows)

    def forward(self, audio: Tensor) -> list[Judgement]:
        return [scale(audio) for scale in self.scales]


def hinge_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """Loss of the discriminators: mean over scales of max(0, 1 - D(x)) + max(0, 1 + D(x'))."""
    terms = [(1 - r.logits).relu().mean() + (1 + f.logits).relu().mean() for r, f in zip(real, fake, strict=True)]
    return torch.stack(terms).mean()


def adversarial_loss(fake: Sequence[Judgement]) -> Tensor:
    """Loss of the generator: mean over scales of max(0, 1 - D(x'))."""
    return torch.stack([(1 - judgement.logits).relu().mean() for judgement in fake]).mean()


def feature_loss(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """Mean over scales and layers of |D_l(x) - D_l(x')| / mean |D_l(x)|; the real side has no gradient."""
    terms = [
        (wanted.detach() - found).abs().mean() / wanted.detach().abs().mean().clamp(min=1e-6)
        for r, f in zip(real, fake, strict=True)
        for wanted, found in zip(r.features, f.features, strict=True)
    ]
    return torch.stack(terms).mean()


def accuracy(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """Share of correct logits over all scales: 0.5 is chance; near 1, the generator learns nothing more."""
    right = [torch.cat([(r.logits > 0).flatten(), (f.logits < 0).flatten()]) for r, f in zip(real, fake, strict=True)]
    return torch.cat(right).float().mean()


def _conv(
    inputs: int,
    outputs: int,
    *,
    kernel: tuple[int, int],
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
) -> nn.Module:
    padding = tuple((k - 1) * d // 2 for k, d in zip(kernel, dilation, strict=True))
    return weight_norm(nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=padding, dilation=dilation))  # type: ignore[arg-type]
