"""Requested and detected chords, melody and beats of a clip, on its own time axis.

Inline SVG, as wide as the spectrogram below it, so that one playhead crosses both.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.chords import chord_parts
from counterpoint.config.schema import CONTROLS
from counterpoint.metrics.adherence_measures import LEFT_OUT, TOLERANCE_S, triads
from counterpoint.report.axis import svg

WIDTH = 300.0
_STRIP, _GAP = 15.0, 2.0
_ROLL = 54.0
_BEATS = 9.0
_LETTER = 6.2
"""Approximate width of a character."""
_LEAST_NOTES = 12
"""Least range of a piano roll in semitones."""
_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")
Note = tuple[float, float, int]


@dataclass(frozen=True, kw_only=True)
class Timelines:
    """The requested and the detected music of a clip.

    Attributes:
        received: names of the controls that the system received; others are drawn faintly.
    """

    target: Annotation
    detected: Annotation
    received: Collection[str] = CONTROLS

    def svg(self, *, duration_s: float, name: str) -> str:
        """Rows of chords, a piano roll and beats, in each of which the target is above or around the detected music.

        Args:
            name: name of the system, for screen readers.
        """
        target, detected = self.target, self.detected
        rows = [
            (_chords, bool(target.chords or detected.chords), 2 * _STRIP + _GAP, "chords"),
            (_roll, bool(target.notes or detected.notes), _ROLL, "melody"),
            (_beats, bool(target.beats or detected.beats), 2 * _BEATS + _GAP, "drums"),
        ]
        parts, top = [], 0.0
        for draw, is_there, height, control in rows:
            if is_there:
                of_row = draw(target, detected, duration_s=duration_s, top=top)
                parts.append(f'<g class="{"received" if control in self.received else "free"}">{of_row}</g>')
                top += height + 3 * _GAP
        if not parts:
            return ""
        label = f"{name}: {described(target, detected, received=self.received)}"
        return svg(WIDTH, top - _GAP, parts, label=label, kind="timelines")


def described(target: Annotation, detected: Annotation, *, received: Collection[str] = CONTROLS) -> str:
    """A description such as "requested C Am F G; detected C Am F N, the same 82% of the time; 3 of 4 downbeats met"."""
    parts = []
    if target.chords or detected.chords:
        verb = "requested" if "chords" in received else "target"
        parts.append(f"chords {verb} {_named(target)}; detected {_named(detected)}{_agreement(target, detected)}")
    if target.notes or detected.notes:
        verb = "requested" if "melody" in received else "target"
        parts.append(f"melody {verb} {_span(target.notes)}; detected {_span(detected.notes)}")
    if target.downbeats_s:
        met = downbeats_met(target, detected)
        parts.append(f"{met} of {len(target.downbeats_s)} downbeats within {1000 * TOLERANCE_S:.0f} ms")
    return ". ".join(parts) or "nothing requested and nothing detected"


def _named(annotation: Annotation) -> str:
    return " ".join(label for _, label in annotation.chords) or "none"


def _agreement(target: Annotation, detected: Annotation) -> str:
    """Agreement of the triads, which are all that the detector distinguishes."""
    if not (target.chords and detected.chords):
        return ""
    wanted, found = triads(target), triads(detected)
    count = min(len(wanted), len(found))
    wanted, found = wanted[:count], found[:count]
    known = wanted != LEFT_OUT
    return f", the same {100 * np.mean((wanted == found)[known]):.0f}% of the time" if known.any() else ""


def _span(notes: Sequence[Note]) -> str:
    if not notes:
        return "none"
    pitches = [midi for _, _, midi in notes]
    low, high = (f"{_NOTES[midi % 12]} {midi // 12 - 1}" for midi in (min(pitches), max(pitches)))
    return f"{len(notes)} notes from {low} to {high}" if len(notes) > 1 else f"1 note, {low}"


def downbeats_met(target: Annotation, detected: Annotation) -> int:
    """Number of the target's downbeats with their own detected downbeat within the tolerance."""
    from mir_eval.util import match_events

    return len(match_events(np.array(target.downbeats_s), np.array(detected.downbeats_s), TOLERANCE_S))


def _chords(target: Annotation, detected: Annotation, *, duration_s: float, top: float) -> str:
    return _strip(target, duration_s=duration_s, top=top, kind="wanted") + _strip(
        detected, duration_s=duration_s, top=top + _STRIP + _GAP, kind="detected"
    )


def _strip(annotation: Annotation, *, duration_s: float, top: float, kind: str) -> str:
    """A box for every chord, coloured by the place of its root in the circle of fifths."""
    ends = [*(start for start, _ in annotation.chords[1:]), duration_s]
    parts = []
    for (start, label), end in zip(annotation.chords, ends, strict=False):
        left, right = _x(start, duration_s), _x(end, duration_s)
        if right <= left:
            continue
        chord = chord_parts(label)
        kind_of = "none" if chord is None else "minor" if chord[1].startswith("m") and "maj" not in chord[1] else ""
        hue = "" if chord is None else f' style="--h: {chord[0] * 7 % 12 * 30 + 20}"'
        text = ""
        if right - left > _LETTER * len(label) + 5:
            text = f'<text x="{(left + right) / 2:.1f}" y="{top + 11:.1f}">{escape(label)}</text>'
        title = escape(f"{kind} {label}, {start:.2f}–{end:.2f} s")
        parts.append(
            f'<g class="chord {kind} {kind_of}"{hue}><title>{title}</title>'
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(1.0, right - left - 1):.1f}" height="{_STRIP:g}" rx="2"/>'
            f"{text}</g>"
        )
    return "".join(parts)


def _roll(target: Annotation, detected: Annotation, *, duration_s: float, top: float) -> str:
    """Detected notes filled, with the target's notes as outlines over them."""
    pitches = [midi for _, _, midi in (*target.notes, *detected.notes)]
    low, high = min(pitches), max(pitches)
    spare = max(0, _LEAST_NOTES - (high - low)) / 2 + 0.5
    step = _ROLL / (high - low + 2 * spare)
    tall = max(2.6, step)
    parts = [f'<rect class="roll" x="0" y="{top:.1f}" width="{WIDTH:g}" height="{_ROLL:g}" rx="2"/>']
    for notes, kind in ((detected.notes, "detected"), (target.notes, "wanted")):
        for start, end, midi in notes:
            left, right = _x(start, duration_s), _x(end, duration_s)
            if right <= left:
                continue
            y = top + (high + spare - midi) * step - tall / 2
            parts.append(
                f'<rect class="note {kind}" x="{left:.1f}" y="{y:.1f}" width="{max(1.2, right - left - 0.6):.1f}" '
                f'height="{tall:.1f}" rx="1"/>'
            )
    return "".join(parts)


def _beats(target: Annotation, detected: Annotation, *, duration_s: float, top: float) -> str:
    """Marks of beats, with long downbeats; the target's above the line, the detected ones below."""
    middle = top + _BEATS + _GAP / 2
    parts = [f'<line class="ground" x1="0" x2="{WIDTH:g}" y1="{middle:.1f}" y2="{middle:.1f}"/>']
    for annotation, kind, side in ((target, "wanted", -1), (detected, "detected", 1)):
        for time, position in annotation.beats:
            if time <= duration_s:
                length = _BEATS if position == 1 else 0.4 * _BEATS
                x, kind_of = _x(time, duration_s), "downbeat" if position == 1 else "beat"
                parts.append(
                    f'<line class="{kind_of} {kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{middle:.1f}" '
                    f'y2="{middle + side * length:.1f}"/>'
                )
    return "".join(parts)


def _x(time_s: float, duration_s: float) -> float:
    return min(1.0, max(0.0, time_s / duration_s)) * WIDTH
