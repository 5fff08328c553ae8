"""The paradigm protocol: (target, conditions, lengths) tensors in, loss or latents out.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, L text tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from counterpoint.conditioning import TextTokens
from counterpoint.config import LatentSpec, ModelConfig, SamplingConfig, UserError


@dataclass(frozen=True)
class LossOutput:
    """Attributes:
    loss: scalar to minimise.
    per_example: [B] the same loss of each example, detached.
    """

    loss: Tensor
    per_example: Tensor


@dataclass(frozen=True)
class Sample:
    """What a paradigm drew; exactly one of `codes` and `latents` is set.

    Attributes:
        codes: [B, K, T] long, auto-regressive.
        latents: [B, T, D] float in the codec's own scale, flow matching.
        network_evaluations: backbone passes a sample took.
        model_evaluations: the same with the rows of guidance counted: a guided pass is two.
    """

    codes: Tensor | None
    latents: Tensor | None
    network_evaluations: int
    model_evaluations: int


class Paradigm(nn.Module, ABC):
    """A way to learn and draw music in a codec's latent space. Never sees a waveform, a file or a dataset."""

    target: Literal["codes", "latents"]
    """Which view of the encoding it models."""

    def __init__(self, config: ModelConfig, latent: LatentSpec):
        super().__init__()
        self.config = config
        self.latent = latent

    @abstractmethod
    def prepare(self, captions: Sequence[str | None], *, truncate: bool = False) -> TextTokens:
        """Tokenise captions; None or an empty one is the null condition.

        Args:
            truncate: cut a caption that is too long instead of refusing it; for training, which no caption may stop.

        Raises:
            UserError: a caption is too long.
        """

    @abstractmethod
    def initialise(self, generator: torch.Generator) -> None:
        """Draw every trainable weight; the backbone's come first, so one seed gives both paradigms the same ones."""

    @abstractmethod
    def forward(self, target: Tensor, *, text: TextTokens, lengths: Tensor, generator: torch.Generator) -> LossOutput:
        """Training loss.

        Args:
            target: [B, K, T] codes or [B, T, D] raw latents, padded at the end.
            text: from `prepare`; dropped per sample inside, with probability `text_dropout`, in training mode only.
            lengths: [B] valid frames.
            generator: source of every random draw.
        """

    @abstractmethod
    def sample(
        self,
        *,
        text: TextTokens,
        lengths: Tensor,
        sampling: SamplingConfig,
        generators: Sequence[torch.Generator],
        window: int | None = None,
    ) -> Sample:
        """Draw one sample per caption; `generators[b]` alone decides sample b, whatever its batch mates.

        Args:
            lengths: [B] frames to draw; shorter ones are padded at the end.
            window: frames that the network sees at once; longer music is made by windows. None: as many as are asked.
        """

    @abstractmethod
    def max_frames(self) -> int:
        """Longest T the positions allow."""


def check_frames(frames: int, *, limit: int) -> None:
    """
    Raises:
        UserError: more frames than the positions of the backbone allow, or none.
    """
    if frames < 1:
        raise UserError("There are no frames to work on: ask for a longer duration.")
    if frames > limit:
        raise UserError(
            f"{frames:,} frames are more than the {limit:,} the model has positions for: "
            "ask for less, or raise backbone.max_positions and train anew."
        )


def parameter_count(module: nn.Module) -> int:
    """Trainable weights; a frozen text encoder is not among them."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
