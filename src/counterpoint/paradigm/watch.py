"""Progress of a drawing, with audio that is already final, and a way to stop it.

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
        done: number of network passes so far.
        total: number of passes in all; None if the solver chooses its steps.
        share: the finished share, in [0, 1].
        ready: number of final frames at the start; 0 if a paradigm finishes all frames at once.
        codes: returns these frames, [B, K, ready]; None for such a paradigm and for inpainting.
    """

    done: int
    total: int | None
    share: float
    ready: int = 0
    codes: Callable[[], Tensor] | None = None


Watch = Callable[[Drawing], None]
"""Called after every pass of the network. An exception that it raises stops the drawing and reaches the caller."""


def watch_share(share: Callable[[float], None], watch: Watch | None) -> Watch:
    """A watch that reports the finished share, and passes everything on to another watch, if there is one."""

    def report(drawing: Drawing) -> None:
        share(min(1.0, max(0.0, drawing.share)))
        if watch is not None:
            watch(drawing)

    return report
