"""Music longer than a network sees at once, as windows that overlap.

Every frame of the whole takes the average of what the windows over it say (MultiDiffusion, Bar-Tal et al., 2023): one
latent, seen through windows, and not pieces joined afterwards. The weights are Hann's, which vanish towards a window's
edges without a kink, so that nothing is heard where a window begins or ends.

Shapes: B batch, T latent frames, R windows looked through at once, W frames of a window.
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
        samples: [R] long, the sample that each is a part of.
        frames: [R, W] long, where its frames stand in the batch flattened to [B * T].
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
    """Windows over every sample, where they stand decided by the sample's own length alone.

    Args:
        lengths: B frames of each; T is the largest.
        window: W, cut to T.
        at_once: R at most.
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
    """Where windows begin: evenly spread from the first frame to the last, each sharing half or more with the next."""
    beyond = max(0, length - window)
    steps = -(-beyond // (window - window // 2))
    return [round(index * beyond / max(1, steps)) for index in range(steps + 1)]
