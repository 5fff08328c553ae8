"""Selection of the reference audio for a comparison.

Every distance gets as many reference clips as system clips, of the system's length, spread over all the reference's
tracks; the ground-truth floor compares two halves of them that share no track.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

from counterpoint.audio import audio_duration_s
from counterpoint.config import UserError
from counterpoint.config.paths import true_path
from counterpoint.metrics.base import Clip


@dataclass(frozen=True)
class ReferencePool:
    """Windows cut from a reference.

    Attributes:
        clips: windows, one of each track first, then a second of each, and so on.
        halves: positions in `clips` of the windows from every other track, and of those from the rest.
        cut: whether clips were longer than the systems' and only a part of each was taken.
    """

    clips: tuple[Clip, ...]
    halves: tuple[tuple[int, ...], tuple[int, ...]]
    cut: bool


def shuffled(clips: Sequence[Clip], *, seed: int) -> list[Clip]:
    """A fixed random order that depends on each clip's name alone, so two systems with the same prompts share it."""
    return sorted(clips, key=lambda clip: (hashlib.sha256(f"{seed}:{clip.key}".encode()).digest(), clip.key))


def reference_pool(reference: Sequence[Clip], *, duration_s: float, count: int, seed: int) -> ReferencePool:
    """Up to `count` windows of at most `duration_s`; when clips are few, a long one gives several, none overlapping."""
    tracks = shuffled(reference, seed=seed)
    lengths = [_length_s(clip) for clip in tracks]
    wanted = ceil(count / len(tracks))
    windows = [
        _windows(clip, length_s=length, duration_s=duration_s, wanted=wanted)
        for clip, length in zip(tracks, lengths, strict=True)
    ]
    chosen: list[tuple[int, Clip]] = [
        (track, own[turn]) for turn in range(wanted) for track, own in enumerate(windows) if turn < len(own)
    ][:count]
    halves = tuple(tuple(i for i, (track, _) in enumerate(chosen) if track % 2 == side) for side in (0, 1))
    cut = any(length is not None and length > 1.05 * duration_s for length in lengths)
    return ReferencePool(tuple(clip for _, clip in chosen), (halves[0], halves[1]), cut)


def without(reference: Sequence[Clip], judged: Sequence[Clip]) -> list[Clip]:
    """The reference clips whose files are not judged themselves."""
    files: set[Path] = {true_path(clip.audio) for clip in judged}
    return [clip for clip in reference if true_path(clip.audio) not in files]


def _windows(clip: Clip, *, length_s: float | None, duration_s: float, wanted: int) -> list[Clip]:
    if length_s is None or length_s <= duration_s:
        return [clip]
    count = max(1, min(wanted, int(length_s // duration_s)))
    # Each window lies in the middle of its share of the track.
    starts = [(i + 0.5) * length_s / count - duration_s / 2 for i in range(count)]
    return [replace(clip, start_s=round(clip.start_s + start, 3), duration_s=duration_s) for start in starts]


def _length_s(clip: Clip) -> float | None:
    """Seconds of audio in the clip; None if the file's header is broken, which is reported when it is read."""
    try:
        rest = audio_duration_s(clip.audio) - clip.start_s
    except (UserError, OSError):
        return clip.duration_s
    return rest if clip.duration_s is None else min(rest, clip.duration_s)
