"""Extension of music: silent room before or after a file, in which a model continues it.

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
from counterpoint.inpaint.files import BLOCK, Held, Patch, Source, lay_over, require_room_for
from counterpoint.inpaint.spans import Span

Side = Literal["end", "start"]
_SHARE = 0.6
"""Share of a model's window that one step of a continuation fills; the rest is context."""


@dataclass(frozen=True)
class Extended:
    """A file with silent room before and after it, to be filled in; the file's own samples stay unchanged.

    Attributes:
        source: the file.
        before, after: number of samples of room.
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
        """Number of samples per channel, including the room."""
        return self.before + self.source.frames + self.after

    def read(self, start: int, stop: int, *, patches: Sequence[Patch] = ()) -> np.ndarray:
        """Samples [N, C] of the file's type, with patches applied; zeros in the room."""
        block = np.zeros((stop - start, self.channels), dtype=self.source.dtype)
        first, last = max(start, self.before), min(stop, self.before + self.source.frames)
        if first < last:
            block[first - start : last - start] = self.source.read(first - self.before, last - self.before)
        lay_over(block, start=start, patches=patches)
        return block

    def check_out(self, out: Path) -> None:
        """Check the output; see `Source.check_out`."""
        self.source.check_out(out)
        require_room_for(self, out)

    def write(self, out: Path, *, patches: Sequence[Patch]) -> None:
        """Write the extended music with patches; see `Source.write`.

        Metadata is kept if the samples keep their positions: time marks (cues, loops) would be wrong after a lead-in.
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
    """The file with room at one side, and the consecutive spans to fill in; see `plan_extension`."""
    room, spans = plan_extension(source, duration_s=duration_s, side=side, window_s=window_s)
    return (Extended(source, before=room) if side == "start" else Extended(source, after=room)), spans


def plan_extension(source: Source | Held, *, duration_s: float, side: Side, window_s: float) -> tuple[int, list[Span]]:
    """The samples of room to add at one side of music, and the consecutive spans to fill in.

    A continuation may be of any length: it is drawn in steps, each of which has the one before as context. A lead-in is
    drawn in one step, so that a model's window limits it.

    Args:
        duration_s: duration of the addition.
        side: the side of the addition.
        window_s: window of the model in seconds.

    Raises:
        UserError: the duration is not positive.
    """
    if not 0 < duration_s < MOST_SECONDS:
        raise UserError(f"{duration_s:g} s cannot be added to {source.name}: choose a positive number of seconds.")
    room = max(1, round(duration_s * source.sample_rate))
    if side == "start":
        return room, [(0.0, room / source.sample_rate)]
    begin, added = source.frames / source.sample_rate, room / source.sample_rate
    count = math.ceil(added / (_SHARE * window_s))
    edges = [begin + added * step / count for step in range(count + 1)]
    return room, list(pairwise(edges))
