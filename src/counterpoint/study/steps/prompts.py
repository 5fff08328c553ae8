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
    """Write `truth/`, an HF audiofolder, and `prompts.json`.

    Raises:
        UserError: when fewer than eight windows can be cut from the held-out splits.
    """
    config: PromptsConfig = work.config
    dataset = open_dataset(work.inputs["data"])
    windows = _cut(dataset, config=config, folder=work.folder / "truth")
    if len(windows) < LEAST_CLIPS:
        raise UserError(
            f"Only {len(windows)} clips of {config.duration_s:g} s can be cut from the valid and test splits of "
            f"{dataset.folder}; a comparison needs {LEAST_CLIPS}: add music to it, or shorten prompts.duration_s."
        )
    write_json(
        work.folder / "prompts.json",
        {"duration_s": config.duration_s, "windows": [asdict(window) for window in windows]},
    )


def _cut(dataset: MusicDataset, *, config: PromptsConfig, folder: Path) -> list[Window]:
    """Choose windows and write them; silent ones are left out."""
    held_out = {split: dataset.splits[split].select_columns(_COLUMNS).to_list() for split in HELD_OUT}
    audio_of = {(split, row["id"]): dataset.audio_path(row) for split, rows in held_out.items() for row in rows}
    kept: list[Window] = []
    for window in choose_windows(held_out, wanted=config.clips, duration_s=config.duration_s):
        audio, _ = load_audio(
            audio_of[window.split, window.row],
            sample_rate=SAMPLE_RATE,
            start_s=window.start_s,
            duration_s=config.duration_s,
        )
        if np.abs(audio).max() >= SILENCE_PEAK:
            save_audio(folder / f"{window.id}.wav", _exactly(audio, config.duration_s), sample_rate=SAMPLE_RATE)
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
    splits: Mapping[str, Sequence[Mapping[str, Any]]], *, wanted: int, duration_s: float
) -> list[Window]:
    """Up to `wanted` windows that do not overlap, from as many tracks as there are: one of every row of the first
    split, then of the next, and only then a second of any; spread over the rows and over the length of each.

    Args:
        splits: rows of the dataset by split, in the order of preference.
    """
    room = {split: [int((row["duration_s"] + 1e-3) // duration_s) for row in rows] for split, rows in splits.items()}
    counts = _share(room, wanted)
    return [
        Window(
            id=f"{split}-{index:04d}-{turn}",
            row=row["id"],
            group=row["group"] or row["id"],
            split=split,
            start_s=(2 * turn + 1) * room[split][index] // (2 * count) * duration_s,  # the middle of its equal part
            caption=row["caption"],
        )
        for split, rows in splits.items()
        for index, (row, count) in enumerate(zip(rows, counts[split], strict=True))
        for turn in range(count)
    ]


def _share(room: Mapping[str, Sequence[int]], wanted: int) -> dict[str, list[int]]:
    """How many of `wanted` windows each row gives."""
    counts = {split: [0] * len(spaces) for split, spaces in room.items()}
    left = wanted
    for split, spaces in room.items():
        usable = [index for index, space in enumerate(spaces) if space]
        first = min(left, len(usable))
        for part in range(first):
            counts[split][usable[(2 * part + 1) * len(usable) // (2 * first)]] = 1
        left -= first
    while left > 0:
        open_ = [
            (split, i) for split, spaces in room.items() for i, space in enumerate(spaces) if counts[split][i] < space
        ]
        if not open_:
            break
        for split, index in open_[:left]:
            counts[split][index] += 1
        left -= min(left, len(open_))
    return counts


def _exactly(audio: np.ndarray, duration_s: float) -> np.ndarray:
    """Cut or pad to the sample: resampling may be one off."""
    length = round(duration_s * SAMPLE_RATE)
    return np.pad(audio[:length], (0, max(0, length - len(audio))))
