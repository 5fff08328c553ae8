"""Spans of frames that a model learns to fill in (5.3).

Shapes: B batch, T latent frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST, LONGEST = 0.2, 0.7
"""The shares of an example that a span may take."""
BEYOND = 0.1
"""Spans are drawn as if they could begin so far outside the example, and pushed back into it: so about one in twelve
begins it and one in twelve ends it, and lead-ins and continuations are learned too."""


def draw_spans(lengths: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """A span for each example: [B, 2] first frame and the one after the last, on the device of `lengths`.

    Args:
        lengths: [B] valid frames.
        share: probability that there is one; for the other examples both are the example's length.
        generator: source of the draws.
    """
    hidden, size, place = torch.rand(3, len(lengths), generator=generator, device=generator.device).to(lengths.device)
    count = ((SHORTEST + (LONGEST - SHORTEST) * size) * lengths).ceil().long()
    free = lengths - count
    start = ((place * (1 + 2 * BEYOND) - BEYOND) * free).round().long().clamp(min=0).minimum(free)
    whole = hidden >= share
    start, stop = start.where(~whole, lengths), (start + count).where(~whole, lengths)
    return torch.stack((start, stop), dim=1)


def inside(spans: Tensor, frames: int) -> Tensor:
    """[B, T] bool: the frames of each span [B, 2]."""
    at = torch.arange(frames, device=spans.device)
    return (at >= spans[:, :1]) & (at < spans[:, 1:])
