"""The auto-encoders that a codec's training trains, each able to say what a codec folder must hold.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.codec.measures import perplexity_of_counts
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import CodecTrainingConfig
from counterpoint.config.codec_training import EncodecArchitecture, VaeArchitecture


@dataclass(frozen=True)
class Reconstruction:
    """Attributes:
    audio: [B, N].
    penalties: losses that latents bear, by name: `commitment` (EnCodec) or `kl` (VAE).
    """

    audio: Tensor
    penalties: dict[str, Tensor]


class EncodecAutoEncoder(nn.Module):
    """`transformers`' encoder and decoder around a quantiser that can be trained.

    The codebooks of `transformers` have neither moving averages nor a commitment loss, so that
    `vector_quantize_pytorch.ResidualVQ` stands in for them, and its codebooks are exported.
    """

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        from vector_quantize_pytorch import ResidualVQ

        shape, quantizer = config.codec, config.quantizer
        assert isinstance(shape, EncodecArchitecture)
        self._continuous_fraction = quantizer.continuous_fraction
        self.exported = encodec_config(
            sample_rate=config.sample_rate,
            strides=shape.strides,
            filters=shape.filters,
            latent_dim=shape.latent_dim,
            num_codebooks=shape.num_codebooks,
            codebook_size=shape.codebook_size,
            lstm_layers=shape.lstm_layers,
            activation=shape.activation,
        )
        model = build_encodec(self.exported)
        self.encoder, self.decoder = model.encoder, model.decoder
        self.quantizer = ResidualVQ(
            dim=shape.latent_dim,
            num_quantizers=shape.num_codebooks,
            codebook_size=shape.codebook_size,
            decay=quantizer.decay,
            kmeans_init=False,
            threshold_ema_dead_code=quantizer.dead_below,
            rotation_trick=False,  # straight through, as in the paper's EnCodec
        )
        # A batch spreads this many latents over each code; a code that begins again is counted so.
        self._usage = config.batch_size * config.segment_samples / math.prod(shape.strides) / shape.codebook_size
        for codebook in self._codebooks():
            codebook.reset_cluster_size = max(self._usage, quantizer.dead_below)

    def encode(self, audio: Tensor) -> Tensor:
        """[B, N], N a multiple of the samples per frame, to latents [B, T, D]."""
        return self.encoder(audio[:, None]).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """[B, T, D] to audio [B, N]."""
        return self.decoder(latents.transpose(1, 2))[:, 0]

    def forward(self, audio: Tensor, *, seed: int) -> Reconstruction:
        """Round trip of [B, N]: part of the clips through codes, the others through latents.

        In training mode the codebooks follow the latents.

        Args:
            seed: of the choice of clips, and of the latents that stand in for dead codes.
        """
        latents = self.encode(audio)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # the library takes no generator
            order = torch.randperm(len(audio))
            quantized, _, commitment = self.quantizer(latents)
        continuous = (order < round(self._continuous_fraction * len(audio))).to(audio.device)
        decoded = torch.where(continuous[:, None, None], latents, quantized)
        return Reconstruction(self.decode(decoded), {"commitment": commitment.sum()})

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]."""
        return [codebook.embed[0] for codebook in self._codebooks()]

    def set_codebooks(self, books: Sequence[Tensor]) -> None:
        """Replace the codebooks, every code counted as used as much as the average one."""
        for codebook, book in zip(self._codebooks(), books, strict=True):
            codebook.embed.copy_(book[None])
            codebook.embed_avg.copy_(book[None] * codebook.reset_cluster_size)
            codebook.cluster_size.fill_(codebook.reset_cluster_size)

    def perplexities(self) -> list[float]:
        """exp of the entropy of each codebook's use, in its moving average: V when all codes are used alike."""
        used = torch.stack([codebook.cluster_size[0] for codebook in self._codebooks()])
        return perplexity_of_counts(used.double()).tolist()

    def export(self, folder: Path, *, state: Mapping[str, Tensor]) -> None:
        """Write `state` (of this module) as a codec folder, in half precision."""
        books = {f"quantizer.layers.{k}.codebook.embed": book for k, book in enumerate(self.codebooks())}
        networks = {key: value for key, value in state.items() if key.startswith(("encoder.", "decoder."))}
        save_encodec(folder, config=self.exported, state={**networks, **books}, dtype=torch.float16)

    def _codebooks(self) -> list[Any]:
        """The library's codebook modules, which it types as mere tensors."""
        layers: Any = self.quantizer.layers
        return [layer._codebook for layer in layers]


class VaeAutoEncoder(nn.Module):
    """`diffusers`' encoder and decoder, with noise from the posterior between them."""

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        shape = config.codec
        assert isinstance(shape, VaeArchitecture)
        self.exported = {
            "encoder_hidden_size": shape.filters,
            "downsampling_ratios": list(shape.strides),
            "channel_multiples": list(shape.multiples),
            "decoder_channels": shape.decoder_filters,
            "decoder_input_channels": shape.latent_dim,
            "audio_channels": 1,
            "sampling_rate": config.sample_rate,
        }
        model = build_vae(self.exported)
        self.encoder, self.decoder = model.encoder, model.decoder

    def encode(self, audio: Tensor) -> Tensor:
        """[B, N], N a multiple of the samples per frame, to the means of the latents [B, T, D]."""
        return self.encoder(audio[:, None]).chunk(2, dim=1)[0].transpose(1, 2)

    def forward(self, audio: Tensor, *, seed: int) -> Reconstruction:
        """Round trip of [B, N] through a draw from the posterior N(mean, std^2).

        Args:
            seed: of the draw.
        """
        mean, scale = self.encoder(audio[:, None]).chunk(2, dim=1)
        std = nn.functional.softplus(scale) + 1e-4
        generator = torch.Generator(audio.device).manual_seed(seed)
        noise = torch.randn(mean.shape, generator=generator, device=audio.device, dtype=mean.dtype)
        kl = (mean.square() + std.square() - 2 * std.log() - 1).sum(dim=1).mean()  # twice the nats a frame carries
        estimate = self.decoder(mean + std * noise)[:, 0]
        # Odd strides lose a few samples at the end (see `codec.vae`).
        estimate = nn.functional.pad(estimate, (0, audio.shape[-1] - estimate.shape[-1]))
        return Reconstruction(estimate, {"kl": kl})

    def export(self, folder: Path, *, state: Mapping[str, Tensor]) -> None:
        """Write `state` (of this module) as a codec folder, in half precision."""
        save_vae(folder, config=self.exported, state=state, dtype=torch.float16)


AutoEncoder = EncodecAutoEncoder | VaeAutoEncoder


def build_autoencoder(config: CodecTrainingConfig) -> AutoEncoder:
    """An untrained auto-encoder, its random weights a function of the seed."""
    kind = VaeAutoEncoder if isinstance(config.codec, VaeArchitecture) else EncodecAutoEncoder
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # torch's initialisers take no generator
        return kind(config)
