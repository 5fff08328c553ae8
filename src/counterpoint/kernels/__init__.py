"""CPU kernels of a decoder block for a few rows, at the speed of reading weights and caches.

Importing this package does not import torch; its parts do, when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.kernels.precision import PRECISIONS, Precision
from counterpoint.lazy import lazily

if TYPE_CHECKING:
    from counterpoint.kernels.attention import attend, attend_cached
    from counterpoint.kernels.blocks import CompiledBlocks, Layer
    from counterpoint.kernels.linear import CompiledLinear, PackedLinear, pack

__all__ = [
    "PRECISIONS",
    "CompiledBlocks",
    "CompiledLinear",
    "Layer",
    "PackedLinear",
    "Precision",
    "attend",
    "attend_cached",
    "pack",
]

__getattr__ = lazily(
    __name__,
    {
        "CompiledBlocks": "blocks",
        "CompiledLinear": "linear",
        "Layer": "blocks",
        "PackedLinear": "linear",
        "attend": "attention",
        "attend_cached": "attention",
        "pack": "linear",
    },
)
