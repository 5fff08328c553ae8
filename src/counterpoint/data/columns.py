"""Columns of encoded rows, as numpy views of memory-mapped arrow tables.

An arrow table is a sequence of chunks of rows; in each chunk the frames of all rows lie one after another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa


class Sliced(Protocol):
    """A column of a chunk, wherever it is."""

    @property
    def offsets(self) -> np.ndarray:
        """[rows + 1], the borders of the rows' frames."""
        ...

    def slice(self, row: int, start: int, frames: int) -> np.ndarray:
        """Frames [frames, width] of a row of the chunk, from frame `start`."""
        ...


Chunk = Mapping[str, Sliced]
"""The columns of a chunk by name: `latents`, and `codes` for a codec that has any."""


@dataclass(frozen=True)
class Column:
    """A column in a memory-mapped file.

    Attributes:
        offsets: [rows + 1] int32, the borders of the rows' frames in `values`.
        values: [all frames, width].
    """

    offsets: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, chunk: pa.ListArray) -> Column:
        frames: Any = chunk.values  # a FixedSizeListArray; both `values` ignore the array's own offset
        width = frames.type.list_size
        first = frames.offset * width
        flat = frames.values.to_numpy(zero_copy_only=True)[first : first + len(frames) * width]
        return cls(offsets=chunk.offsets.to_numpy(zero_copy_only=True), values=flat.reshape(-1, width))

    def slice(self, row: int, start: int, frames: int) -> np.ndarray:
        """Frames [frames, width], a view."""
        first = int(self.offsets[row]) + start
        return self.values[first : first + frames]


def near_chunks(place: Path) -> list[Mapping[str, Column]]:
    """The chunks of an HF dataset in a folder, memory-mapped."""
    from datasets import Dataset

    chunks = [chunk for chunk in Dataset.load_from_disk(str(place)).data.to_batches() if len(chunk)]
    return [{name: Column.of(chunk.column(name)) for name in chunk.schema.names} for chunk in chunks]
