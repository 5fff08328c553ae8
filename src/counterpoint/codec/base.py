"""The codec protocol.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from counterpoint.codec.windows import Map
from counterpoint.config import LatentSpec

View = Literal["latents", "codes"]


@dataclass(frozen=True)
class Encoding:
    """Both views of the same audio (3.1).

    Attributes:
        latents: [B, T, D] float, before the quantiser.
        codes: [B, K, T] long; None if the codec has no codebooks.
    """

    latents: Tensor
    codes: Tensor | None

    def view(self, name: View) -> Tensor:
        """The latents or the codes; the codec must have codes if they are requested."""
        found = self.latents if name == "latents" else self.codes
        assert found is not None, "the codec has no codes"
        return found


@runtime_checkable
class Codec(Protocol):
    """Audio to latents and codes, and back. Mono; latents are raw, not normalised."""

    name: str
    """The name by which users load it: a shipped name, a hub id or a folder."""
    fingerprint: str
    """Digest of its weights and shape: two codecs with one fingerprint give the same codes."""
    sample_rate: int
    samples_per_frame: int
    frame_rate: float
    num_codebooks: int
    """K; 0 for a codec without codebooks, whose `codebook_size` is 0 and whose encodings have no codes."""
    codebook_size: int
    latent_dim: int
    keeps_phase: bool
    """Whether decoded audio follows the original waveform sample by sample. If phases are synthesised, decoded audio
    sounds like the original but is not correlated with it: signal-to-noise ratios are then meaningless, and the powers
    of the two add up in a mixture."""
    device: torch.device
    """The device on which it computes and on which its results lie; its inputs may lie on any device."""

    def encode(self, audio: Tensor) -> Encoding:
        """Encode audio [B, N] in [-1, 1] to T = ceil(N / samples per frame) frames."""
        ...

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Decode unquantised latents [B, T, D] to audio [B, T * samples per frame]."""
        ...

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Decode codes [B, K, T] to audio [B, T * samples per frame].

        Raises:
            UserError: the codec has no codebooks.
        """
        ...

    def to(self, device: torch.device | str) -> Codec:
        """Move to a device, in place."""
        ...


@runtime_checkable
class QuantizedCodec(Codec, Protocol):
    """A codec with residual codebooks."""

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]; empty if the codec has no codes."""
        ...


@runtime_checkable
class StreamDecoder(Protocol):
    """A codec that decodes streams itself, because its blocks depend on the preceding ones."""

    def decode_stream(self, pieces: Iterable[Tensor], *, view: View, apply: Map = map) -> Iterator[Tensor]:
        """Decode a stream; see `codec.chunked.decode_stream`."""
        ...


def latent_spec(codec: Codec, *, mean: float = 0.0, mean_std: float = 1.0) -> LatentSpec:
    """The properties of a codec that a paradigm needs, with the two scalars of App. E.2."""
    return LatentSpec(
        codec=codec.name,
        fingerprint=codec.fingerprint,
        sample_rate=codec.sample_rate,
        frame_rate=codec.frame_rate,
        num_codebooks=codec.num_codebooks,
        codebook_size=codec.codebook_size,
        latent_dim=codec.latent_dim,
        mean=mean,
        mean_std=mean_std,
    )


def check_latents(latents: Tensor, *, latent_dim: int) -> None:
    """
    Raises:
        ValueError: the latents are not [B, T, D] with T > 0.
    """
    if latents.ndim != 3 or latents.shape[-1] != latent_dim or not latents.shape[1]:
        raise ValueError(f"latents must be [B, T, {latent_dim}] with T > 0, got {tuple(latents.shape)}")


def whole_frames(audio: Tensor, *, samples_per_frame: int) -> Tensor:
    """[B, N] padded with zeros to a multiple of `samples_per_frame`.

    Raises:
        ValueError: the audio is not [B, N], or N is 0.
    """
    if audio.ndim != 2 or not audio.shape[-1]:
        raise ValueError(f"audio must be [B, N] with N > 0, got {tuple(audio.shape)}")
    return torch.nn.functional.pad(audio, (0, -audio.shape[-1] % samples_per_frame))
