"""The delay pattern P(i, j) = (i, j + i - 1): codebook k (from 0) stands k steps late (3.2).

Shapes: B batch, K codebooks, T latent frames, S = T + K - 1 delayed steps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def delay(codes: Tensor, *, lengths: Tensor, filler: int) -> Tensor:
    """[B, K, T] codes to [B, K, S]; whatever is no code of a valid frame is `filler`.

    Every frame of every codebook is there: S is T + K - 1, not T.
    """
    B, K, T = codes.shape
    delayed = codes.new_full((B, K, T + K - 1), filler)
    valid = torch.arange(T, device=codes.device) < lengths[:, None, None]
    kept = codes.where(valid, filler)
    for k in range(K):
        delayed[:, k, k : k + T] = kept[:, k]
    return delayed


def undelay(delayed: Tensor) -> Tensor:
    """[B, K, S, ...] back to [B, K, T, ...], T = S - K + 1."""
    K, S = delayed.shape[1:3]
    return torch.stack([delayed[:, k, k : k + S - K + 1] for k in range(K)], dim=1)


def shift_right(delayed: Tensor, *, filler: int) -> Tensor:
    """[B, K, S] targets to the inputs that predict them: a column of start tokens, then all but the last."""
    start = torch.full_like(delayed[:, :, :1], filler)
    return torch.cat((start, delayed[:, :, :-1]), dim=2)
