"""Attention of a few queries to many cached keys by torch, for decoders whose kernels could not be compiled.

Shapes: B sequences, S new steps, H heads, D channels of a head, C = H D, L text tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend_cached(qkv: Tensor, *, keys: Tensor, values: Tensor, start: int) -> Tensor:
    """Causal self-attention of the steps after `start` cached ones, whose keys and values are added to the cache.

    Args:
        qkv: [B, S, 3 C].
        keys, values: [B, H, capacity, D], written from `start`.

    Returns:
        [B, S, C].
    """
    S = qkv.shape[1]
    assert start + S <= keys.shape[2], "the cache is full"
    query, key, value = qkv.unflatten(-1, (3, keys.shape[1], -1)).permute(2, 0, 3, 1, 4).unbind(0)
    keys[:, :, start : start + S] = key
    values[:, :, start : start + S] = value
    mask = None if S == 1 else torch.ones(S, start + S, dtype=torch.bool).tril(start)
    return _attend(query, keys[:, :, : start + S], values[:, :, : start + S], mask)


def attend(queries: Tensor, *, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
    """Attention [B, S, C] of queries [B, S, C] to keys and values [B, H, L, D].

    Args:
        mask: [B, 1, 1, L] bool, None if all may be read; a sequence without readable keys must have values of zero.
    """
    return _attend(queries.unflatten(-1, (keys.shape[1], -1)).transpose(1, 2), keys, values, mask)


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)
