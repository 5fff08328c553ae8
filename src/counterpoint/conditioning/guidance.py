"""Classifier-free guidance: hiding conditions in training, steering with them in sampling.

Shapes: B batch, P passes, J controls, T frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.conditioning.text import TextTokens
from counterpoint.config import SamplingConfig


@dataclass(frozen=True)
class Guidance:
    """The passes whose results are added up, side by side in one batch of P B rows: all conditions; the caption alone,
    where it has a weight of its own (multi-source guidance; Tal et al., 2024); nothing. Or the first of them by itself.

    Attributes:
        weights: of every pass but the last; the weights of all sum to 1.
    """

    weights: tuple[float, ...] = ()

    @property
    def passes(self) -> int:
        """P."""
        return len(self.weights) + 1

    @property
    def captioned(self) -> int:
        """How many passes, from the first, read the caption; nothing is hidden where there is only one."""
        return max(1, len(self.weights))

    def rows(self, x: Tensor) -> Tensor:
        """[B, ...] to [P B, ...]: the same for every pass."""
        return x if self.passes == 1 else torch.cat([x] * self.passes)

    def control_rows(self, tracks: Tensor) -> Tensor:
        """[B, J, T] to [P B, J, T]: the first pass alone is told."""
        return torch.cat([tracks, *[torch.full_like(tracks, NOT_GIVEN)] * (self.passes - 1)])

    def combine(self, rows: Tensor) -> Tensor:
        """[P B, ...] to [B, ...]: null + sum of w (term - null), for two passes u + c (cond - u)."""
        *terms, null = rows.chunk(self.passes)
        total = null
        for weight, term in zip(self.weights, terms, strict=True):
            total = total + weight * (term - null)
        return total


def plan_guidance(text: TextTokens, *, controls: Tensor | None, sampling: SamplingConfig) -> Guidance:
    """The passes that are needed: none for a weight of zero, nor for what the batch does not have.

    Args:
        controls: [B, J, T], or None for a model without.
    """
    told = bool(text.mask.any())
    steered = controls is not None and bool((controls != NOT_GIVEN).any())
    everything, caption = sampling.guidance, sampling.text_guidance
    if not steered:  # the caption is everything
        everything, caption = everything + caption, 0.0
    elif not told:  # the caption is nothing
        caption = 0.0
    if caption:
        return Guidance((everything, caption))
    return Guidance((everything,) if everything != 1.0 and (told or steered) else ())


def drop_text(text: TextTokens, *, p: float, generator: torch.Generator) -> TextTokens:
    """Hide each caption with probability `p`, drawn per sample (audiocraft draws once for a whole batch)."""
    draw = torch.rand(text.mask.shape[0], generator=generator, device=generator.device)
    return text.hidden(draw < p)


def with_null(text: TextTokens) -> TextTokens:
    """[2B] rows: the captions, then as many null conditions."""
    null = text.hidden()
    return TextTokens(ids=torch.cat((text.ids, null.ids)), mask=torch.cat((text.mask, null.mask)))
