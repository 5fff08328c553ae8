"""Takes to compare in a listening test, written as folders: one folder per system with one file per item.

The caller of `Studio` passes the function that makes the test; this package does not import listening tests.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from counterpoint.config import UserError
from counterpoint.config.base import Config
from counterpoint.studio.library import Library

MOST_ITEMS, MOST_SYSTEMS = 60, 6
Take = Annotated[str, Field(max_length=64)]


class Comparison(Config):
    """A comparison for listeners, who say which of the takes of each item they prefer."""

    title: Annotated[str, Field(min_length=1, max_length=120)]
    items: Annotated[
        list[Annotated[list[Take], Field(min_length=2, max_length=MOST_SYSTEMS)]],
        Field(min_length=1, max_length=MOST_ITEMS),
    ]
    """The ids of the takes of each item, one of each system, with the systems in the same order in every item."""


def systems_of(items: Sequence[Sequence[Any]]) -> list[str]:
    """The name of each system: its model, or the number of its take if an item has two takes of one model.

    Args:
        items: rows of takes.

    Raises:
        UserError: the items do not have the same systems.
    """
    models = [[str(take["model"]) or "file" for take in item] for item in items]
    if any(own != models[0] for own in models):
        raise UserError(
            "Every item of a test must have takes of the same models in the same order; remove the items that differ."
        )
    if len(set(models[0])) == len(models[0]):
        return [_plain(model) for model in models[0]]
    return [f"take-{number}" for number in range(1, len(models[0]) + 1)]


def write_systems(items: Sequence[Sequence[Any]], *, library: Library, folder: Path) -> list[str]:
    """Write the folders, and captions next to the first system's files; returns each folder as NAME=FOLDER.

    Args:
        items: rows of takes of the library.
    """
    places = []
    for column, system in enumerate(systems_of(items)):
        place = folder / system
        place.mkdir(parents=True)
        places.append(f"{system}={place}")
        for number, item in enumerate(items, start=1):
            sound = library.sound(item[column]["stored"])
            _link(sound, place / f"{number:02d}{sound.suffix}")
            if column == 0:
                (place / f"{number:02d}.txt").write_text(item[column]["title"], encoding="utf-8")
    return places


def free_name(title: str, *, root: Path) -> str:
    """An unused name for the folder of a test."""
    name = _plain(title)[:60] or "test"
    number = 1
    while (root / (found := name if number == 1 else f"{name}-{number}")).exists():
        number += 1
    return found


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9_]+", "-", text.lower()).strip("-")


def _link(sound: Path, out: Path) -> None:
    try:
        os.link(sound, out)
    except OSError:  # the file system does not support links
        shutil.copyfile(sound, out)
