"""The analysis of a take next to its requested controls: a picture over time, and the agreement in numbers.

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
from counterpoint.follow.measures import FRAME_RATE, Detected, Wanted, chords_recognised, notes_detected
from counterpoint.generate.controls import RequestedControls
from counterpoint.metrics.adherence_measures import beat_f1, triads
from counterpoint.report.timelines import Timelines

SAMPLE_RATE = 22_050
"""Sample rate of the analysis in Hz."""
_MEASURES = {
    "chords": "of the requested chords are detected (root and mode)",
    "melody": "of the requested notes are detected (pitch class)",
    "drums": "agreement of the beats with those of the loop (F1, 50 ms)",
}


def analyze_take(audio: np.ndarray, *, controls: RequestedControls, loop: Path | None) -> dict[str, Any]:
    """Analyse the part of a take for which controls were requested.

    Args:
        audio: [N] samples of the part, at `SAMPLE_RATE`.
        controls: requested controls of the part.
        loop: requested drum loop.

    Returns:
        `svg` of the request and the analysis over time, `measures` as texts with their shares, and `remarks`.
    """
    if np.abs(audio).max() < SILENCE_PEAK:
        return {"svg": "", "measures": [], "remarks": ["The clip is silent, so there is nothing to compare."]}
    duration_s = len(audio) / SAMPLE_RATE
    listening = listen(normalize_loudness(audio, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    target = Annotation(
        duration_s,
        chords=tuple((start, label) for start, label in controls.chords if label is not None),
        notes=tuple(controls.notes),
        beats=() if loop is None else _beats(loop, duration_s=duration_s),
    )
    shown = _only(listening.annotation, controls=list(controls.sources))
    drawn = Timelines(target=target, detected=shown, received=list(controls.sources))
    svg = drawn.svg(duration_s=duration_s, name="This clip")
    shares = _shares(controls, target=target, detected=listening.annotation)
    measures = [
        {"of": name, "share": round(share, 3), "text": _MEASURES[name]}
        for name, share in shares.items()
        if math.isfinite(share)
    ]
    return {"svg": svg, "measures": measures, "remarks": _uncertainty(listening, controls=list(controls.sources))}


def _shares(controls: RequestedControls, *, target: Annotation, detected: Annotation) -> dict[str, float]:
    """The measure of each control; NaN if it is undefined."""
    frames = max(1, round(target.duration_s * FRAME_RATE))
    found_music = Detected(
        chords=triads(detected),
        melody=melody_track(detected.notes, frames=frames, frame_rate=FRAME_RATE),
    )
    wanted = Wanted("", target.duration_s, chords=tuple(controls.chords), notes=target.notes)
    found: dict[str, float] = {}
    if "chords" in controls.sources:
        found["chords"] = chords_recognised(wanted, found_music)
    if "melody" in controls.sources:
        found["melody"] = notes_detected(wanted, found_music)
    if "drums" in controls.sources:
        found["drums"] = beat_f1([time for time, _ in target.beats], [time for time, _ in detected.beats])
    return found


def _only(detected: Annotation, *, controls: Sequence[str]) -> Annotation:
    """The detected music, restricted to the requested controls."""
    return Annotation(
        detected.duration_s,
        chords=detected.chords if "chords" in controls else (),
        notes=detected.notes if "melody" in controls else (),
        beats=detected.beats if "drums" in controls else (),
    )


def _beats(loop: Path, *, duration_s: float) -> tuple[tuple[float, int], ...]:
    audio, _ = load_audio(loop, sample_rate=SAMPLE_RATE, duration_s=duration_s)
    return tuple(track_beats(audio, sample_rate=SAMPLE_RATE))


def _uncertainty(listening: Listening, *, controls: Sequence[str]) -> list[str]:
    """Remarks about detections with a low confidence."""
    remarks = []
    for name in ("chords", "melody"):
        confidence = getattr(listening.confidence, name)
        if name in controls and confidence is not None and confidence < LOW:
            remarks.append(
                f"The {name} were detected with low confidence ({confidence:.2f}); the share may be too low."
            )
    return remarks
