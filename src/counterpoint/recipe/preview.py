"""Audio of music that is still being drawn, for listening during generation.

Shapes: B batch, K codebooks, T latent frames, N audio samples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from counterpoint.codec import Codec, decode
from counterpoint.paradigm.watch import Drawing

FIRST_S = 1.0
"""Seconds of music that are drawn before the first audio is sent."""
GROWTH = 1.5
"""Factor by which the drawn music grows before the next audio is sent. All of it is decoded again each time, so that
phases continue as in the whole; altogether this costs a few times as much as decoding once."""
MARGIN_S = 0.25
"""Seconds at the end that are held back, because they change when more music follows."""


class Preview:
    """Called with a `Drawing`, sends the audio of its first clip that is already final, piece by piece.

    Args:
        codec: the codec of the model that draws.
        give: called with samples [N] float32 in [-1, 1].
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
        """Send the rest of the complete clip [N]."""
        self._give(audio[self._given :])
        self._given = len(audio)
