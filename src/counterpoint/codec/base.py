"""The codec protocol.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@dataclass(frozen=True)
class Encoding:
    """Both views of the same audio (3.1).

    Attributes:
        latents: [B, T, D] float, before the quantiser.
        codes: [B, K, T] long; None where the codec has no codebooks.
    """

    latents: Tensor
    codes: Tensor | None


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
