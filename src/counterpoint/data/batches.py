"""The segments of each update: a pure function of seed and step, the same for both paradigms.

Shapes: B batch, J controls, K codebooks, T latent frames, D latent channels.

A row of F frames counts as `round(F / T)` segments (at least one), so that a long track is drawn in proportion to its
length. An epoch is a permutation of all segments of all rows. The r-th segment of a row starts at a random position in
the r-th part of the row's possible starts, drawn from the example's position in the sequence of examples. Nothing
depends on earlier draws, so a resumed training needs no state of a random generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from counterpoint.analysis.tracks import NOT_GIVEN
from counterpoint.config import UserError, digest

if TYPE_CHECKING:
    from counterpoint.data.controls import TrackSplit
    from counterpoint.data.encoded import EncodedSplit


@dataclass(frozen=True)
class Example:
    """A segment of `frames` frames of row `row`, starting at frame `start`."""

    row: int
    start: int
    frames: int


@dataclass(frozen=True)
class Batch:
    """Segments padded to a common length.

    Attributes:
        target: [B, K, T] long codes or [B, T, D] float32 latents in the codec's own scale; 0 where padded.
        captions: one per example, "" for a row without one.
        lengths: [B] long, valid frames.
        ids: ids of the rows.
        controls: [B, J, T] long, `NOT_GIVEN` where padded; None without tracks.
    """

    target: Tensor
    captions: list[str]
    lengths: Tensor
    ids: list[str]
    controls: Tensor | None = None

    def pinned(self) -> Batch:
        """The same in memory from which a GPU copies while it computes."""
        controls = None if self.controls is None else self.controls.pin_memory()
        return replace(self, target=self.target.pin_memory(), lengths=self.lengths.pin_memory(), controls=controls)


def seed_of(*parts: int | str) -> int:
    """A 64-bit seed from the values that identify a draw, such as ("noise", seed, step, micro-batch)."""
    return int(digest(list(parts)), 16)


class ExampleOrder:
    """The infinite sequence of examples of a training, addressed by position.

    Args:
        lengths: [rows] frames of every row; empty rows are left out.
        segment: T, the length of a segment in frames.
        seed: seed of the training.

    Raises:
        UserError: no row has a frame.
    """

    def __init__(self, lengths: np.ndarray, *, segment: int, seed: int):
        assert segment > 0, "a segment has frames"
        self._lengths = np.asarray(lengths, dtype=np.int64)
        self._segment = segment
        self._seed = seed
        halves_up = (2 * self._lengths + segment) // (2 * segment)
        self._parts = np.where(self._lengths > 0, np.maximum(1, halves_up), 0)
        self._ends = np.cumsum(self._parts)
        self._epoch: tuple[int, np.ndarray] | None = None
        if self.per_epoch == 0:
            raise UserError("The training split has no encoded audio; ingest music and encode it first.")

    @property
    def per_epoch(self) -> int:
        """Number of examples in which every part of every row occurs once."""
        return int(self._ends[-1]) if len(self._ends) else 0

    def at(self, position: int) -> Example:
        """The example at a position of the sequence."""
        epoch, place = divmod(position, self.per_epoch)
        part = int(self._permutation(epoch)[place])
        row = int(np.searchsorted(self._ends, part, side="right"))
        part -= int(self._ends[row] - self._parts[row])
        length, parts = int(self._lengths[row]), int(self._parts[row])
        frames = min(self._segment, length)
        starts = length - frames + 1
        first, last = part * starts // parts, (part + 1) * starts // parts  # never empty: starts >= parts
        start = first + seed_of("start", self._seed, position) % (last - first)
        return Example(row=row, start=start, frames=frames)

    def batch(self, step: int, *, batch_size: int) -> list[Example]:
        """The examples of update `step`, counted from 0: positions [step * batch_size, (step + 1) * batch_size)."""
        return [self.at(position) for position in range(step * batch_size, (step + 1) * batch_size)]

    def _permutation(self, epoch: int) -> np.ndarray:
        found = self._epoch  # threads request different epochs at once
        if found is None or found[0] != epoch:
            generator = np.random.default_rng(seed_of("epoch", self._seed, epoch))
            found = self._epoch = (epoch, generator.permutation(self.per_epoch))
        return found[1]


def read_batch(
    split: EncodedSplit,
    chosen: Sequence[Example],
    *,
    target: Literal["codes", "latents"],
    tracks: Sequence[TrackSplit] = (),
) -> Batch:
    """Read the chosen segments, without the other frames of their rows, and pad them to the longest.

    Args:
        split: the encoded split that the examples point into.
        chosen: at least one example.
        target: the view of the encoding that the paradigm models.
        tracks: control tracks of the same split, one for each control.
    """
    lengths = torch.tensor([example.frames for example in chosen])
    longest = int(lengths.max())
    places = ((example.row, example.start, example.frames) for example in chosen)
    views = []
    for example, found in zip(chosen, split.views(target, places), strict=True):
        padding = (0, longest - example.frames)
        views.append(np.pad(found, ((0, 0), padding) if target == "codes" else (padding, (0, 0))))
    return Batch(
        target=torch.from_numpy(np.stack(views)),
        captions=[split.caption(example.row) for example in chosen],
        lengths=lengths,
        ids=[split.id(example.row) for example in chosen],
        controls=torch.from_numpy(_read_tracks(tracks, chosen, frames=longest)) if tracks else None,
    )


def _read_tracks(tracks: Sequence[TrackSplit], chosen: Sequence[Example], *, frames: int) -> np.ndarray:
    """[B, J, T] int64."""
    found = np.full((len(chosen), len(tracks), frames), NOT_GIVEN, dtype=np.int64)
    for index, example in enumerate(chosen):
        for place, track in enumerate(tracks):
            found[index, place, : example.frames] = track.slice(example.row, example.start, example.frames)
    return found
