"""The analysis of a clip next to its controls: a picture over time, and the agreement in numbers.

Shapes: N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import track_beats
from counterpoint.analysis.confidence import LOW
from counterpoint.analysis.listen import Listening, listen
from counterpoint.analysis.tracks import melody_track
from counterpoint.audio import SILENCE_PEAK, load_audio, normalize_loudness
from counterpoint.follow.measures import FRAME_RATE, Heard, Wanted, chords_recognised, notes_heard
from counterpoint.generate.controls import Asked
from counterpoint.metrics.adherence_measures import beat_f1, triads
from counterpoint.report.timelines import Timelines

SAMPLE_RATE = 22_050
"""Hz, of what is heard."""
_MEASURES = {
    "chords": "of the chords asked for are heard, by root and mode",
    "melody": "of the notes asked for are heard, by pitch class",
    "drums": "agreement of the beats with those of the loop (F1, 50 ms)",
}


def hear(audio: np.ndarray, *, asked: Asked, loop: Path | None) -> dict[str, Any]:
    """Listen to the part of a clip in which something was asked.

    Args:
        audio: [N] of the part, at `SAMPLE_RATE`.
        asked: of the part.
        loop: the drum loop that was asked for.

    Returns:
        `svg` of both over time, `measures` as sentences with their shares, and `remarks`.
    """
    if np.abs(audio).max() < SILENCE_PEAK:
        return {"svg": "", "measures": [], "remarks": ["The clip is silent, so there is nothing to compare."]}
    duration_s = len(audio) / SAMPLE_RATE
    heard = listen(normalize_loudness(audio, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    target = Annotation(
        duration_s,
        chords=tuple((start, label) for start, label in asked.chords if label is not None),
        notes=tuple(asked.notes),
        beats=() if loop is None else _beats(loop, duration_s=duration_s),
    )
    shown = _only(heard.annotation, asked=list(asked.sources))
    drawn = Timelines(target=target, heard=shown, asked=list(asked.sources))
    svg = drawn.svg(duration_s=duration_s, name="This clip")
    shares = _shares(asked, target=target, heard=heard.annotation)
    measures = [
        {"of": name, "share": round(share, 3), "text": _MEASURES[name]}
        for name, share in shares.items()
        if math.isfinite(share)
    ]
    return {"svg": svg, "measures": measures, "remarks": _unsure(heard, asked=list(asked.sources))}


def _shares(asked: Asked, *, target: Annotation, heard: Annotation) -> dict[str, float]:
    """By control; NaN where the measure says nothing."""
    frames = max(1, round(target.duration_s * FRAME_RATE))
    ears = Heard(
        chords=triads(heard),
        melody=melody_track(heard.notes, frames=frames, frame_rate=FRAME_RATE),
    )
    wanted = Wanted("", target.duration_s, chords=tuple(asked.chords), notes=target.notes)
    found: dict[str, float] = {}
    if "chords" in asked.sources:
        found["chords"] = chords_recognised(wanted, ears)
    if "melody" in asked.sources:
        found["melody"] = notes_heard(wanted, ears)
    if "drums" in asked.sources:
        found["drums"] = beat_f1([time for time, _ in target.beats], [time for time, _ in heard.beats])
    return found


def _only(heard: Annotation, *, asked: Sequence[str]) -> Annotation:
    """What is heard of that which was asked."""
    return Annotation(
        heard.duration_s,
        chords=heard.chords if "chords" in asked else (),
        notes=heard.notes if "melody" in asked else (),
        beats=heard.beats if "drums" in asked else (),
    )


def _beats(loop: Path, *, duration_s: float) -> tuple[tuple[float, int], ...]:
    audio, _ = load_audio(loop, sample_rate=SAMPLE_RATE, duration_s=duration_s)
    return tuple(track_beats(audio, sample_rate=SAMPLE_RATE))


def _unsure(heard: Listening, *, asked: Sequence[str]) -> list[str]:
    """What to say where the listener is not sure."""
    said = []
    for name in ("chords", "melody"):
        confidence = getattr(heard.confidence, name)
        if name in asked and confidence is not None and confidence < LOW:
            said.append(f"The {name} are heard with a low confidence ({confidence:.2f}), so the share may be too low.")
    return said
