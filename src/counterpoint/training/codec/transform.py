"""Initialising a codec as the best linear transform codec of its shape.

An auto-encoder with random weights needs thousands of updates to learn to reconstruct phase. A strided convolution
whose kernel is two strides long, and the mirrored transposed convolution, can be the modified discrete cosine transform
and its inverse (Princen & Bradley 1986), which reconstructs its input exactly. Each stage therefore starts as that
transform over time, rotated over channels to the principal components of the training data, of which it keeps as many
as its width allows. Training then only has to learn what a linear codec cannot do.

There are activations between the stages. Every component u is represented by a pair of channels, u and -u, and the next
layer takes their difference: snake(u) - snake(-u) = 2u and gelu(u) - gelu(-u) = u exactly, and the difference of two
ELUs is 2u for small u, hence the low level between stages. (A bias that keeps ELUs positive would make them exact, but
later updates of weights turn it into tones.) Channels without a component, and residual branches, start with small
random weights.

Shapes: B batch, n components, r stride, T frames, N audio samples, D latent channels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.training.codec.autoencoder import AutoEncoder, EncodecAutoEncoder

_LEVEL = 0.1
"""Standard deviation of a component between stages."""
_SMALL = 0.003
"""Scale of the random weights: large enough to distinguish channels, too small to be audible."""


@dataclass(frozen=True)
class _Skeleton:
    """The layers along the path of the signal.

    Attributes:
        down: convolutions of the encoder, the first and the last with stride 1.
        up: convolutions of the decoder.
        branches: last convolutions of residual branches, whose output is added to the signal.
        gain: (f(u) - f(-u)) / u of the activation f.
    """

    down: list[Any]
    up: list[Any]
    branches: list[Any]
    gain: float


@dataclass(frozen=True)
class _Stage:
    """A lapped transform of n_in components to n_out.

    Attributes:
        basis: [n_out, n_in, 2r], orthonormal together with its shifts by r.
        scale_in: [n_in] factors to the level between stages.
        scale_out: [n_out].
    """

    basis: Tensor
    scale_in: Tensor
    scale_out: Tensor


@torch.no_grad()
def start_as_transform(model: AutoEncoder, audio: Tensor) -> None:
    """Initialise a new `model`, whose latents then have a mean power of 1.

    Args:
        audio: [B, N] of the training data, N a multiple of the samples per frame.
    """
    skeleton = _skeleton(model)
    stages = _fit(audio, strides=[layer.stride[0] for layer in skeleton.down[1:-1]], widths=_widths(skeleton))
    _set_encoder(skeleton, stages)
    _set_decoder(skeleton, stages)
    for layer in skeleton.branches:
        _set_weight(layer, 0.1 * _weight(layer))
        layer.bias.zero_()
    for lstm in (module for module in model.modules() if isinstance(module, nn.LSTM)):
        for parameter in lstm.parameters():
            parameter.mul_(0.1)  # its output is added to the signal


def mdct(size: int) -> Tensor:
    """The transform's basis [size, 2 size] with a sine window: orthonormal together with its shifts by `size`."""
    time = torch.arange(2 * size, dtype=torch.float64) + 0.5
    frequency = torch.arange(size, dtype=torch.float64)[:, None] + 0.5
    window = torch.sin(math.pi / (2 * size) * time)
    return (window * math.sqrt(2 / size) * torch.cos(math.pi / size * (time + size / 2) * frequency)).float()


def _fit(audio: Tensor, *, strides: Sequence[int], widths: Sequence[int]) -> list[_Stage]:
    """Principal components of the audio, stage by stage; `widths` are the greatest numbers of components."""
    signal = audio[:, None]
    scale = _LEVEL / signal.std().view(1)
    stages = []
    for stride, width in zip(strides, widths, strict=True):
        inputs = signal.shape[1]
        coefficients = _analyse(signal, stride=stride)
        vectors = coefficients.transpose(1, 2).flatten(0, 1)
        power, rotation = torch.linalg.eigh((vectors.T @ vectors / len(vectors)).double())
        kept = min(width, inputs * stride)
        rotation = rotation.flip(1)[:, :kept].float()
        signal = rotation.T @ coefficients
        basis = torch.einsum("nqm,qk->mnk", rotation.view(inputs, stride, kept), mdct(stride))
        following = _LEVEL / power.flip(0)[:kept].clamp(min=1e-10).sqrt().float()
        stages.append(_Stage(basis=basis, scale_in=scale, scale_out=following))
        scale = following
    return stages


def _analyse(signal: Tensor, *, stride: int) -> Tensor:
    """Coefficients [B, n r, N / r] of [B, n, N], with frames aligned with the networks' convolutions."""
    padded = nn.functional.pad(signal, (stride - stride // 2, stride // 2), mode="reflect")
    frames = nn.functional.conv1d(padded.flatten(0, 1)[:, None], mdct(stride)[:, None], stride=stride)
    return frames.unflatten(0, signal.shape[:2]).flatten(1, 2)


def _set_encoder(skeleton: _Skeleton, stages: Sequence[_Stage]) -> None:
    first, *strided, last = skeleton.down
    _add_pairs(first, stages[0].scale_in.view(1, 1, 1), skeleton, from_pairs=False)
    for layer, stage in zip(strided, stages, strict=True):
        _add_pairs(layer, stage.basis * stage.scale_out[:, None, None] / stage.scale_in[:, None], skeleton)
    weight = _SMALL * _weight(last)
    kept = min(_latent_dim(skeleton), len(stages[-1].scale_out))
    values = torch.diag(_latent_scale(skeleton, stages) / stages[-1].scale_out[:kept]) / skeleton.gain
    weight[:kept, : 2 * kept, weight.shape[2] // 2] += _differences(values)
    _set_weight(last, weight)
    last.bias.zero_()
    last.bias[_latent_dim(skeleton) :] = -4.0  # in a VAE: a posterior far narrower than the spread of latents


def _set_decoder(skeleton: _Skeleton, stages: Sequence[_Stage]) -> None:
    first, *strided, last = skeleton.up
    kept = min(_latent_dim(skeleton), len(stages[-1].scale_out))
    passed = min(kept, first.out_channels // 2)
    values = torch.diag(stages[-1].scale_out[:kept] / _latent_scale(skeleton, stages))[:passed]
    _add_pairs(first, values[..., None], skeleton, from_pairs=False)
    for layer, stage in zip(strided, reversed(stages), strict=True):
        following = min(layer.out_channels // 2, stage.basis.shape[1])
        inverse = stage.basis * stage.scale_in[:, None] / stage.scale_out[:, None, None]
        _add_pairs(layer, inverse[:passed, :following].transpose(0, 1), skeleton)
        passed = following
    weight = _SMALL * _weight(last)
    weight[:1, :2, weight.shape[2] // 2] += _differences((1 / stages[0].scale_in).view(1, 1) / skeleton.gain)
    _set_weight(last, weight)
    if last.bias is not None:
        last.bias.zero_()


def _add_pairs(layer: Any, values: Tensor, skeleton: _Skeleton, *, from_pairs: bool = True) -> None:
    """Set the first channels of a layer to values [n_out, n_in, k]; k = 1 is placed in the middle of the kernel."""
    transposed = isinstance(layer, nn.ConvTranspose1d)
    weight = _weight(layer).transpose(0, 1) if transposed else _weight(layer)
    values = _differences(values) / skeleton.gain if from_pairs else values
    values = torch.stack([values, -values], dim=1).flatten(0, 1)  # u and -u
    outputs, inputs, length = values.shape
    weight[:outputs] *= _SMALL
    start = weight.shape[2] // 2 if length == 1 else 0
    weight[:outputs, :inputs, start : start + length] += values
    _set_weight(layer, weight.transpose(0, 1).contiguous() if transposed else weight)
    layer.bias[:outputs] = 0


def _differences(values: Tensor) -> Tensor:
    """Weights [n_out, 2 n_in, ...] over pairs from those over components [n_out, n_in, ...]."""
    return torch.stack([values, -values], dim=2).flatten(1, 2)


def _latent_dim(skeleton: _Skeleton) -> int:
    return skeleton.up[0].in_channels


def _latent_scale(skeleton: _Skeleton, stages: Sequence[_Stage]) -> Tensor:
    """One factor for all latents, repeated: distances between latents remain those between waveforms."""
    power = (_LEVEL / stages[-1].scale_out[: _latent_dim(skeleton)]).square()
    return power.mean().rsqrt().expand(len(power))


def _widths(skeleton: _Skeleton) -> list[int]:
    return [layer.out_channels // 2 for layer in skeleton.down[1:-1]]


def _skeleton(model: AutoEncoder) -> _Skeleton:
    if isinstance(model, EncodecAutoEncoder):
        elu = model.exported.activation == "elu"
        encoder: Any = model.encoder
        decoder: Any = model.decoder
        down, up = ([layer.conv for layer in part.layers if hasattr(layer, "conv")] for part in (encoder, decoder))
        branches = [
            layer.block[-1].conv for part in (encoder, decoder) for layer in part.layers if hasattr(layer, "block")
        ]
        return _Skeleton(down, up, branches, gain=2.0 if elu else 1.0)
    encoder, decoder = model.encoder, model.decoder
    return _Skeleton(
        down=[encoder.conv1, *(block.conv1 for block in encoder.block), encoder.conv2],
        up=[decoder.conv1, *(block.conv_t1 for block in decoder.block), decoder.conv2],
        branches=[
            unit.conv2
            for part in (encoder, decoder)
            for block in part.block
            for unit in (block.res_unit1, block.res_unit2, block.res_unit3)
        ],
        gain=2.0,
    )


def _weight(layer: Any) -> Tensor:
    """A copy of a layer's weight with its normalisation applied."""
    if not hasattr(layer, "weight_g"):
        return layer.weight.detach().clone()
    return torch._weight_norm(layer.weight_v, layer.weight_g, 0).detach().clone()  # diffusers' older normalisation


def _set_weight(layer: Any, weight: Tensor) -> None:
    if not hasattr(layer, "weight_g"):
        layer.weight = weight  # torch's parametrisation splits it
        return
    layer.weight_g.copy_(torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True))
    layer.weight_v.copy_(weight)
