"""Groups of clips that belong together, and the split of each group."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal

from counterpoint.data.layout import SPLITS
from counterpoint.ingest.sources import About

GroupBy = Literal["auto", "track", "folder"]
_SEGMENT = re.compile(r"(?<=[^\W_])[ _.\-(]*(?:seg|segment|part|chunk|slice|excerpt)[ _.\-]*\d+\)?$", re.IGNORECASE)


def group_clips(abouts: Mapping[str, About], *, group_by: GroupBy) -> dict[str, str]:
    """The group of every clip, by clip id; a split never divides a group.

    auto: the artist if one is known, unless half of all clips or more are theirs; else the track.
    track: the track that the metadata names; else the file, where `song_part2` and `song-seg-003` belong to one track.
    folder: the folder, for files in subfolders of the source, else the track.
    """
    clips = Counter(about.artist for about in abouts.values())
    groups = {}
    for name, about in abouts.items():
        path = PurePosixPath(name)
        if group_by == "folder" and path.parent != PurePosixPath():
            groups[name] = f"folder:{path.parent}"
        elif group_by == "auto" and about.artist and 2 * clips[about.artist] < len(abouts):
            groups[name] = f"artist:{about.artist}"
        elif about.track:
            groups[name] = f"track:{about.track}"
        else:
            groups[name] = f"track:{path.parent / _SEGMENT.sub('', path.stem)}"
    return groups


def assign_splits(
    groups: Iterable[str], *, valid_share: float, test_share: float, previous: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The split of every group, from a hash of its name, so that later additions move no existing group.

    If train would be empty, or valid or test with three groups or more, the group with the nearest hash fills it.

    Args:
        groups: group names; repetitions do not matter.
        valid_share: share of the groups in valid.
        test_share: share of the groups in test.
        previous: splits of an earlier ingest, which are kept.
    """
    previous = previous or {}
    order = sorted(set(groups), key=_position)
    splits = {name: previous.get(name) or _draw(_position(name), valid_share, test_share) for name in order}
    wanted = [split for split, share in (("test", test_share), ("valid", valid_share)) if share > 0 and len(order) >= 3]
    for split in [*wanted, "train"]:
        if split in splits.values():
            continue
        held = Counter(splits.values())
        giver = max(SPLITS, key=lambda part: held[part])  # never the last group of another split
        splits[next(name for name in order if splits[name] == giver)] = split
    return splits


def _position(group: str) -> float:
    """A number in [0, 1) that depends only on the name."""
    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big") / 2**64


def _draw(position: float, valid_share: float, test_share: float) -> str:
    if position < test_share:
        return "test"
    return "valid" if position < test_share + valid_share else "train"
