"""What follows each other in time, cut into blocks that each stand in their context.

A window is a block with what stands before and after it as context; of what is made of it, the block alone is kept.

Shapes: any, cut along one dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

BLOCK_S = 12.0
"""Audio that a network sees at once, contexts aside; what fits a processor's cache goes through fastest."""
LEFT_CONTEXT_S = 2.0
"""What a block hears before it begins: an LSTM remembers, the more so the longer."""
RIGHT_CONTEXT_S = 0.5
"""What it hears after its end: only convolutions look ahead, by less than this."""
Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterator[Any]]
"""`map`, or a function like it: draws its items one at a time and gives results in their order."""


@dataclass(frozen=True)
class Window:
    """A block in its context.

    Attributes:
        content: the tensor that a network sees.
        start: where in `content` the block begins, in samples or frames.
        stop: where it ends.
    """

    content: Tensor
    start: int
    stop: int


def windows(
    pieces: Iterable[Tensor], *, dim: int, frame_rate: float, per_frame: int = 1, context: int | None = None
) -> Iterator[Window]:
    """Cut what follows each other along `dim`; what the last block leaves over joins it.

    Args:
        pieces: tensors of any lengths.
        dim: the one that is time.
        frame_rate: Hz.
        per_frame: items of `dim` in a frame; blocks are whole frames.
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
