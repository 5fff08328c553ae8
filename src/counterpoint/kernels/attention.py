"""Attention of a few queries to many cached keys: by our own kernel, or by torch if it could not be compiled.

Shapes: B sequences, S new steps, H heads, D channels of a head, C = H D, L text tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from counterpoint.kernels.build import library

_NAMES = {torch.float32: "attend_fp32", torch.float16: "attend_fp16"}


def attend_cached(qkv: Tensor, *, keys: Tensor, values: Tensor, start: int, compiled: bool = True) -> Tensor:
    """Causal self-attention of the steps after `start` cached ones, whose keys and values are added to the cache.

    Args:
        qkv: [B, S, 3 C] float32, contiguous.
        keys, values: [B, H, capacity, D] float32, or float16 for our kernel, contiguous; written from `start`.
        compiled: whether to use our kernel.

    Returns:
        [B, S, C].
    """
    B, S, width = qkv.shape
    C = width // 3
    assert start + S <= keys.shape[2], "the cache is full"
    if not compiled:
        query, key, value = qkv.view(B, S, 3, keys.shape[1], -1).permute(2, 0, 3, 1, 4).unbind(0)
        keys[:, :, start : start + S] = key
        values[:, :, start : start + S] = value
        mask = None if S == 1 else torch.ones(S, start + S, dtype=torch.bool).tril(start)
        return _attend(query, keys[:, :, : start + S], values[:, :, : start + S], mask)
    y = qkv.new_empty((B, S, C))
    query = qkv.data_ptr()
    new_keys, new_values = (query + part * C * qkv.element_size() for part in (1, 2))
    _call(query, new_keys, new_values, keys, values, None, y, stride=width, start=start)
    return y


def attend(
    queries: Tensor, *, keys: Tensor, values: Tensor, lengths: Tensor, mask: Tensor | None = None, compiled: bool = True
) -> Tensor:
    """Attention to the first `lengths[b]` keys of sequence b; zero if that number is zero.

    Args:
        queries: [B, S, C] float32, contiguous.
        keys, values: [B, H, L, D] float32 or float16, contiguous.
        lengths: [B] int64, for our kernel.
        mask: [B, 1, 1, L] bool, the equivalent for torch's kernel, None if all may be read; a sequence without readable
            keys must have values of zero.
        compiled: whether to use our kernel.

    Returns:
        [B, S, C].
    """
    if not compiled:
        return _attend(queries.unflatten(-1, (keys.shape[1], -1)).transpose(1, 2), keys, values, mask)
    y = queries.new_empty(queries.shape)
    _call(queries.data_ptr(), None, None, keys, values, lengths, y, stride=queries.shape[2], start=0)
    return y


def _attend(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask).transpose(1, 2).flatten(2)


def _call(
    query: int,
    new_keys: int | None,
    new_values: int | None,
    keys: Tensor,
    values: Tensor,
    lengths: Tensor | None,
    y: Tensor,
    *,
    stride: int,
    start: int,
) -> None:
    found = library()
    assert found is not None and keys.is_contiguous() and values.is_contiguous()
    B, H, capacity, D = keys.shape
    getattr(found, _NAMES[keys.dtype])(
        query,
        new_keys,
        new_values,
        keys.data_ptr(),
        values.data_ptr(),
        None if lengths is None else lengths.data_ptr(),
        y.data_ptr(),
        stride,
        start,
        B,
        y.shape[1],
        H,
        D,
        capacity,
    )
