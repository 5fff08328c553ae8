"""Music made longer: room before or after a file, in which a model goes on.

Shapes: C channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np

from counterpoint.config import UserError
from counterpoint.config.base import MOST_SECONDS
from counterpoint.inpaint.files import BLOCK, Patch, Source, lay_over
from counterpoint.inpaint.spans import Span

Side = Literal["end", "start"]
_SHARE = 0.6
"""Of a model's window that one step of a continuation fills; the rest is the music that it goes by."""


@dataclass(frozen=True)
class Extended:
    """A file with silent room before and after it, to be filled in; the file's own samples stay as they are.

    Attributes:
        source: the file.
        before, after: samples of room.
    """

    source: Source
    before: int = 0
    after: int = 0

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.source.sample_rate

    @property
    def channels(self) -> int:
        return self.source.channels

    @property
    def frames(self) -> int:
        """Samples a channel, with the room."""
        return self.before + self.source.frames + self.after

    def read(self, start: int, stop: int, *, patches: Sequence[Patch] = ()) -> np.ndarray:
        """Samples [N, C] of the file's type, patched; zeros in the room."""
        block = np.zeros((stop - start, self.channels), dtype=self.source.dtype)
        first, last = max(start, self.before), min(stop, self.before + self.source.frames)
        if first < last:
            block[first - start : last - start] = self.source.read(first - self.before, last - self.before)
        lay_over(block, start=start, patches=patches)
        return block

    def check_out(self, out: Path) -> None:
        """See `Source.check_out`."""
        self.source.check_out(out)

    def write(self, out: Path, *, patches: Sequence[Patch]) -> None:
        """The longer music, patched; see `Source.write`.

        What a file holds beside its samples is kept where they stay at their places: marks of time (cues, loops) would
        be wrong after a lead-in.
        """
        self.source.save(out, self._blocks(), patches=patches, keeps_marks=not self.before)

    def _blocks(self) -> Iterator[np.ndarray]:
        yield from self._room(self.before)
        yield from self.source.blocks()
        yield from self._room(self.after)

    def _room(self, count: int) -> Iterator[np.ndarray]:
        for start in range(0, count, BLOCK):
            yield np.zeros((min(BLOCK, count - start), self.channels), dtype=self.source.dtype)


def extend(source: Source, *, duration_s: float, side: Side, window_s: float) -> tuple[Extended, list[Span]]:
    """The file with room at one side, and the spans of it that are to be filled in, one after the other.

    A continuation may be of any length: it is made step by step, each of which goes by the one before. A lead-in is
    made in one step, so a model's window limits it.

    Args:
        duration_s: of what is added.
        side: where it is added.
        window_s: that the model sees at once.

    Raises:
        UserError: a duration that is not positive.
    """
    if not 0 < duration_s < MOST_SECONDS:
        raise UserError(f"{duration_s:g} s cannot be added to {source.name}: give a positive number of seconds.")
    room = max(1, round(duration_s * source.sample_rate))
    if side == "start":
        return Extended(source, before=room), [(0.0, room / source.sample_rate)]
    begin, added = source.frames / source.sample_rate, room / source.sample_rate
    count = math.ceil(added / (_SHARE * window_s))
    edges = [begin + added * step / count for step in range(count + 1)]
    return Extended(source, after=room), list(pairwise(edges))
