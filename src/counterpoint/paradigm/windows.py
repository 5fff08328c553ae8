"""Music longer than a network's window, drawn in overlapping windows.

Every frame takes the weighted average of the windows over it (MultiDiffusion, Bar-Tal et al., 2023): there is one
latent, seen through windows, instead of pieces that are joined afterwards. The weights are Hann windows, which vanish
smoothly at the edges, so that the borders of windows are inaudible.

Shapes: B batch, T latent frames, R windows processed at once, W frames of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Some windows of a batch.

    Attributes:
        samples: [R] long, the sample of each window.
        frames: [R, W] long, the positions of its frames in the batch flattened to [B * T].
        shares: [R, W] the weights of its frames; those of all windows over one frame sum to 1.
        mask: [R, W] bool, False past the end of a sample shorter than a window; None where all frames are real.
    """

    samples: Tensor
    frames: Tensor
    shares: Tensor
    mask: Tensor | None


def plan_windows(
    lengths: Sequence[int], *, window: int, at_once: int, device: torch.device | str = "cpu"
) -> list[Windows]:
    """Plan the windows over every sample; their positions depend only on the sample's own length.

    Args:
        lengths: number of frames of each of B samples; T is the largest.
        window: W, cut to T.
        at_once: the greatest R.
    """
    T = max(lengths)
    window = min(window, T)
    places = [
        (sample, start) for sample, length in enumerate(lengths) for start in window_starts(length, window=window)
    ]
    samples, starts = torch.tensor(places).T
    inside = torch.arange(window)
    mask = starts[:, None] + inside < torch.tensor(lengths)[samples][:, None]
    frames = ((samples * T + starts)[:, None] + inside).where(mask, samples[:, None] * T)
    weights = torch.sin(torch.pi * (inside + 0.5) / window).square() * mask
    total = torch.zeros(len(lengths) * T).index_add(0, frames.flatten(), weights.flatten())
    shares = weights / total[frames]
    return [
        Windows(
            samples=samples[part].to(device),
            frames=frames[part].to(device),
            shares=shares[part].to(device),
            mask=None if bool(mask[part].all()) else mask[part].to(device),
        )
        for part in (slice(first, first + at_once) for first in range(0, len(places), at_once))
    ]


def window_starts(length: int, *, window: int) -> list[int]:
    """First frames of the windows, evenly spread over the sample; adjacent windows overlap by half or more."""
    beyond = max(0, length - window)
    steps = -(-beyond // (window - window // 2))
    return [round(index * beyond / max(1, steps)) for index in range(steps + 1)]
