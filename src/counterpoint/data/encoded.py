"""Encoded columns: the latents of every row of a dataset under one codec, and its codes if the codec has any.

    DATASET/latents/<codec fingerprint>/train/, valid/, test/    HF datasets with columns `latents` and possibly `codes`
    DATASET/latents/<codec fingerprint>/index.safetensors        where each row is in the files (see `streamed`)
    DATASET/latents/<codec fingerprint>/spec.json                the codec's LatentSpec, written last
    DATASET/latents/<codec fingerprint>/.parts/                  the finished parts of an incomplete encoding

Rows have the order of the dataset's own splits. A row is a list of frames, so that a segment of a long track is read
from the memory-mapped table without its other frames.

Shapes: K codebooks, T latent frames, D latent channels.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import ConfigDict

from counterpoint.config import LatentSpec, UserError, atomic_write, read_json, write_json
from counterpoint.config.load import read_saved
from counterpoint.config.remote import RemoteFolder, local_copy, url_of
from counterpoint.data.columns import Chunk, near_chunks
from counterpoint.data.layout import INFO_FILE, SPLITS, MusicDataset, open_dataset, quiet_datasets
from counterpoint.data.streamed import INDEX_FILE, connections, data_files, far_chunks, write_index

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

FOLDER = "latents"
SPEC_FILE = "spec.json"
"""Written last."""
_STATE_FILE = "encoding.json"
LEFT_OUT_FILE = "left-out.json"
"""File with the reasons for clips without frames, by their ids."""
_PARTS = ".parts"
_PART_ROWS = 32
_PART_BYTES = 16 << 20
View = Literal["codes", "latents"]
Row = tuple[np.ndarray | None, np.ndarray]
"""Codes [K, T], or None for a codec without codebooks, and latents [T, D] of one row."""


class EncodedSplit:
    """The encoded rows of one split, on a disk or at a URL: opening reads only the rows' lengths.

    Args:
        chunks: the columns, chunk by chunk of rows.
        rows: the dataset's own columns.
        threads: read several segments at once, where each has to be waited for.
    """

    def __init__(self, chunks: Sequence[Chunk], *, rows: datasets.Dataset, threads: Executor | None = None):
        self._chunks, self._rows, self._threads = chunks, rows, threads
        lengths = [np.diff(columns["latents"].offsets).astype(np.int64) for columns in chunks]
        self._ends = np.cumsum([part.size for part in lengths])
        self.lengths: np.ndarray = np.concatenate([np.zeros(0, np.int64), *lengths])
        """[rows] int64, number of frames of every row."""
        assert len(self.lengths) == len(rows), "encoded rows and dataset rows must agree"

    def __len__(self) -> int:
        return len(self._rows)

    def frames(self, row: int) -> int:
        """Number of frames T of a row."""
        return int(self.lengths[row])

    def row(self, row: int) -> dict[str, Any]:
        """The dataset's own columns of a row: id, caption, chords, ..."""
        return self._rows[row]

    def caption(self, row: int) -> str:
        """Caption of a row, "" if it has none."""
        return self._captions[row].as_py()

    def id(self, row: int) -> str:
        """Id of a row."""
        return self._ids[row].as_py()

    @property
    def ids(self) -> list[str]:
        """Ids of all rows, made again at each access."""
        return self._ids.to_pylist()

    @cached_property
    def _captions(self) -> pa.ChunkedArray:
        """Memory-mapped, as all columns are: a million rows take no memory until they are read."""
        return self._rows.data.column("caption")

    @cached_property
    def _ids(self) -> pa.ChunkedArray:
        return self._rows.data.column("id")

    def views(self, view: View, places: Iterable[tuple[int, int, int]]) -> Iterator[np.ndarray]:
        """One view of each (row, start, frames), in order: codes [K, frames] int64 or latents [frames, D] float32."""
        return (self._threads.map if self._threads else map)(lambda place: self._read(view, *place), places)

    def slice(self, row: int, start: int, frames: int) -> Row:
        """Frames `start` to `start + frames` of a row; nothing else is read.

        Returns:
            Codes [K, frames] int64, or None without codes, and latents [frames, D] float32, both copies.
        """
        has_codes = "codes" in self._chunks[0]
        codes = self._read("codes", row, start, frames) if has_codes else None
        return codes, self._read("latents", row, start, frames)

    def _read(self, view: View, row: int, start: int, frames: int) -> np.ndarray:
        assert start >= 0 and frames > 0 and start + frames <= self.frames(row), (row, start, frames)
        chunk = int(np.searchsorted(self._ends, row, side="right"))
        local = row - (int(self._ends[chunk - 1]) if chunk else 0)
        found = self._chunks[chunk][view].slice(local, start, frames)
        return found.T.astype(np.int64, order="C") if view == "codes" else found.astype(np.float32)


@dataclass(frozen=True)
class Encoded:
    """A dataset encoded with one codec.

    Attributes:
        dataset: the dataset itself.
        spec: the codec's name and fingerprint, the shape of the latents, and the two scalars of App. E.2.
        splits: train, valid and test.
    """

    dataset: MusicDataset
    spec: LatentSpec
    splits: dict[str, EncodedSplit]

    def __getitem__(self, split: str) -> EncodedSplit:
        return self.splits[split]

    def fingerprint(self) -> str:
        """Digest of the data that a training uses: the dataset and the codec."""
        return f"{self.dataset.fingerprint()}-{self.spec.fingerprint}"


def open_encoded(folder: Path | str, *, codec: str) -> Encoded:
    """Open a dataset that `counterpoint data encode` has encoded.

    Of a dataset at a URL only captions and other small columns are copied; latents and codes are read where they are.

    Args:
        folder: the dataset, or its URL.
        codec: name or fingerprint of the codec.

    Raises:
        UserError: there is no dataset, it is not encoded with that codec, it was encoded before it was changed, or it
            is encoded with several codecs of that name.
    """
    url = url_of(folder)
    dataset = open_dataset(folder if url is None else local_copy(url, mark=INFO_FILE, wanted=_is_small))
    place, spec = _find_spec(dataset, codec=codec, name=folder)
    far = None if url is None else _rows_at(f"{url}/{FOLDER}/{place.name}", place)
    splits = {split: _open_split(place / split, rows=dataset.splits[split], spec=spec, far=far) for split in SPLITS}
    return Encoded(dataset=dataset, spec=spec, splits=splits)


def _is_small(name: str) -> bool:
    """Whether a file of a remote dataset is copied, and not read where it is, or not at all."""
    from counterpoint.audio.files import FOREIGN, READABLE

    is_column = name.startswith(f"{FOLDER}/") and name.endswith(".arrow")
    return not is_column and not name.lower().endswith(tuple(READABLE | FOREIGN))


def _rows_at(url: str, place: Path) -> RemoteFolder | None:
    """The remote folder of the encoded rows; None if they are in its local copy `place`."""
    if all((place / split / file).is_file() for split in SPLITS for file in data_files(place / split)):
        return None
    far = RemoteFolder(url, mark=SPEC_FILE)
    if (place / INDEX_FILE).is_file():
        return far
    far.fetch(place)  # an earlier version has encoded it
    return None


class _WrittenSpec(LatentSpec):
    """The spec of encoded columns, with the fingerprint of the dataset; other versions may have further keys."""

    model_config = ConfigDict(extra="ignore", frozen=True)
    dataset: str

    def latent(self) -> LatentSpec:
        return LatentSpec(**self.model_dump(exclude={"dataset"}))


def _read_spec(path: Path) -> _WrittenSpec:
    return read_saved(path, _WrittenSpec, remedy=f"delete {path.parent} and encode again")


def _find_spec(dataset: MusicDataset, *, codec: str, name: Path | str) -> tuple[Path, LatentSpec]:
    """The folder of a codec's latents and what they are; for the errors see `open_encoded`."""
    paths = sorted((dataset.folder / FOLDER).glob(f"*/{SPEC_FILE}"))
    specs = {path.parent: _read_spec(path) for path in paths}
    remedy = f"run `counterpoint data encode {name} --codec {codec}`"
    found = {place: spec for place, spec in specs.items() if codec in (spec.codec, spec.fingerprint)}
    if not found:
        known = ", ".join(sorted({spec.codec for spec in specs.values()}))
        raise UserError(f"{name} is not encoded with {codec!r}{f', only with {known}' if known else ''}; {remedy}.")
    fresh = {place: spec for place, spec in found.items() if spec.dataset == dataset.fingerprint()}
    if not fresh:
        raise UserError(f"{name} has changed since it was encoded with {codec!r}; {remedy} again.")
    if len(fresh) > 1:
        prints = ", ".join(spec.fingerprint for spec in fresh.values())
        raise UserError(f"{name} is encoded with several codecs named {codec!r}; choose one by fingerprint: {prints}.")
    [(place, spec)] = fresh.items()
    return place, spec.latent()


def _open_split(place: Path, *, rows: datasets.Dataset, spec: LatentSpec, far: RemoteFolder | None) -> EncodedSplit:
    """A split in the folder `place`, which lacks the encoded rows if these are `far`."""
    if far is None:
        return EncodedSplit(near_chunks(place), rows=rows)
    widths = {"codes": spec.num_codebooks, "latents": spec.latent_dim}
    return EncodedSplit(far_chunks(place, remote=far, widths=widths), rows=rows, threads=connections())


class EncodedWriter:
    """Writes the encoded columns of one codec row by row; an interrupted encoding can be continued.

    Example:
        writer = EncodedWriter(dataset, codec_fingerprint=..., num_codebooks=K, latent_dim=D)
        if not writer.is_complete():
            for split in SPLITS:
                rows = range(writer.rows_done(split), len(dataset.splits[split]))
                writer.write_split(split, (encode(split, row) for row in rows))
            writer.finish(spec)         # spec with statistics taken from writer.split("train")

    Rows are written in parts of 32 rows or 16 MB, so that an interruption costs at most one part.
    """

    def __init__(self, dataset: MusicDataset, *, codec_fingerprint: str, num_codebooks: int, latent_dim: int):
        """Open the codec's folder in the dataset; encodings of another state of the dataset are deleted."""
        self.dataset = dataset
        self.folder = dataset.folder / FOLDER / codec_fingerprint
        self._codec_fingerprint = codec_fingerprint
        self._shape = (num_codebooks, latent_dim)
        state = {"dataset": dataset.fingerprint(), "num_codebooks": num_codebooks, "latent_dim": latent_dim}
        state_file = self.folder / _STATE_FILE
        if not state_file.is_file() or read_json(state_file) != state:
            shutil.rmtree(self.folder, ignore_errors=True)
            write_json(state_file, state)

    def is_complete(self) -> bool:
        """Whether every split and the spec exist."""
        return (self.folder / SPEC_FILE).is_file()

    def rows_done(self, split: str) -> int:
        """Number of rows of a split that are on disk; encoding continues with the row of this index."""
        if (self.folder / split).is_dir():
            return len(self.dataset.splits[split])
        return max((end for _, end, _ in self._parts(split)), default=0)

    def write_split(self, split: str, encodings: Iterable[Row]) -> None:
        """Write the rows of a split from row `rows_done(split)` to its end.

        Args:
            split: train, valid or test.
            encodings: for each of those rows, in order, codes [K, T] (None for a codec without codes) and latents [T,
                D] that are storable; drawn one at a time. T is 0 for a clip that is left out.

        Raises:
            OSError: the disk is full; the parts already written remain.
        """
        if (self.folder / split).is_dir():
            return
        done = self.rows_done(split)
        for part in _batched(encodings):
            for codes, latents in part:
                self._check(codes=codes, latents=latents)
            self._write_part(split, part, first=done)
            done += len(part)
        expected = len(self.dataset.splits[split])
        assert done == expected, f"{split} has {expected} rows and {done} were encoded"
        self._assemble(split)

    def leave_out(self, row_id: str, reason: str) -> None:
        """Record why a clip, whose row has no frames, is left out."""
        write_json(self.folder / LEFT_OUT_FILE, {**self.left_out(), row_id: reason})

    def left_out(self) -> dict[str, str]:
        """Reasons for left-out clips, by id."""
        path = self.folder / LEFT_OUT_FILE
        return read_saved(path, dict[str, str], remedy=f"delete {path}") if path.is_file() else {}

    def discard(self) -> None:
        """Delete all written data."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def split(self, split: str) -> EncodedSplit:
        """A split that `write_split` has completed, for the statistics of App. E.2."""
        return EncodedSplit(near_chunks(self.folder / split), rows=self.dataset.splits[split])

    def finish(self, spec: LatentSpec) -> Encoded:
        """Write the spec, which makes the encoded columns visible to `open_encoded`."""
        assert all((self.folder / split).is_dir() for split in SPLITS), "every split must be written first"
        assert (spec.num_codebooks, spec.latent_dim) == self._shape, "the spec must describe what was written"
        identity = {"fingerprint": self._codec_fingerprint, "dataset": self.dataset.fingerprint()}
        write_index(self.folder, SPLITS)
        write_json(self.folder / SPEC_FILE, {**spec.model_dump(mode="json"), **identity})
        return open_encoded(self.dataset.folder, codec=self._codec_fingerprint)

    def _parts(self, split: str) -> list[tuple[int, int, Path]]:
        """(first row, row after the last, file) of every part, in order."""
        files = (self.folder / _PARTS / split).glob("[0-9]*.arrow")
        return sorted((*(int(number) for number in file.stem.split("-")), file) for file in files)  # type: ignore[misc]

    def _check(self, *, codes: np.ndarray | None, latents: np.ndarray) -> None:
        codebooks, dim = self._shape
        frames = len(latents)
        shape = codes.shape if codes is not None else (0, frames)
        assert shape == (codebooks, frames) and latents.shape == (frames, dim), (
            f"expected codes [{codebooks}, T] and latents [T, {dim}], got {shape} and {latents.shape}"
        )
        assert is_storable(latents), "latents that half precision cannot hold are for the caller to leave out"

    def _write_part(self, split: str, part: list[Row], *, first: int) -> None:
        table = _table(part)
        path = self.folder / _PARTS / split / f"{first:09d}-{first + len(part):09d}.arrow"
        atomic_write(path, lambda temporary: _write_stream(temporary, table))

    def _assemble(self, split: str) -> None:
        """Join the parts into one HF dataset, which is moved into place when it is complete."""
        from datasets import Dataset, concatenate_datasets

        parts = [Dataset.from_file(str(file)) for _, _, file in self._parts(split)]
        whole = concatenate_datasets(parts) if parts else _no_rows(*self._shape)
        staging = self.folder / _PARTS / f"{split}-whole"
        shutil.rmtree(staging, ignore_errors=True)
        with quiet_datasets():
            whole.save_to_disk(str(staging), num_shards=None if parts else 1)  # zero files could not be read back
        staging.replace(self.folder / split)
        shutil.rmtree(self.folder / _PARTS / split, ignore_errors=True)


def is_storable(latents: np.ndarray) -> bool:
    """Whether all latents are finite numbers in half precision."""
    return bool((np.abs(latents) <= np.finfo(np.float16).max).all())  # false for NaN, too


def _batched(encodings: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    size = 0
    for codes, latents in encodings:
        part.append((codes, latents))
        size += 2 * (latents.size + (codes.size if codes is not None else 0))
        if len(part) == _PART_ROWS or size >= _PART_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part


def _features(num_codebooks: int, latent_dim: int) -> datasets.Features:
    from datasets import Features, List, Value

    codes = {"codes": List(List(Value("int16"), length=num_codebooks))} if num_codebooks else {}
    return Features({**codes, "latents": List(List(Value("float16"), length=latent_dim))})


def _no_rows(num_codebooks: int, latent_dim: int) -> datasets.Dataset:
    from datasets import Dataset

    features = _features(num_codebooks, latent_dim)
    return Dataset.from_dict({name: [] for name in features}, features=features)


def _table(part: list[Row]) -> pa.Table:
    """An arrow table built from numpy memory, without a Python object per number."""
    import pyarrow as pa

    offsets = np.cumsum([0, *(len(latents) for _, latents in part)], dtype=np.int32)
    columns: dict[str, np.ndarray] = {}
    if codes := [codes.T for codes, _ in part if codes is not None]:
        columns["codes"] = np.concatenate(codes).astype(np.int16)
    columns["latents"] = np.concatenate([latents for _, latents in part]).astype(np.float16)
    schema = _features(codes[0].shape[1] if codes else 0, columns["latents"].shape[1]).arrow_schema
    arrays = [
        pa.ListArray.from_arrays(offsets, pa.FixedSizeListArray.from_arrays(pa.array(frames.ravel()), frames.shape[1]))
        for frames in columns.values()
    ]
    return pa.Table.from_arrays(
        [array.cast(kind.type) for array, kind in zip(arrays, schema, strict=True)], schema=schema
    )


def _write_stream(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
