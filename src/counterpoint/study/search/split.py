"""The division of prompts into those of the search and those of the confirmation."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from counterpoint.config import UserError
from counterpoint.results.parts import Window

Part = Literal["search", "confirmation"]
PARTS: tuple[Part, Part] = ("search", "confirmation")
LEAST_PROMPTS = 8
LEAST_TRACKS = 4
"""Least number in each part for an interval."""


def split(windows: Sequence[Window], *, seed: int) -> dict[Part, list[Window]]:
    """Every other track for the search, the rest for confirmation, so that the two share no music.

    The order of tracks is determined by a digest of the seed and their ids. Within a part the first window of every
    track comes first, then the second of each, and so on: the first few prompts come from as many tracks as possible.

    Raises:
        UserError: there are too few tracks or prompts for two parts.
    """
    tracks: dict[str, list[Window]] = defaultdict(list)
    for window in windows:
        tracks[window.row].append(window)
    order = sorted(tracks, key=lambda track: hashlib.sha256(f"{seed}:{track}".encode()).digest())
    found: dict[Part, list[Window]] = {}
    for number, part in enumerate(PARTS):
        of_part = [tracks[track] for track in order[number::2]]
        turns = range(max(map(len, of_part), default=0))
        found[part] = [own[turn] for turn in turns for own in of_part if turn < len(own)]
        if len(of_part) < LEAST_TRACKS or len(found[part]) < LEAST_PROMPTS:
            raise UserError(
                f"The held-out music gives {len(windows)} prompts from {len(tracks)} tracks; a search and its "
                f"confirmation each need {LEAST_PROMPTS} prompts from {LEAST_TRACKS} separate tracks: add music, "
                "set more prompts.clips, or a shorter prompts.duration_s."
            )
    return found
