"""Windows of tracks: a composed clip gives one or a few, a track of minutes several, spread over its length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from counterpoint.config import write_json_lines
from counterpoint.results.parts import Window

Item = TypeVar("Item")
COLUMNS = ["id", "audio", "caption", "duration_s", "group"]
"""Columns of a dataset that windows are cut from."""


def choose_windows(
    splits: Mapping[str, Sequence[Mapping[str, Any]]], *, wanted: int, duration_s: float
) -> list[Window]:
    """Up to `wanted` windows that do not overlap, from as many tracks as possible: one of every row of the first
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


def list_clips(folder: Path, captions: Mapping[str, str]) -> None:
    """Write the `metadata.jsonl` of an HF audiofolder whose clips are `{id}.wav`.

    Args:
        captions: captions by id.
    """
    lines = [{"file_name": f"{name}.wav", "caption": caption, "id": name} for name, caption in captions.items()]
    write_json_lines(folder / "metadata.jsonl", lines)


def spread(items: Sequence[Item], wanted: int) -> list[Item]:
    """Up to `wanted` items, the middle ones of equal parts: examples that are not selected by listening."""
    wanted = min(wanted, len(items))
    return [items[(2 * part + 1) * len(items) // (2 * wanted)] for part in range(wanted)]


def _share(room: Mapping[str, Sequence[int]], wanted: int) -> dict[str, list[int]]:
    """The number of windows that each row gives, `wanted` in all."""
    counts = {split: [0] * len(spaces) for split, spaces in room.items()}
    left = wanted
    for split, spaces in room.items():
        usable = [index for index, space in enumerate(spaces) if space]
        for index in spread(usable, left):
            counts[split][index] = 1
        left -= min(left, len(usable))
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
