"""The auto-encoders that codec training trains, each of which can export a codec folder.

Shapes: B batch, K codebooks, T latent frames, S STFT frames, M bands, V codebook size, D latent channels, N
audio samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from counterpoint.codec.encodec import build_encodec, encodec_config, save_encodec
from counterpoint.codec.measures import perplexity_of_counts
from counterpoint.codec.quantize import dequantize, quantize
from counterpoint.codec.spectrogram import SpectrogramNetwork, band_magnitudes, compress, expand, save_spectrogram
from counterpoint.codec.vae import build_vae, save_vae
from counterpoint.config import CodecTrainingConfig
from counterpoint.config.codec_training import EncodecArchitecture, SpectrogramArchitecture, VaeArchitecture

_MOST_GAIN = 2.0
_FOLLOW = 0.02
"""Share of a batch in the running mean and scale of latents."""


@dataclass(frozen=True)
class Reconstruction:
    """Attributes:
    audio: [B, N].
    penalties: losses of the latents, by name: `commitment` (with codebooks) or `kl` (variational).
    """

    audio: Tensor
    penalties: dict[str, Tensor]


@dataclass(frozen=True)
class LevelReconstruction:
    """Attributes:
    levels: [B, S, M], as `codec.spectrogram.compress` gives them.
    penalties: as in `Reconstruction`.
    """

    levels: Tensor
    penalties: dict[str, Tensor]


class Quantizer(nn.Module):
    """Trainable residual codebooks: `vector_quantize_pytorch.ResidualVQ`, whose codebooks are exported."""

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        from vector_quantize_pytorch import ResidualVQ

        shape, quantizer = config.codec, config.quantizer
        assert not isinstance(shape, VaeArchitecture)
        self._continuous_fraction = quantizer.continuous_fraction
        self.residual = ResidualVQ(
            dim=shape.latent_dim,
            num_quantizers=shape.num_codebooks,
            codebook_size=shape.codebook_size,
            decay=quantizer.decay,
            kmeans_init=False,
            threshold_ema_dead_code=quantizer.dead_below,
            rotation_trick=False,  # straight through, as in the paper's EnCodec
        )
        # A batch spreads this many latents over each code; a restarted code is counted as such.
        usage = config.batch_size * config.segment_samples / shape.samples_per_frame / shape.codebook_size
        for codebook in self._codebooks():
            codebook.reset_cluster_size = max(usage, quantizer.dead_below)

    def forward(self, latents: Tensor, *, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise part of the clips of a batch [B, T, D]; in training mode the codebooks are updated.

        Args:
            seed: seed of the choice of clips, and of the latents that replace dead codes.

        Returns:
            The decoder's input [B, T, D], a mask [B] of its unquantised clips, and the commitment loss.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # the library takes no generator
            order = torch.randperm(len(latents))
            quantized, _, commitment = self.residual(latents)
        continuous = (order < round(self._continuous_fraction * len(latents))).to(latents.device)
        return torch.where(continuous[:, None, None], latents, quantized), continuous, commitment.sum()

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]."""
        return [codebook.embed[0] for codebook in self._codebooks()]

    def set_codebooks(self, books: Sequence[Tensor]) -> None:
        """Replace the codebooks, with equal use counts of all codes."""
        for codebook, book in zip(self._codebooks(), books, strict=True):
            codebook.embed.copy_(book[None])
            codebook.embed_avg.copy_(book[None] * codebook.reset_cluster_size)
            codebook.cluster_size.fill_(codebook.reset_cluster_size)

    def perplexities(self) -> list[float]:
        """exp of the entropy of each codebook's use, as a moving average: V if all codes are used equally."""
        used = torch.stack([codebook.cluster_size[0] for codebook in self._codebooks()])
        return perplexity_of_counts(used.double()).tolist()

    def _codebooks(self) -> list[Any]:
        """The library's codebook modules, which it types as tensors."""
        layers: Any = self.residual.layers
        return [layer._codebook for layer in layers]


class EncodecAutoEncoder(nn.Module):
    """The encoder and decoder of `transformers` around a trainable quantiser; the one of `transformers` has neither
    moving averages nor a commitment loss."""

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        shape = config.codec
        assert isinstance(shape, EncodecArchitecture)
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
        self.quantizer = Quantizer(config)

    def encode(self, audio: Tensor) -> Tensor:
        """Encode audio [B, N], N a multiple of the samples per frame, to latents [B, T, D]."""
        return self.encoder(audio[:, None]).transpose(1, 2)

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents [B, T, D] to audio [B, N]."""
        return self.decoder(latents.transpose(1, 2))[:, 0]

    def forward(self, audio: Tensor, *, seed: int) -> Reconstruction:
        """Reconstruct [B, N]: part of the clips from codes, the others from latents; see `Quantizer`."""
        decoded, _, commitment = self.quantizer(self.encode(audio), seed=seed)
        return Reconstruction(self.decode(decoded), {"commitment": commitment})

    def export(self, folder: Path, *, state: Mapping[str, Tensor]) -> None:
        """Write `state` (of this module) as a codec folder, in half precision."""
        books = {f"quantizer.layers.{k}.codebook.embed": book for k, book in enumerate(self.quantizer.codebooks())}
        networks = {key: value for key, value in state.items() if key.startswith(("encoder.", "decoder."))}
        save_encodec(folder, config=self.exported, state={**networks, **books}, dtype=torch.float16)


class VaeAutoEncoder(nn.Module):
    """The encoder and decoder of `diffusers`, with noise from the posterior between them."""

    quantizer = None

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
        """Encode audio [B, N], N a multiple of the samples per frame, to the means of the latents [B, T, D]."""
        return self.encoder(audio[:, None]).chunk(2, dim=1)[0].transpose(1, 2)

    def forward(self, audio: Tensor, *, seed: int) -> Reconstruction:
        """Reconstruct [B, N] from a draw of the posterior N(mean, std^2).

        Args:
            seed: seed of the draw.
        """
        mean, scale = self.encoder(audio[:, None]).chunk(2, dim=1)
        latents, kl = draw_posterior(mean, scale, dim=1, seed=seed)
        estimate = self.decoder(latents)[:, 0]
        # Odd strides lose a few samples at the end (see `codec.vae`).
        estimate = nn.functional.pad(estimate, (0, audio.shape[-1] - estimate.shape[-1]))
        return Reconstruction(estimate, {"kl": kl})

    def export(self, folder: Path, *, state: Mapping[str, Tensor]) -> None:
        """Write `state` (of this module) as a codec folder, in half precision."""
        save_vae(folder, config=self.exported, state=state, dtype=torch.float16)


class SpectrogramAutoEncoder(nn.Module):
    """The network of `codec.spectrogram`, with a quantiser, or with noise from a posterior, between its halves."""

    def __init__(self, config: CodecTrainingConfig):
        super().__init__()
        shape = config.codec
        assert isinstance(shape, SpectrogramArchitecture)
        self.architecture, self._sample_rate = shape, config.sample_rate
        self.network = SpectrogramNetwork(shape)
        self.quantizer = Quantizer(config) if shape.num_codebooks else None
        self.posterior = None if shape.num_codebooks else nn.Linear(shape.width, shape.latent_dim)
        if self.posterior is not None:
            nn.init.zeros_(self.posterior.weight)
            nn.init.constant_(self.posterior.bias, -2.0)  # a standard deviation of 0.13 at the start

    def encode(self, audio: Tensor) -> Tensor:
        """Encode audio [B, N], N a multiple of the samples per frame, to latents [B, T, D]."""
        return self.network.encode(compress(band_magnitudes(audio)))

    def forward(self, magnitudes: Tensor, *, seed: int) -> LevelReconstruction:
        """Reconstruct band magnitudes [B, S, M].

        Args:
            seed: seed of all draws.
        """
        raw, hidden = self.network.raw_latents(compress(magnitudes))
        generator = torch.Generator(raw.device).manual_seed(seed)
        if self.posterior is not None:
            latents, kl = draw_posterior(raw, self.posterior(hidden), dim=2, seed=seed)
            return LevelReconstruction(self.network.decode(latents), {"kl": kl})
        assert self.quantizer is not None
        if self.training:
            with torch.no_grad():
                variance, mean = torch.var_mean(raw.float(), dim=(0, 1))
                self.network.mean.lerp_(mean, _FOLLOW)
                self.network.scale.lerp_(variance.mean().sqrt(), _FOLLOW)
        latents, continuous, commitment = self.quantizer(self.network.standardize(raw), seed=seed)
        noise = torch.randn(latents.shape, generator=generator, device=latents.device, dtype=latents.dtype)
        latents = latents + self.architecture.latent_noise * noise * continuous[:, None, None]
        return LevelReconstruction(self.network.decode(latents), {"commitment": commitment})

    @torch.no_grad()
    def start_as_principal_components(self, audio: Tensor) -> None:
        """Set the linear maps to the principal components of the patches of audio [B, N], with small residual networks:
        component i has a standard deviation proportional to the power 3/4 of its own, which keeps the strong components
        ahead without hiding the weak ones, and a mean variance of 1 over all."""
        network, D = self.network, self.architecture.latent_dim
        levels = torch.cat([compress(band_magnitudes(part)) for part in audio.split(8)])
        patches = levels.unflatten(1, (-1, self.architecture.frames_per_latent)).flatten(2).flatten(0, 1)
        mean = patches.mean(dim=0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # svd_lowrank takes no generator
            _, spread, basis = torch.svd_lowrank(patches - mean, q=D + 16, niter=3)
        sigma, basis = spread[:D] / len(patches) ** 0.5, basis[:, :D]
        wanted = sigma**0.75 / (sigma**1.5).mean().sqrt()
        network.encode_linear.weight.copy_((basis / sigma * wanted).T)
        network.encode_linear.bias.copy_(-network.encode_linear.weight @ mean)
        network.decode_linear.weight.copy_(basis * (sigma / wanted))
        network.decode_linear.bias.copy_(mean)

    @torch.no_grad()
    def match_gain(self, audio: Tensor) -> None:
        """Set the decoder's gains: the ratio of the mean magnitudes of each band in audio [B, N] and in its
        reconstruction, from codes if there are any; between 1 and `_MOST_GAIN`."""
        network = self.network
        wanted = torch.zeros_like(network.gain)
        found = torch.zeros_like(network.gain)
        for part in audio.split(8):
            magnitudes = band_magnitudes(part)
            latents = network.encode(compress(magnitudes))
            if self.quantizer is not None:
                books = self.quantizer.codebooks()
                latents = dequantize(quantize(latents, codebooks=books), codebooks=books)
            wanted += magnitudes.sum(dim=(0, 1))
            found += expand(network.decode(latents)).sum(dim=(0, 1))
        network.gain.copy_((wanted / found.clamp(min=1e-12)).clamp(1.0, _MOST_GAIN))

    def export(self, folder: Path, *, state: Mapping[str, Tensor]) -> None:
        """Write `state` (of this module) as a codec folder, in half precision."""
        own = {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}
        if self.quantizer is not None:
            own["codebooks"] = torch.stack(self.quantizer.codebooks())
        save_spectrogram(
            folder, architecture=self.architecture, sample_rate=self._sample_rate, state=own, dtype=torch.float16
        )


def draw_posterior(mean: Tensor, scale: Tensor, *, dim: int, seed: int) -> tuple[Tensor, Tensor]:
    """A draw from N(mean, softplus(scale)^2), and twice the nats per frame: the KL divergence from N(0, 1), summed over
    the channels `dim` and averaged over everything else."""
    std = nn.functional.softplus(scale) + 1e-4
    generator = torch.Generator(mean.device).manual_seed(seed)
    noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    kl = (mean.square() + std.square() - 2 * std.log() - 1).sum(dim=dim).mean()
    return mean + std * noise, kl


AutoEncoder = EncodecAutoEncoder | VaeAutoEncoder | SpectrogramAutoEncoder


def build_autoencoder(config: CodecTrainingConfig) -> AutoEncoder:
    """Build an untrained auto-encoder, whose random weights are a function of the seed."""
    kind = {"encodec": EncodecAutoEncoder, "vae": VaeAutoEncoder, "spectrogram": SpectrogramAutoEncoder}[
        config.codec.kind
    ]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)  # torch's initialisers take no generator
        return kind(config)
