"""The reference music of distances: real music without prompts, preferably music on which no model was trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from counterpoint.config.paths import true_path
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.metrics import Clip
from counterpoint.metrics.statistics import MIN_CLIPS
from counterpoint.results.parts import Prompts, Window
from counterpoint.results.reference import Reference
from counterpoint.study.windows import COLUMNS

HELD_OUT = ("test", "valid")
TRAINING = "train"


def reference_music(
    folder: Path, prompts: Prompts, *, splits: Sequence[str] = HELD_OUT, training: Path | None = None
) -> tuple[list[Clip], Reference]:
    """The tracks of some splits of a dataset without prompts. If these give fewer windows than there are prompts, the
    other parts of the prompts' tracks are added; if all of it is too little for a distance, the training split is
    added, which bars a study from conclusions.

    Args:
        folder: the dataset of the prompts.
        splits: splits from which the reference is taken.
        training: the dataset on which models were trained; None without training.
    """
    dataset = open_dataset(folder)
    whole, parts = _beside(dataset, prompts, splits)
    if _windows(whole, prompts) + len(parts) < MIN_CLIPS and TRAINING not in splits:
        splits = (*splits, TRAINING)
        whole, parts = _beside(dataset, prompts, splits)
    clips = [*(_clip(dataset, row) for row in whole), *parts]
    trained_files = _training_files(training)
    trained = sum(true_path(clip.audio) in trained_files for clip in clips)
    return clips, Reference(splits=tuple(splits), tracks=len(whole), parts=len(parts), trained=trained)


def _beside(dataset: MusicDataset, prompts: Prompts, splits: Sequence[str]) -> tuple[list[dict[str, Any]], list[Clip]]:
    """Rows without prompts and, if they are too few, parts of the others."""
    prompted = {window.row for window in prompts.windows}
    rows = [row for split in splits for row in dataset.splits[split].select_columns(COLUMNS).to_list()]
    whole = [row for row in rows if row["id"] not in prompted]
    if _windows(whole, prompts) >= len(prompts.windows):
        return whole, []
    return whole, [clip for row in rows if row["id"] in prompted for clip in _rest(dataset, row, prompts)]


def _windows(rows: Sequence[dict[str, Any]], prompts: Prompts) -> int:
    """The number of clips of a prompt's length in rows."""
    return sum(int((row["duration_s"] + 1e-3) // prompts.duration_s) for row in rows)


def _clip(dataset: MusicDataset, row: dict[str, Any], *, start_s: float = 0.0, duration_s: float | None = None) -> Clip:
    return Clip(
        audio=dataset.audio_path(row),
        caption=row["caption"],
        id=row["id"],
        start_s=start_s,
        duration_s=duration_s,
        group=row["group"],
    )


def _rest(dataset: MusicDataset, row: dict[str, Any], prompts: Prompts) -> Iterator[Clip]:
    """Parts of a track of a prompt's length that overlap none."""
    length = prompts.duration_s
    taken = [window for window in prompts.windows if window.row == row["id"]]
    for turn in range(int((row["duration_s"] + 1e-3) // length)):
        start_s = turn * length
        if not any(_meet(start_s, window, length) for window in taken):
            yield _clip(dataset, row, start_s=start_s, duration_s=length)


def _meet(start_s: float, window: Window, length: float) -> bool:
    return abs(start_s - window.start_s) < length - 1e-3


def _training_files(folder: Path | None) -> set[Path]:
    """The audio of a dataset's training split."""
    if folder is None:
        return set()
    dataset = open_dataset(folder)
    return {true_path(dataset.audio_path(row)) for row in dataset.splits[TRAINING].select_columns(["audio"]).to_list()}
