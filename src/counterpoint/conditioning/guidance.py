"""Classifier-free guidance: hiding conditions in training, steering with them in sampling.

Shapes: B batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

from counterpoint.conditioning.text import TextTokens


def drop_text(text: TextTokens, *, p: float, generator: torch.Generator) -> TextTokens:
    """Hide each caption with probability `p`, drawn per sample (audiocraft draws once for a whole batch)."""
    draw = torch.rand(text.mask.shape[0], generator=generator, device=generator.device)
    return text.hidden(draw < p)


def with_null(text: TextTokens) -> TextTokens:
    """[2B] rows: the captions, then as many null conditions."""
    null = text.hidden()
    return TextTokens(ids=torch.cat((text.ids, null.ids)), mask=torch.cat((text.mask, null.mask)))


def guide(both: Tensor, *, guidance: float) -> Tensor:
    """u + c (cond - u) of the two halves [cond; u] of a doubled batch."""
    conditional, unconditional = both.chunk(2)
    return unconditional + guidance * (conditional - unconditional)


def is_guided(text: TextTokens, *, guidance: float) -> bool:
    """Whether the unconditional half is needed: not at guidance 1, nor where nothing is conditioned."""
    return guidance != 1.0 and bool(text.mask.any())
