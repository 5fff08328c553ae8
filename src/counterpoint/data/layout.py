"""The dataset folder that `compose` and `ingest` write.

DATASET/dataset_dict.json, train/, valid/, test/    HF datasets, memory-mapped
DATASET/dataset.json                                name, kind, counts, report, fingerprint; written last
DATASET/audio/                                      the audio of a composed dataset
DATASET/latents/<codec fingerprint>/                encoded columns, row by row (see `encoded`)
DATASET/controls/<codec fingerprint>/               control tracks, frame by frame (see `controls`)
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import UserError, read_json, write_json
from counterpoint.config.aside import beside
from counterpoint.config.files import digest_of_lists
from counterpoint.config.remote import local_copy, url_of

if TYPE_CHECKING:
    import datasets

SPLITS = ("train", "valid", "test")
INFO_FILE = "dataset.json"
_ROWS_AT_ONCE = 5000
_MOVED = ("dataset_dict.json", *SPLITS)
_EMPTY: dict[str, Any] = {
    "caption": "",
    "group": "",
    "style": "",
    "key": "",
    "bpm": 0.0,
    "time_signature": "",
    "instruments": [],
    "chords": [],
    "melody": [],
    "beats": [],
    "drums": "",
}
_OPTIONAL = ("soundfont",)  # text columns that exist if any row has a value
_REMEDY = "make one with `counterpoint data ingest` or `counterpoint data compose`"


def FEATURES() -> datasets.Features:  # noqa: N802 - a constant except for its lazy import
    """The columns of a dataset, the same whether composed or ingested; an unknown text is "", an unknown bpm 0."""
    from datasets import Features, List, Value

    text, number = Value("string"), Value("float32")
    return Features(
        {
            "id": text,
            "audio": text,  # path, absolute or relative to the dataset's folder
            "caption": text,
            "duration_s": number,
            "sample_rate": Value("int32"),
            "channels": Value("int8"),
            "group": text,  # the artist or track that is never divided between splits
            "style": text,
            "key": text,
            "bpm": number,
            "time_signature": text,
            "instruments": List(text),
            "chords": List({"start_s": number, "label": text}),
            "melody": List({"start_s": number, "end_s": number, "midi": Value("int16")}),
            "beats": List({"time_s": number, "position": Value("int8")}),  # position 1 is the downbeat
            "drums": text,  # path of the drum stem
        }
    )


@dataclass(frozen=True)
class MusicDataset:
    """An opened dataset: memory-mapped rows, with audio at `audio_path`.

    Attributes:
        folder: the dataset's folder.
        splits: train, valid and test; valid and test may be empty.
        info: the content of `dataset.json`.
    """

    folder: Path
    splits: dict[str, datasets.Dataset]
    info: dict[str, Any]

    def audio_path(self, row: Mapping[str, Any]) -> Path:
        """Path of the audio of a row."""
        return self.folder / row["audio"]  # an absolute path replaces the folder

    def fingerprint(self) -> str:
        """Digest of every row and of all audio, computed when the dataset was written; paths are not part of it."""
        return self.info["fingerprint"]


def save_dataset(
    folder: Path,
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    info: Mapping[str, Any],
    audio_digests: Mapping[str, str] | None = None,
) -> MusicDataset:
    """Write a dataset, or replace the one at `folder`; files already in `folder/audio` stay.

    Everything is built in a temporary folder and moved into place at the end; an interruption leaves the old dataset,
    or one that `open_dataset` refuses, never a mixture.

    Args:
        folder: the dataset's folder.
        splits: rows by split (train, valid, test); columns that a row leaves out become empty.
        info: content of dataset.json; at least `name` and `kind`.
        audio_digests: content digests by row id, for audio the caller has already hashed; files are hashed otherwise.

    Raises:
        UserError: there are no rows.
        OSError: the disk is full or an audio file is missing.
    """
    rows = {split: splits.get(split, ()) for split in SPLITS}
    if not any(rows.values()):
        raise UserError(f"There is nothing to write to {folder}: the dataset would have no rows.")
    assert _are_unique(row["id"] for part in rows.values() for row in part), "row ids must be unique over all splits"
    fingerprint = _fingerprint(rows, folder=folder, audio_digests=audio_digests or {})
    folder.mkdir(parents=True, exist_ok=True)
    with beside(folder) as staging:
        _write_splits(staging, rows)
        write_json(folder / INFO_FILE, {**info, "state": "writing"})
        for name in _MOVED:
            _replace(staging / name, folder / name)
    counts = {split: len(part) for split, part in rows.items()}
    hours = {split: round(sum(row["duration_s"] for row in part) / 3600, 4) for split, part in rows.items()}
    write_json(folder / INFO_FILE, {**info, "rows": counts, "hours": hours, "fingerprint": fingerprint})
    return open_dataset(folder)


def check_dataset(folder: Path | str) -> None:
    """Refuse a local folder that is not a dataset before anything heavy is imported; a URL is not opened.

    Raises:
        UserError: as for `read_info`.
    """
    if url_of(folder) is None:
        read_info(Path(folder))


def read_info(folder: Path) -> dict[str, Any]:
    """The description of a dataset, from its `INFO_FILE`; nothing heavy is imported.

    Raises:
        UserError: there is no dataset, or its writing was interrupted.
    """
    if not (folder / INFO_FILE).is_file():
        raise UserError(f"{folder} is not a dataset; {_REMEDY}.")
    info = read_json(folder / INFO_FILE)
    if not isinstance(info, dict) or "fingerprint" not in info or not all((folder / name).exists() for name in _MOVED):
        raise UserError(f"{folder} is an incomplete dataset because its writing was interrupted; {_REMEDY} anew.")
    return info


def open_dataset(folder: Path | str) -> MusicDataset:
    """Open a dataset folder without reading its rows; one at a URL is copied into a cache first, as far as it is new.

    Raises:
        UserError: there is no dataset, or its writing was interrupted.
    """
    url = url_of(folder)
    folder = Path(folder) if url is None else local_copy(url, mark=INFO_FILE)
    info = read_info(folder)
    from datasets import DatasetDict

    try:
        splits = DatasetDict.load_from_disk(str(folder))
    except Exception as error:  # damaged arrow or json files raise many kinds
        raise UserError(f"{folder} is a damaged dataset ({error}); {_REMEDY} anew.") from error
    return MusicDataset(folder=folder, splits={split: splits[split] for split in SPLITS}, info=info)


def _are_unique(ids: Iterable[str]) -> bool:
    seen: set[str] = set()
    return all(each not in seen and not seen.add(each) for each in ids)


def _write_splits(folder: Path, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    from datasets import DatasetDict, NamedSplit, Value

    features = FEATURES()
    given = {name for part in rows.values() for row in part for name in row}
    features.update({name: Value("string") for name in _OPTIONAL if name in given})
    parts: dict[str | NamedSplit, datasets.Dataset] = {split: _table(part, features) for split, part in rows.items()}
    with quiet_datasets():
        DatasetDict(parts).save_to_disk(
            str(folder), num_shards=dict.fromkeys(SPLITS, 1)
        )  # an empty split needs one, too


def _table(rows: Sequence[Mapping[str, Any]], features: datasets.Features) -> datasets.Dataset:
    """The rows as a table, converted part by part, since columns of Python objects take several times its memory."""
    from datasets import Dataset, concatenate_datasets

    parts, read = [], iter(rows)
    while (part := list(islice(read, _ROWS_AT_ONCE))) or not parts:
        columns = {name: [row.get(name, _EMPTY.get(name, "")) for row in part] for name in features}
        parts.append(Dataset.from_dict(columns, features=features))
    return concatenate_datasets(parts)


def _replace(source: Path, target: Path) -> None:
    if target.is_dir():
        shutil.rmtree(target)
    source.replace(target)


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """Suppress the progress bars of `datasets`, which would overlap ours."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _fingerprint(
    rows: Mapping[str, Sequence[Mapping[str, Any]]], *, folder: Path, audio_digests: Mapping[str, str]
) -> str:
    """A digest that is equal for two datasets with equal rows and audio, wherever they are stored."""

    def canonical(row: Mapping[str, Any]) -> dict[str, Any]:
        audio = audio_digests.get(row["id"]) or file_digest(folder / row["audio"])
        return {**_EMPTY, **row, "audio": audio, "drums": bool(row.get("drums"))}

    return digest_of_lists({split: map(canonical, part) for split, part in rows.items()})


def file_digest(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
