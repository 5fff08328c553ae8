"""Encoded columns that stay at a URL: a segment is one request for its bytes, and nothing of the corpus is copied.

    DATASET/latents/<codec fingerprint>/index.safetensors    written before the spec

The index says how many frames each row has, and where in which file the numbers of each chunk of rows begin. Examples
and their order are the same as from a disk; several requests are in progress at once, since each takes its time.

Shapes: K codebooks, D latent channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field
from safetensors.numpy import load_file, save

from counterpoint.config import atomic_write
from counterpoint.config.load import read_saved
from counterpoint.config.remote import RemoteFolder
from counterpoint.data.columns import Chunk, Column

INDEX_FILE = "index.safetensors"
CONNECTIONS = 32
"""Requests at once, over all splits."""
_TYPES = {"codes": np.dtype(np.int16), "latents": np.dtype(np.float16)}


@dataclass(frozen=True)
class FarColumn:
    """One column of one chunk of rows at a URL; see `columns.Column`.

    Attributes:
        read: the bytes of the file between two positions.
        begins: position of the first frame.
        offsets: [rows + 1], the borders of the rows, in frames.
        width: numbers in a frame.
        kind: of a number.
    """

    read: Callable[[int, int], bytes]
    begins: int
    offsets: np.ndarray
    width: int
    kind: np.dtype

    def slice(self, row: int, start: int, frames: int) -> np.ndarray:
        """Frames [frames, width]."""
        size = self.width * self.kind.itemsize
        first = self.begins + (int(self.offsets[row]) + start) * size
        return np.frombuffer(self.read(first, first + frames * size), self.kind).reshape(frames, self.width)


def write_index(folder: Path, splits: Iterable[str]) -> None:
    """Write the index of the encoded columns in a folder, whose splits are complete."""
    index: dict[str, np.ndarray] = {}
    for split in splits:
        files = data_files(folder / split)
        found = [(number, *chunk) for number, file in enumerate(files) for chunk in _chunks_of(folder / split / file)]
        index[f"{split}/frames"] = np.concatenate([np.zeros(0, np.int32), *(frames for _, frames, _ in found)])
        index[f"{split}/chunks"] = np.array([(number, len(frames)) for number, frames, _ in found], np.int64)
        for name in _TYPES:
            index[f"{split}/{name}"] = np.array([begins.get(name, -1) for _, _, begins in found], np.int64)
    atomic_write(folder / INDEX_FILE, lambda temporary: temporary.write_bytes(save(index)))


class _State(BaseModel):
    """The part of the `state.json` of `datasets` that names its files."""

    files: list[dict[str, str]] = Field(validation_alias="_data_files")


def data_files(split: Path) -> list[str]:
    """Names of the files of a split that hold its rows, in order."""
    state = read_saved(split / "state.json", _State, remedy=f"delete {split.parent} and encode again")
    return [each["filename"] for each in state.files]


def far_chunks(place: Path, *, remote: RemoteFolder, widths: Mapping[str, int]) -> list[Chunk]:
    """The chunks of rows of a split that is at a URL.

    Args:
        place: folder of the split in the local copy, which has the index and lacks the rows.
        remote: folder of all splits, which has the rows.
        widths: numbers in a frame, by column: K codes, which may be 0, and D latents.
    """
    split, index = place.name, load_file(place.parent / INDEX_FILE)
    readers = [remote.reader(f"{split}/{name}") for name in data_files(place)]
    begins = {name: index[f"{split}/{name}"] for name in widths}
    ends = np.concatenate([[0], np.cumsum(index[f"{split}/frames"], dtype=np.int64)])
    chunks: list[Chunk] = []
    row = 0
    for number, (file, rows) in enumerate(index[f"{split}/chunks"].reshape(-1, 2)):
        offsets = ends[row : row + rows + 1] - ends[row]
        row += int(rows)
        chunks.append(
            {
                name: FarColumn(readers[file], int(begins[name][number]), offsets, width, _TYPES[name])
                for name, width in widths.items()
                if width
            }
        )
    return chunks


@cache
def connections() -> ThreadPoolExecutor:
    """The threads that make requests."""
    return ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="read from a URL")


def _chunks_of(path: Path) -> Iterator[tuple[np.ndarray, dict[str, int]]]:
    """The frames [rows] of each row of every chunk in an arrow file, and where each column's numbers begin in it."""
    import pyarrow as pa

    with pa.memory_map(str(path)) as source:
        whole = source.read_buffer(source.size())
    for chunk in pa.ipc.open_stream(whole):
        if not len(chunk):
            continue
        columns = {name: Column.of(chunk.column(name)) for name in chunk.schema.names}
        begins = {name: column.slice(0, 0, 1).ctypes.data - whole.address for name, column in columns.items()}
        yield np.diff(columns["latents"].offsets), begins
