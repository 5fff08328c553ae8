"""Sound of music that is still being drawn, for those who listen while it is made.

Shapes: B batch, K codebooks, T latent frames, N audio samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from counterpoint.codec import Codec, decode
from counterpoint.paradigm.watch import Drawing

FIRST_S = 1.0
"""So much is there before the first sound is given."""
GROWTH = 1.5
"""By this factor more must be there before the next is given. All that is there is decoded again each time, so that
phases go on as in the whole; together that costs a few times as much as decoding once."""
MARGIN_S = 0.25
"""The end of what is there is held back: it changes when more follows."""


class Preview:
    """Called with a `Drawing`, gives what can be heard of its first clip already, piece by piece.

    Args:
        codec: of the model that draws.
        give: is called with samples [N] float32 in [-1, 1].
    """

    def __init__(self, codec: Codec, give: Callable[[np.ndarray], None]):
        self._codec, self._give = codec, give
        self._next = FIRST_S * codec.frame_rate
        self._given = 0

    def __call__(self, drawing: Drawing) -> None:
        if drawing.codes is None or drawing.ready < self._next:
            return
        self._next = GROWTH * drawing.ready
        audio = decode(self._codec, codes=drawing.codes()[:1])[0].clamp(-1, 1).numpy()
        held = round(MARGIN_S * self._codec.sample_rate)
        self._give(audio[self._given : len(audio) - held])
        self._given = len(audio) - held

    def finish(self, audio: np.ndarray) -> None:
        """Give the rest of the clip [N], now that it is whole."""
        self._give(audio[self._given :])
        self._given = len(audio)
