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
    """The passes whose results are combined, side by side in one batch of P B rows: all conditions; the caption alone,
    if it has its own weight (multi-source guidance; Tal et al., 2024); no condition. Or only the first of them.

    Attributes:
        weights: weights of every pass but the last; the weights of all passes sum to 1.
    """

    weights: tuple[float, ...] = ()

    @property
    def passes(self) -> int:
        """P."""
        return len(self.weights) + 1

    @property
    def captioned(self) -> int:
        """Number of passes, from the first, that read the caption; nothing is hidden if there is only one pass."""
        return max(1, len(self.weights))

    def rows(self, x: Tensor) -> Tensor:
        """Repeat [B, ...] for every pass: [P B, ...]."""
        return x if self.passes == 1 else torch.cat([x] * self.passes)

    def control_rows(self, tracks: Tensor) -> Tensor:
        """Tracks [P B, J, T] of all passes from [B, J, T]: only the first pass has controls."""
        return torch.cat([tracks, *[torch.full_like(tracks, NOT_GIVEN)] * (self.passes - 1)])

    def combine(self, rows: Tensor) -> Tensor:
        """Combine [P B, ...] to [B, ...]: null + sum of w (term - null); for two passes u + c (cond - u)."""
        *terms, null = rows.chunk(self.passes)
        total = null
        for weight, term in zip(self.weights, terms, strict=True):
            total = total + weight * (term - null)
        return total


def plan_guidance(text: TextTokens, *, controls: Tensor | None, sampling: SamplingConfig) -> Guidance:
    """The passes that are needed: no pass has a weight of zero or conditions that the batch lacks.

    Args:
        controls: [B, J, T], or None for a model without controls.
    """
    captioned = bool(text.mask.any())
    steered = controls is not None and bool((controls != NOT_GIVEN).any())
    everything, caption = sampling.guidance, sampling.text_guidance
    if not steered:  # the caption is the only condition
        everything, caption = everything + caption, 0.0
    elif not captioned:  # the caption has no weight
        caption = 0.0
    if caption:
        return Guidance((everything, caption))
    return Guidance((everything,) if everything != 1.0 and (captioned or steered) else ())


def drop_text(text: TextTokens, *, p: float, generator: torch.Generator) -> TextTokens:
    """Hide each caption with probability `p`, drawn per sample (audiocraft draws once for a whole batch)."""
    draw = torch.rand(text.mask.shape[0], generator=generator, device=generator.device)
    return text.hidden(draw < p)


def with_null(text: TextTokens) -> TextTokens:
    """Rows [2B]: the captions, then as many null conditions."""
    null = text.hidden()
    return TextTokens(ids=torch.cat((text.ids, null.ids)), mask=torch.cat((text.mask, null.mask)))
