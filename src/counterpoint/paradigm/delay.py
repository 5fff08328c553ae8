"""The delay pattern P(i, j) = (i, j + i - 1): codebook k (from 0) is delayed by k steps (3.2).

Shapes: B batch, K codebooks, T latent frames, S = T + K - 1 delayed steps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def delay(codes: Tensor, *, lengths: Tensor, filler: int) -> Tensor:
    """Delay codes [B, K, T] to [B, K, S]; every place without a code of a valid frame holds `filler`.

    Every frame of every codebook is kept: S is T + K - 1, not T.
    """
    B, K, T = codes.shape
    delayed = codes.new_full((B, K, T + K - 1), filler)
    valid = torch.arange(T, device=codes.device) < lengths[:, None, None]
    kept = codes.where(valid, filler)
    for k in range(K):
        delayed[:, k, k : k + T] = kept[:, k]
    return delayed


def undelay(delayed: Tensor) -> Tensor:
    """Undo the delay of [B, K, S, ...]: [B, K, T, ...], T = S - K + 1."""
    K, S = delayed.shape[1:3]
    return torch.stack([delayed[:, k, k : k + S - K + 1] for k in range(K)], dim=1)


def shift_right(delayed: Tensor, *, filler: int) -> Tensor:
    """The inputs that predict targets [B, K, S]: a column of start tokens, then all but the last target."""
    start = torch.full_like(delayed[:, :, :1], filler)
    return torch.cat((start, delayed[:, :, :-1]), dim=2)
