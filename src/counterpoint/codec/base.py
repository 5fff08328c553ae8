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
        codes: [B, K, T] long; None where the codec has no codebooks.
    """

    latents: Tensor
    codes: Tensor | None

    def view(self, name: View) -> Tensor:
        """The latents or the codes; never the codes of a codec without any."""
        found = self.latents if name == "latents" else self.codes
        assert found is not None, "the codec has no codes"
        return found


@runtime_checkable
class Codec(Protocol):
    """Audio to latents and codes, and back. Mono; latents are raw, not normalised."""

    name: str
    """What a user types to load it: a shipped name, a hub id or a folder."""
    fingerprint: str
    """Digest of its weights and shape: two codecs with one fingerprint give the same codes."""
    sample_rate: int
    samples_per_frame: int
    frame_rate: float
    num_codebooks: int
    """K; 0 where the codec has none, and then `codebook_size` is 0 too and no encoding has codes."""
    codebook_size: int
    latent_dim: int
    keeps_phase: bool
    """Whether what is decoded follows the waveform that was encoded, sample by sample. Where phases are made anew, it
    sounds like it and is not correlated with it: signal-to-noise ratios then say nothing, and mixing the two adds
    their powers."""

    def encode(self, audio: Tensor) -> Encoding:
        """[B, N] in [-1, 1] to T = ceil(N / samples per frame) frames."""
        ...

    def decode_latents(self, latents: Tensor) -> Tensor:
        """[B, T, D], not quantised, to audio [B, T * samples per frame]."""
        ...

    def decode_codes(self, codes: Tensor) -> Tensor:
        """[B, K, T] to audio [B, T * samples per frame].

        Raises:
            UserError: the codec has no codebooks.
        """
        ...

    def to(self, device: torch.device | str) -> Codec: ...


@runtime_checkable
class QuantizedCodec(Codec, Protocol):
    """A codec whose codes are those of residual codebooks."""

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]; none where the codec has no codes."""
        ...


@runtime_checkable
class StreamDecoder(Protocol):
    """A codec that decodes what follows each other in time by itself, since its blocks depend on those before."""

    def decode_stream(self, pieces: Iterable[Tensor], *, view: View, apply: Map = map) -> Iterator[Tensor]:
        """See `codec.chunked.decode_stream`."""
        ...


def latent_spec(codec: Codec, *, mean: float = 0.0, mean_std: float = 1.0) -> LatentSpec:
    """What a paradigm must know of a codec, with the two scalars of App. E.2."""
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
        ValueError: not [B, T, D] with T > 0.
    """
    if latents.ndim != 3 or latents.shape[-1] != latent_dim or not latents.shape[1]:
        raise ValueError(f"latents must be [B, T, {latent_dim}] with T > 0, got {tuple(latents.shape)}")


def whole_frames(audio: Tensor, *, samples_per_frame: int) -> Tensor:
    """[B, N] padded with zeros to a multiple of `samples_per_frame`.

    Raises:
        ValueError: not [B, N], or N is 0.
    """
    if audio.ndim != 2 or not audio.shape[-1]:
        raise ValueError(f"audio must be [B, N] with N > 0, got {tuple(audio.shape)}")
    return torch.nn.functional.pad(audio, (0, -audio.shape[-1] % samples_per_frame))
