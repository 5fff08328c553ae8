"""Spans of frames that a model learns to fill in (5.3).

Shapes: B batch, T latent frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

SHORTEST, LONGEST = 0.2, 0.7
"""The least and the greatest share of an example that a span takes."""
BEYOND = 0.1
"""Spans are drawn with a margin outside the example and moved back into it: about one in twelve begins the example and
one in twelve ends it, so that lead-ins and continuations are learned, too."""


def draw_spans(lengths: Tensor, *, share: float, generator: torch.Generator) -> Tensor:
    """A span for each example: [B, 2] first frame and the one after the last, on the device of `lengths`.

    Args:
        lengths: [B] valid frames.
        share: probability of a span; in the other examples both numbers are the example's length.
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
    """Mask [B, T] of the frames of each span [B, 2]."""
    at = torch.arange(frames, device=spans.device)
    return (at >= spans[:, :1]) & (at < spans[:, 1:])
