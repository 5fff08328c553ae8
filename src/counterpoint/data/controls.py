"""Control tracks of a dataset: an integer for every latent frame of every row (App. C).

    DATASET/controls/<codec fingerprint>/<track>/train.int16, valid.int16, test.int16
    DATASET/controls/<codec fingerprint>/<track>/track.json      version, dataset and further facts; written last

A track is a control from one source, such as `chords.exact` or `melody.basic_pitch`. Its frames are those of the
codec's latents, so that a file is the concatenation of all rows' frames and needs no index; an unfinished file is
extended row by row, and its length gives the row at which to continue.

Shapes: T latent frames.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.config import UserError, read_json, write_json
from counterpoint.config.load import read_saved
from counterpoint.config.schema import ControlName
from counterpoint.data.encoded import Encoded
from counterpoint.data.layout import SPLITS

FOLDER = "controls"
SOURCES: dict[ControlName, tuple[str, ...]] = {
    "chords": ("chords.exact", "chords.chordino", "chords.viterbi25"),
    "melody": ("melody.exact", "melody.basic_pitch"),
    "drums": ("drums.stem", "drums.mix"),
}
"""All possible tracks, in the order in which training prefers them."""
INFO_FILE = "track.json"
"""File that is written last."""
_DTYPE = np.dtype(np.int16)


@dataclass(frozen=True, eq=False)
class TrackSplit:
    """A track of the rows of one split.

    Attributes:
        values: int16, the frames of all rows, memory-mapped.
        ends: [rows + 1], the borders of the rows in them.
    """

    values: np.ndarray
    ends: np.ndarray

    def slice(self, row: int, start: int, frames: int) -> np.ndarray:
        """Frames [frames] of a row from frame `start`."""
        first = int(self.ends[row]) + start
        assert start >= 0 and first + frames <= self.ends[row + 1], (row, start, frames)
        return self.values[first : first + frames]

    def row(self, row: int) -> np.ndarray:
        """All frames [T] of a row."""
        return self.values[self.ends[row] : self.ends[row + 1]]


@dataclass(frozen=True, eq=False)
class ControlTrack:
    """A track of a whole dataset.

    Attributes:
        name: for example `chords.exact`.
        splits: train, valid and test.
        info: facts from its writer: `version` of the extractor and possibly its accuracy.
    """

    name: str
    splits: Mapping[str, TrackSplit]
    info: Mapping[str, Any]

    def __getitem__(self, split: str) -> TrackSplit:
        return self.splits[split]


class TrackWriter:
    """Writes one track row by row; an interrupted one is continued, and another version starts again.

    Example:
        writer = TrackWriter(encoded, "chords.viterbi25", version="1")
        if not writer.is_complete():
            for split in SPLITS:
                rows = range(writer.rows_done(split), len(encoded[split]))
                writer.write(split, (extract(split, row) for row in rows))
            writer.finish(seconds=...)
    """

    def __init__(self, encoded: Encoded, name: str, *, version: str):
        self.folder = _folder(encoded) / name
        self._ends = _row_ends(encoded)
        self._state = {"version": version, "dataset": encoded.dataset.fingerprint()}
        state_file = self.folder / "writing.json"
        if self.is_complete() and self._state.items() <= _read_info(self.folder / INFO_FILE).items():
            return
        if not state_file.is_file() or read_json(state_file) != self._state:
            shutil.rmtree(self.folder, ignore_errors=True)
            write_json(state_file, self._state)

    def is_complete(self) -> bool:
        """Whether every split is complete."""
        return (self.folder / INFO_FILE).is_file()

    def rows_done(self, split: str) -> int:
        """Number of rows of a split that are on disk."""
        path = self.folder / f"{split}.int16"
        frames = path.stat().st_size // _DTYPE.itemsize if path.is_file() else 0
        return int(np.searchsorted(self._ends[split], frames, side="right")) - 1

    def write(self, split: str, tracks: Iterable[np.ndarray]) -> None:
        """Append the tracks [T] of the rows from `rows_done(split)`."""
        done, ends = self.rows_done(split), self._ends[split]
        path = self.folder / f"{split}.int16"
        path.touch()
        os.truncate(path, int(ends[done]) * _DTYPE.itemsize)  # removes half a row of a killed process
        with path.open("ab") as file:
            for row, track in enumerate(tracks, start=done):
                assert len(track) == ends[row + 1] - ends[row], "a track has the frames of its row"
                file.write(np.asarray(track, dtype=_DTYPE).tobytes())
                file.flush()
            os.fsync(file.fileno())

    def split(self, split: str) -> np.ndarray:
        """All frames [frames], int16, of a split that has been written, memory-mapped."""
        return _mapped(self.folder / f"{split}.int16", frames=int(self._ends[split][-1]))

    def finish(self, **info: Any) -> None:
        """Make the track visible to `open_track`, with the given facts."""
        assert all(self.rows_done(split) == len(ends) - 1 for split, ends in self._ends.items()), "rows are missing"
        write_json(self.folder / INFO_FILE, {**self._state, **info})


def open_track(encoded: Encoded, name: str) -> ControlTrack:
    """Open a track that `counterpoint data controls` wrote.

    Raises:
        UserError: the name is unknown, there is no such track, or the dataset has changed since it was written.
    """
    if name not in known_tracks():
        raise UserError(f"There is no control track {name!r}; choose one of {', '.join(known_tracks())}.")
    folder = _folder(encoded) / name
    info = _read_info(folder / INFO_FILE) if (folder / INFO_FILE).is_file() else {}
    if info.get("dataset") != encoded.dataset.fingerprint():
        present = ", ".join(written_tracks(encoded)) or "none"
        raise UserError(
            f"{encoded.dataset.folder} has no control track {name!r} for the codec {encoded.spec.codec!r} (it has "
            f"{present}); run `counterpoint data controls {encoded.dataset.folder} --codec {encoded.spec.codec}`."
        )
    ends = _row_ends(encoded)
    values = {split: _mapped(folder / f"{split}.int16", frames=int(ends[split][-1])) for split in SPLITS}
    splits = {split: TrackSplit(values[split], ends=ends[split]) for split in SPLITS}
    return ControlTrack(name, splits=splits, info=info)


def open_tracks(
    encoded: Encoded, controls: Iterable[ControlName], *, chosen: Mapping[ControlName, str]
) -> list[ControlTrack]:
    """Open a track for each control: the chosen one, else the first of `SOURCES` that has been written.

    Raises:
        UserError: a chosen track belongs to another control, or a control has no track.
    """
    written = written_tracks(encoded)
    tracks = []
    for control in controls:
        name = chosen.get(control) or next((name for name in SOURCES[control] if name in written), SOURCES[control][-1])
        if name not in SOURCES[control]:
            raise UserError(f"data.tracks: {name!r} is no track of {control}; choose {', '.join(SOURCES[control])}.")
        tracks.append(open_track(encoded, name))
    return tracks


def written_tracks(encoded: Encoded) -> list[str]:
    """Names of the complete tracks of the dataset in its current state."""
    files = {name: _folder(encoded) / name / INFO_FILE for name in known_tracks()}
    dataset = encoded.dataset.fingerprint()
    return [name for name, file in files.items() if file.is_file() and _read_info(file).get("dataset") == dataset]


def _read_info(path: Path) -> dict[str, Any]:
    return read_saved(path, dict[str, Any], remedy=f"delete {path.parent} and extract the controls again")


def known_tracks() -> list[str]:
    """All tracks of `SOURCES`."""
    return [name for names in SOURCES.values() for name in names]


def _folder(encoded: Encoded) -> Path:
    return encoded.dataset.folder / FOLDER / encoded.spec.fingerprint


def _row_ends(encoded: Encoded) -> dict[str, np.ndarray]:
    return {split: np.concatenate([[0], np.cumsum(encoded[split].lengths)]) for split in SPLITS}


def _mapped(path: Path, *, frames: int) -> np.ndarray:
    return np.memmap(path, dtype=_DTYPE, mode="r", shape=(frames,)) if frames else np.zeros(0, _DTYPE)
