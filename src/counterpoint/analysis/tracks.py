"""Control tracks: one integer per latent frame (App. C), the requested class or `NOT_GIVEN`.

Chords are classes of `chords.vocabulary()`; a melody is the note counted from G2, or `REST`; drums are the codes of
`codec.blurred_codes`. Frame t holds the class at its middle, (t + 1/2) / frame_rate seconds.

Shapes: T latent frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from counterpoint.analysis.chords import chord_index, vocabulary
from counterpoint.config.schema import ControlName

NOT_GIVEN = -1
"""No class is requested; the model uses its learned null token."""
MELODY_LOW, MELODY_HIGH = 43, 95
"""G2-B6: the melody's 53 notes, as MIDI numbers."""
REST = MELODY_HIGH - MELODY_LOW + 1
"""No note sounds. A requested rest differs from no request, so it is a class of its own."""


def track_classes(control: ControlName, *, codebook_size: int) -> int:
    """Number of classes of a control, without `NOT_GIVEN`."""
    return {"chords": len(vocabulary()), "melody": REST + 1, "drums": codebook_size}[control]


def chord_track(chords: Sequence[tuple[float, str]], *, frames: int, frame_rate: float) -> np.ndarray:
    """[T] int16 classes of chords given as (start in seconds, label), in order; each lasts until the next.

    Frames before the first chord are `NOT_GIVEN`.
    """
    classes = np.array([NOT_GIVEN, *(chord_index(label) for _, label in chords)], dtype=np.int16)
    starts = np.array([start for start, _ in chords])
    return classes[np.searchsorted(starts, frame_times(frames, frame_rate=frame_rate), side="right")]


def melody_track(notes: Sequence[tuple[float, float, int]], *, frames: int, frame_rate: float) -> np.ndarray:
    """Classes [T], int16, of notes given as (start, end, MIDI number) in seconds; the later of two counts."""
    times = frame_times(frames, frame_rate=frame_rate)
    track = np.full(frames, REST, dtype=np.int16)
    for start, end, midi in sorted(notes):
        assert MELODY_LOW <= midi <= MELODY_HIGH, "notes are brought into the range first"
        track[(times >= start) & (times < end)] = midi - MELODY_LOW
    return track


def frame_times(frames: int, *, frame_rate: float) -> np.ndarray:
    """[T] seconds at the middle of each frame."""
    return (np.arange(frames) + 0.5) / frame_rate


def runs(track: np.ndarray) -> list[tuple[int, int, int]]:
    """(first frame, frame after the last, class) of every run of equal classes."""
    if not len(track):
        return []
    edges = np.flatnonzero(np.diff(track)) + 1
    return [
        (int(start), int(stop), int(track[start]))
        for start, stop in zip([0, *edges], [*edges, len(track)], strict=True)
    ]
