"""The other side of distances: real music that no model was trained on, and no prompt was cut from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.data import MusicDataset, open_dataset
from counterpoint.metrics import Clip
from counterpoint.report.numbers import listed
from counterpoint.results.parts import Prompts, Window

HELD_OUT = ("test", "valid")
_COLUMNS = ["id", "audio", "caption", "duration_s", "group"]


@dataclass(frozen=True)
class Unheard:
    """Music for the reference.

    Attributes:
        clips: whole tracks, and parts of tracks where these are too few.
        note: what it is and how much of it there is, for the remarks of an evaluation.
    """

    clips: list[Clip]
    note: str


def unheard_music(folder: Path, prompts: Prompts, *, splits: Sequence[str] = HELD_OUT) -> Unheard:
    """The tracks of some splits of a dataset that no prompt was cut from. Where these give fewer windows than there are
    prompts, the other parts of the prompts' tracks join them.

    Args:
        splits: that no model was trained on.

    Raises:
        UserError: nothing is left.
    """
    dataset = open_dataset(folder)
    asked = {window.row for window in prompts.windows}
    rows = [row for split in splits for row in dataset.splits[split].select_columns(_COLUMNS).to_list()]
    whole = [_clip(dataset, row) for row in rows if row["id"] not in asked]
    windows = sum(int((row["duration_s"] + 1e-3) // prompts.duration_s) for row in rows if row["id"] not in asked)
    parts: list[Clip] = []
    if windows < len(prompts.windows):
        parts = [clip for row in rows if row["id"] in asked for clip in _rest(dataset, row, prompts)]
    if not whole and not parts:
        raise UserError(
            f"The {listed(splits)} splits of {dataset.folder} hold nothing but the prompts themselves, so there is no "
            "music to compare with: add music to the dataset, ask for fewer prompts, or for shorter ones."
        )
    note = f"The reference of distances is music that no model was trained on, of the {listed(splits)} splits: "
    note += f"{len(whole)} tracks from which no prompt was cut"
    if parts:
        note += (
            f", and, since these are fewer than the prompts, {len(parts)} other parts of the prompts' own tracks, by "
            "which the ground truth scores better than other real music would"
        )
    return Unheard([*whole, *parts], f"{note}.")


def _clip(dataset: MusicDataset, row: dict[str, Any], **part: float) -> Clip:
    return Clip(audio=dataset.audio_path(row), caption=row["caption"], id=row["id"], group=row["group"], **part)


def _rest(dataset: MusicDataset, row: dict[str, Any], prompts: Prompts) -> Iterator[Clip]:
    """Parts of a track that are as long as a prompt and touch none."""
    length = prompts.duration_s
    taken = [window for window in prompts.windows if window.row == row["id"]]
    for turn in range(int((row["duration_s"] + 1e-3) // length)):
        start_s = turn * length
        if not any(_meet(start_s, window, length) for window in taken):
            yield _clip(dataset, row, start_s=start_s, duration_s=length)


def _meet(start_s: float, window: Window, length: float) -> bool:
    return abs(start_s - window.start_s) < length - 1e-3
