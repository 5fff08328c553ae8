"""Held-out windows of music: their captions are the prompts, their audio is the ground truth.

A composed clip is one window or a few; a track of several minutes gives several, spread over its length. Every window
belongs to a track that training never saw.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, save_audio
from counterpoint.config import UserError, atomic_write, write_json
from counterpoint.data import MusicDataset, open_dataset

if TYPE_CHECKING:
    from counterpoint.study.config import PromptsConfig
    from counterpoint.study.engine import Work

SAMPLE_RATE = 32_000
HELD_OUT = ("test", "valid")
"""Test first; validation windows fill up where test is too small. Neither was trained on."""
LEAST_CLIPS = 8


@dataclass(frozen=True)
class Window:
    """A part of a row of the dataset.

    Attributes:
        group: the artist or track it comes from.
        start_s: where in the row's audio it begins.
    """

    id: str
    row: str
    group: str
    split: str
    start_s: float
    caption: str


def choose_prompts(work: Work) -> None:
    """Write `truth/` and `reference/` (HF audiofolders of equal size) and `prompts.json`.

    The reference is what the distances are measured to: windows of the training split, so that no clip of the ground truth
    is in it and the ground truth's own distance is a floor.

    Raises:
        UserError: when fewer than eight windows can be cut from the held-out splits.
    """
    config: PromptsConfig = work.config
    dataset = open_dataset(work.inputs["data"])
    truth = _cut(dataset, HELD_OUT, wanted=config.clips, duration_s=config.duration_s, folder=work.folder / "truth")
    if len(truth) < LEAST_CLIPS:
        raise UserError(
            f"Only {len(truth)} clips of {config.duration_s:g} s can be cut from the held-out splits of {dataset.folder}; "
            f"a comparison needs {LEAST_CLIPS}. Add music to the dataset, or shorten prompts.duration_s."
        )
    reference = _cut(
        dataset, ("train",), wanted=len(truth), duration_s=config.duration_s, folder=work.folder / "reference"
    )
    write_json(
        work.folder / "prompts.json",
        {
            "duration_s": config.duration_s,
            "truth": [asdict(window) for window in truth],
            "reference": [asdict(window) for window in reference],
        },
    )


def _cut(
    dataset: MusicDataset, splits: Sequence[str], *, wanted: int, duration_s: float, folder: Path
) -> list[Window]:
    """Choose windows and write them; silent ones are left out."""
    kept: list[Window] = []
    for split in splits:
        rows = {row["id"]: row for row in dataset.splits[split].select_columns(_COLUMNS)} if split in dataset.splits else {}
        for window in choose_windows(list(rows.values()), split=split, wanted=wanted - len(kept), duration_s=duration_s):
            audio, _ = load_audio(
                dataset.audio_path(rows[window.row]),
                sample_rate=SAMPLE_RATE,
                start_s=window.start_s,
                duration_s=duration_s,
            )
            if np.abs(audio).max() < SILENCE_PEAK:
                continue
            save_audio(folder / f"{window.id}.wav", _exactly(audio, duration_s), sample_rate=SAMPLE_RATE)
            kept.append(window)
    lines = [
        json.dumps({"file_name": f"{window.id}.wav", "caption": window.caption, "id": window.id}, ensure_ascii=False)
        for window in kept
    ]
    text = "".join(f"{line}\n" for line in lines)
    atomic_write(folder / "metadata.jsonl", lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return kept


_COLUMNS = ["id", "audio", "caption", "duration_s", "group"]


def choose_windows(
    rows: Sequence[Mapping[str, Any]], *, split: str, wanted: int, duration_s: float
) -> list[Window]:
    """Up to `wanted` windows that do not overlap: one of every row before a second of any, spread over each row."""
    room = [int((row["duration_s"] + 1e-3) // duration_s) for row in rows]
    counts = _share(room, wanted)
    windows = []
    for row, possible, count in zip(rows, room, counts, strict=True):
        for index in range(count):
            place = (2 * index + 1) * possible // (2 * count)  # the middle of the index-th of `count` equal parts
            windows.append(
                Window(
                    id=f"{split}-{len(windows):03d}",
                    row=row["id"],
                    group=row["group"] or row["id"],
                    split=split,
                    start_s=place * duration_s,
                    caption=row["caption"],
                )
            )
    return windows


def _share(room: Sequence[int], wanted: int) -> list[int]:
    """How many of `wanted` each gets: as even as its room allows; where one each is too many, evenly spread rows get one."""
    usable = [index for index, space in enumerate(room) if space]
    counts = [0] * len(room)
    if wanted < len(usable):
        for part in range(wanted):
            counts[usable[(2 * part + 1) * len(usable) // (2 * wanted)]] = 1
        return counts
    left = wanted
    while left > 0 and (open_ := [index for index in usable if counts[index] < room[index]]):
        for index in open_[:left]:
            counts[index] += 1
        left -= min(left, len(open_))
    return counts


def _exactly(audio: np.ndarray, duration_s: float) -> np.ndarray:
    """Cut or pad to the sample: resampling may be one off."""
    length = round(duration_s * SAMPLE_RATE)
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
