"""Consecutive pieces cut into blocks, each with its context.

A window is a block with the context before and after it; only the block's part of a result is kept.

Shapes: any, cut along one dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BLOCK_S = 12.0
"""Seconds of audio that a network processes at once, without contexts; inputs that fit in cache are fastest."""
LEFT_CONTEXT_S = 2.0
"""Seconds of context before a block: an LSTM remembers the past, the better the longer the context."""
RIGHT_CONTEXT_S = 0.5
"""Seconds of context after a block: only convolutions look ahead, and by less than this."""
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""`map`, or a function like it: it draws its items one at a time and gives results in order."""


@dataclass(frozen=True)
class Window:
    """A block with its context.

    Attributes:
        content: the tensor that a network processes.
        start: start of the block in `content`, in samples or frames.
        stop: end of the block.
    """

    content: Tensor
    start: int
    stop: int


def windows(
    pieces: Iterable[Tensor], *, dim: int, frame_rate: float, per_frame: int = 1, context: int | None = None
) -> Iterator[Window]:
    """Cut consecutive pieces along `dim`; a short remainder is joined to the last block.

    Args:
        pieces: tensors of any lengths.
        dim: the time dimension.
        frame_rate: Hz.
        per_frame: items of `dim` per frame; blocks are whole frames.
        context: frames on either side; by default those of `LEFT_CONTEXT_S` and `RIGHT_CONTEXT_S`.
    """
    block = round(BLOCK_S * frame_rate) * per_frame
    left, right = (
        (context if context is not None else round(seconds * frame_rate)) * per_frame
        for seconds in (LEFT_CONTEXT_S, RIGHT_CONTEXT_S)
    )
    held, start = None, 0
    for piece in pieces:
        held = piece if held is None else torch.cat((held, piece), dim=dim)
        while held.shape[dim] > start + block + right:
            stop = start + block
            yield Window(held.narrow(dim, 0, stop + right), start, stop)
            start = min(stop, left)
            held = held.narrow(dim, stop - start, held.shape[dim] - stop + start)
    if held is not None:
        yield Window(held, start, held.shape[dim])
