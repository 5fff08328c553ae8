"""How far a drawing is, for whoever waits for it: progress, early listening, and a way to stop.

Shapes: B batch, K codebooks, T latent frames.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Drawing:
    """The state of a batch that is being drawn.

    Attributes:
        done: passes of the network so far.
        total: passes in all; None where the solver decides while it goes.
        share: how much is done, in [0, 1].
        ready: how many of the first frames are final; 0 of a paradigm that finishes all frames at once.
        codes: gives those frames, [B, K, ready]; None of such a paradigm, and where a span is filled in.
    """

    done: int
    total: int | None
    share: float
    ready: int = 0
    codes: Callable[[], Tensor] | None = None


Watch = Callable[[Drawing], None]
"""Called after every pass of the network. An exception that it raises stops the drawing and reaches the caller."""


def telling(share: Callable[[float], None], watch: Watch | None) -> Watch:
    """A watch that tells how much is done, and passes everything on to another one, if there is one."""

    def told(drawing: Drawing) -> None:
        share(min(1.0, max(0.0, drawing.share)))
        if watch is not None:
            watch(drawing)

    return told
