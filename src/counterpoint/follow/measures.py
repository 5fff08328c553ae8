"""Agreement between the request and the analysis of a clip: chord segments, notes, tempo; from labels, without audio.

Shapes: T frames of 20 ms, F frames of chroma, P = 12 pitch classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.analysis.tonality import CHROMA_RATE
from counterpoint.analysis.tracks import MELODY_LOW, NOT_GIVEN, REST
from counterpoint.analysis.viterbi25 import LABELS, triad_class

FRAME_RATE = 50.0
"""Frame rate of chord labels and melodies in Hz."""
TEMPO_TOLERANCE = 0.03
"""Relative tolerance of the requested tempo."""
SHORTEST_S = 0.5
"""Least length in seconds of a chord that counts: recognisers need some tenths of a second."""
Chords = tuple[tuple[float, str | None], ...]
"""(start in seconds, label), each until the next; None for no request."""


@dataclass(frozen=True, eq=False)
class Detected:
    """The analysis of a clip, as far as it was needed.

    Attributes:
        chords: [T] classes among the 25 of `viterbi25`, by the recogniser of `analyze`; `NOT_GIVEN` for other chords.
        chroma: [P, F] energy by pitch class.
        melody: [T] melody track, see `analysis.tracks`.
        tempo_bpm: beats per minute; NaN without beats.
        confidence: mean probability of the detected chords or notes, see `analysis.confidence`; NaN if the recogniser
            reports none.
    """

    chords: np.ndarray | None = None
    chroma: np.ndarray | None = None
    melody: np.ndarray | None = None
    tempo_bpm: float = np.nan
    confidence: float = np.nan


@dataclass(frozen=True)
class Wanted:
    """The requested music of a clip, of whatever kind.

    Attributes:
        name: its name, the same for clips with the same request.
        duration_s: duration of the clip.
        notes: (start, end, MIDI number) in seconds.
        tempo_bpm: beats per minute.
    """

    name: str
    duration_s: float
    chords: Chords = ()
    notes: tuple[tuple[float, float, int], ...] = ()
    tempo_bpm: float = np.nan


def triad_segments(wanted: Wanted) -> list[tuple[float, float, int]]:
    """(start, end, class of the 25) of every chord that has a major or minor triad and lasts half a second."""
    ends = [*(start for start, _ in wanted.chords[1:]), wanted.duration_s]
    found = [
        (start, end, triad_class(label))
        for (start, label), end in zip(wanted.chords, ends, strict=False)
        if label is not None and end - start >= SHORTEST_S
    ]
    return [(start, end, triad) for start, end, triad in found if triad]


def chords_recognised(wanted: Wanted, detected: Detected) -> float:
    """Share of the chord segments in most of whose frames the recogniser finds the right root and mode."""
    assert detected.chords is not None
    right = []
    for start, end, triad in triad_segments(wanted):
        frames = detected.chords[_frames(start, end, rate=FRAME_RATE, count=len(detected.chords))]
        known = frames[frames != NOT_GIVEN]
        right.append(bool(len(known)) and int(np.bincount(known, minlength=len(LABELS)).argmax()) == triad)
    return _share(right)


def chords_by_template(wanted: Wanted, detected: Detected) -> float:
    """Share of the chord segments whose chroma has the highest cosine with the right one of 24 triads."""
    assert detected.chroma is not None
    right = []
    for start, end, triad in triad_segments(wanted):
        chroma = detected.chroma[:, _frames(start, end, rate=CHROMA_RATE, count=detected.chroma.shape[1])].sum(axis=1)
        right.append(bool(chroma.any()) and 1 + int((triad_templates() @ chroma).argmax()) == triad)
    return _share(right)


def triad_templates() -> np.ndarray:
    """Templates [24, P]: one at each of a triad's three notes; major triads from C, then minor ones."""
    modes = np.zeros((2, 12))
    modes[0, [0, 4, 7]] = modes[1, [0, 3, 7]] = 1.0
    return np.stack([np.roll(mode, root) for mode in modes for root in range(12)])


def notes_detected(wanted: Wanted, detected: Detected) -> float:
    """Share of the notes with the pitch class of the median note detected during them; silence does not count."""
    assert detected.melody is not None
    right = []
    for start, end, midi in wanted.notes:
        frames = detected.melody[_frames(start, end, rate=FRAME_RATE, count=len(detected.melody))]
        sounding = np.sort(frames[~np.isin(frames, (REST, NOT_GIVEN))])
        median = int(sounding[(len(sounding) - 1) // 2]) if len(sounding) else None
        right.append(median is not None and (MELODY_LOW + median - midi) % 12 == 0)
    return _share(right)


def tempo_right(wanted: Wanted, detected: Detected) -> float:
    """1 if the tempo is within 3% of the requested one."""
    return _near_tempo(wanted, detected, factors=(1.0,))


def tempo_right_to_octave(wanted: Wanted, detected: Detected) -> float:
    """1 if the tempo is within 3% of the requested one, its half or its double."""
    return _near_tempo(wanted, detected, factors=(0.5, 1.0, 2.0))


@dataclass(frozen=True)
class Measure:
    """One measure of agreement with a request.

    Attributes:
        ask: the kind of request.
        name: its exact name.
        share: (wanted, detected) to [0, 1]; NaN without a request.
    """

    ask: str
    name: str
    what: str
    share: Callable[[Wanted, Detected], float]


def measures(ask: str, *, recogniser: str) -> list[Measure]:
    """The measures of one kind of request.

    Args:
        recogniser: the chord recogniser that `analyze` uses here.
    """
    if ask == "chords":
        share = "share of the requested chords"
        return [
            Measure(
                ask,
                f"chord_segments_{recogniser}",
                f"{share} whose root and mode {recogniser} finds in most of their frames",
                chords_recognised,
            ),
            Measure(
                ask,
                "chord_segments_template",
                f"{share} whose triad is the nearest of 24 to the chroma",
                chords_by_template,
            ),
        ]
    if ask == "melody":
        what = "share of the requested notes with the pitch class of the median note detected during them"
        return [Measure(ask, "notes_basic_pitch", what, notes_detected)]
    source, what = ("drums", "the drum loop's") if ask == "drums" else ("words", "the caption's")
    within = f"share of the clips whose tempo is within 3% of {what}"
    return [
        Measure(ask, f"tempo_of_{source}_librosa", within, tempo_right),
        Measure(ask, f"tempo_of_{source}_or_octave", f"{within}, its half or its double", tempo_right_to_octave),
    ]


def _near_tempo(wanted: Wanted, detected: Detected, *, factors: Sequence[float]) -> float:
    if not np.isfinite(wanted.tempo_bpm):
        return float("nan")
    tempo = wanted.tempo_bpm
    return float(
        any(abs(detected.tempo_bpm - factor * tempo) <= TEMPO_TOLERANCE * factor * tempo for factor in factors)
    )


def _frames(start_s: float, end_s: float, *, rate: float, count: int) -> slice:
    """Frames whose centre lies in a stretch; at least one if there are any frames."""
    first = min(max(0, int(np.ceil(start_s * rate - 0.5))), max(0, count - 1))
    return slice(first, max(first + 1, int(np.ceil(end_s * rate - 0.5))))


def _share(right: Sequence[bool]) -> float:
    return float(np.mean(right)) if right else float("nan")
