"""All blocks of a packed decoder in one call of our own kernels.

Shapes: B sequences, S new steps, H heads, D channels of a head, C = H D, L text tokens.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from counterpoint.kernels.build import library
from counterpoint.kernels.linear import CompiledLinear


class Layer(NamedTuple):
    """The parts of a decoder block in the order in which the kernel takes them."""

    self_norm: nn.LayerNorm
    in_proj: CompiledLinear
    out_proj: CompiledLinear
    cross_norm: nn.LayerNorm
    query: CompiledLinear
    cross_out: CompiledLinear
    feed_norm: nn.LayerNorm
    up: CompiledLinear
    down: CompiledLinear


class CompiledBlocks:
    """Decoder blocks with the caches of their self-attention.

    Args:
        layers: the blocks, all of one precision and without biases.
        keys, values: one [B, H, capacity, D] per block, contiguous; float32 where the weights are fp32, else float16.
    """

    def __init__(self, layers: Sequence[Layer], *, keys: Sequence[Tensor], values: Sequence[Tensor]):
        found = library()
        assert found is not None and all(tensor.is_contiguous() for tensor in (*keys, *values))
        first = layers[0]
        self._decode = getattr(found, f"decode_{first.in_proj.precision}")
        self._kept = layers, keys, values  # the kernel has nothing but their addresses
        self._layers = _table([_addresses(part) for layer in layers for part in layer])
        self._caches = _table([[one.data_ptr() for one in pair] for pair in zip(keys, values, strict=True)])
        self._count, self._feed_forward = len(layers), first.up.out_features
        self._text: tuple[Sequence[Tensor], Tensor] = ((), torch.empty(0))

    def apply_(
        self, x: Tensor, *, start: int, text_keys: Sequence[Tensor], text_values: Sequence[Tensor], lengths: Tensor
    ) -> None:
        """Replace `x` by the output of the last block, and add its keys and values to the caches.

        Args:
            x: [B, S, C] float32, contiguous; the steps that follow the `start` cached ones.
            text_keys, text_values: one [R, H, L, D] float32 per block, contiguous, which the first R sequences read.
            lengths: [R] int64 number of tokens that each of them reads.
        """
        _, keys, _ = self._kept
        B, H, capacity, D = keys[0].shape
        assert x.is_contiguous() and len(x) == B and start + x.shape[1] <= capacity, "the cache is full"
        if self._text[0] is not text_keys:
            assert all(tensor.is_contiguous() for tensor in (*text_keys, *text_values))
            pairs = zip(text_keys, text_values, strict=True)
            self._text = text_keys, _table([[one.data_ptr() for one in pair] for pair in pairs])
        sizes = (
            *(self._count, B, x.shape[1], len(lengths), start),
            *(H, D, self._feed_forward, capacity, text_keys[0].shape[2]),
        )
        self._decode(
            self._layers.data_ptr(),
            self._caches.data_ptr(),
            self._text[1].data_ptr(),
            lengths.data_ptr(),
            x.data_ptr(),
            (ctypes.c_int * len(sizes))(*sizes),
        )


def _addresses(part: nn.LayerNorm | CompiledLinear) -> list[int]:
    assert part.weight.is_contiguous()
    if isinstance(part, nn.LayerNorm):
        return [part.weight.data_ptr(), part.bias.data_ptr()]
    assert part.bias is None
    return [part.weight.data_ptr(), 0 if part.scale is None else part.scale.data_ptr()]


def _table(rows: Sequence[Sequence[int]]) -> Tensor:
    return torch.tensor(rows, dtype=torch.int64)
