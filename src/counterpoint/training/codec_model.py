"""The auto-encoder that the codec's training trains.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.codec.encodec import build_encodec, encodec_config
from counterpoint.config import CodecTrainingConfig


class AutoEncoder(nn.Module):
    """Encoder, trainable quantiser and decoder."""

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        from vector_quantize_pytorch import ResidualVQ

        self.config = config
        self.hop = math.prod(config.strides)
        self.encodec_config = encodec_config(
            sample_rate=config.sample_rate,
            strides=config.strides,
            filters=config.filters,
            latent_dim=config.latent_dim,
            num_codebooks=config.num_codebooks,
            codebook_size=config.codebook_size,
            lstm_layers=config.lstm_layers,
            activation=config.activation,
        )
        model = build_encodec(self.encodec_config)
        self.encoder, self.decoder = model.encoder, model.decoder
        usage = config.batch_size * config.segment_frames / config.codebook_size
        # The paper's threshold of 2 supposes thousands of vectors a step; a code is dead here when it is used ten times
        # less than the average one, and begins again at the average.
        self.quantizer = ResidualVQ(
            dim=config.latent_dim,
            num_quantizers=config.num_codebooks,
            codebook_size=config.codebook_size,
            decay=config.ema_decay,
            kmeans_init=False,
            threshold_ema_dead_code=0.1 * usage,
        )
        for codebook in self._codebooks():
            codebook.reset_cluster_size = usage

    def encode(self, audio: Tensor) -> Tensor:
        """[B, N], N a multiple of the hop, to latents [B, T, D]."""
        return self.encoder(audio[:, None]).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, T, D] to audio [B, N]."""
        return self.decoder(latents.transpose(1, 2))[:, 0]

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]."""
        return [codebook.embed[0] for codebook in self._codebooks()]

    def set_codebooks(self, books: Sequence[Tensor]) -> None:
        """Replace the codebooks, every code counted as used as much as the average one."""
        usage = self.config.batch_size * self.config.segment_frames / self.config.codebook_size
        for codebook, book in zip(self._codebooks(), books, strict=True):
            codebook.embed.copy_(book[None])
            codebook.embed_avg.copy_(book[None] * usage)
            codebook.cluster_size.fill_(usage)

    def _codebooks(self) -> list[Any]:
        """The library's codebook modules, which it types as mere tensors."""
        layers: Any = self.quantizer.layers
        return [layer._codebook for layer in layers]


@torch.no_grad()
def scale_to_data(model: AutoEncoder, audio: Tensor) -> None:
    """Scale every convolution so that its output has zero mean and unit variance (Salimans & Kingma 2016, section 3).

    The default initialisation lets a signal fade by about 1.7 a layer; over the twenty layers from audio to audio, it
    would take hundreds of steps to grow back.

    Args:
        audio: [B, N], some of the training data; the last layer is scaled to its power.
    """

    def scale(conv: Any, _: object, output: Tensor) -> Tensor:
        target = 0.1 * audio.std() if conv is last else 1.0
        whole = conv in transposed or conv is last  # a gain for each input channel: use one for all
        mean = output.mean(dim=(0, 2), keepdim=True)
        std = (output.std() if whole else output.std(dim=(0, 2), keepdim=True)).clamp(min=1e-6) / target
        gain = conv.parametrizations.weight.original0
        gain.div_(std if whole else std.view(-1, 1, 1))
        conv.bias.copy_(((conv.bias[None, :, None] - mean) / std).view(-1))
        return (output - mean) / std

    layers: list[Any] = [layer for layer in model.modules() if isinstance(layer, (nn.Conv1d, nn.ConvTranspose1d))]
    transposed = [layer for layer in layers if isinstance(layer, nn.ConvTranspose1d)]
    last = layers[-1]
    hooks = [layer.register_forward_hook(scale) for layer in layers]
    try:
        model.decode(model.encode(audio))
    finally:
        for hook in hooks:
            hook.remove()
