"""The lead melody: short motifs, repeated over the changing chords, chord tones on the beat and steps between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.analysis.tracks import MELODY_HIGH, MELODY_LOW
from counterpoint.compose.style import Lead
from counterpoint.compose.theory import (
    SCALES,
    Chord,
    chord_at,
    chord_scale,
    nearest,
)

PHRASE_BARS = 4
_TETHER = 7  # semitones from its centre at which a melody turns back
_FORMS = (
    "AABC",
    "ABAC",
    "AAAC",
    "ABBC",
    "AaBC",
)  # bars of a phrase: motifs A and B, `a` is A with another ending, C the cadence


@dataclass(frozen=True)
class Tone:
    """A note on the beat grid: start and end in beats, MIDI pitch, weight 0-1 (1: the strongest accent)."""

    start: float
    end: float
    midi: int
    weight: float


@dataclass(frozen=True)
class _Motif:
    onsets: tuple[tuple[float, float], ...]  # (start, end) in beats within the bar
    steps: tuple[int, ...]  # scale steps from the note before


def pattern_onsets(pattern: str, *, beats: float, bar: int = 0) -> list[tuple[float, float, str]]:
    """(start, end, letter) in beats of every note of a pattern's bar; see `style.py` for the letters."""
    alternatives = pattern.split("/")
    letters = alternatives[bar % len(alternatives)]
    step = beats / len(letters)
    notes: list[tuple[float, float, str]] = []
    for index, letter in enumerate(letters):
        if letter == "-" and notes:
            start, _, first = notes[-1]
            notes[-1] = (start, (index + 1) * step, first)
        elif letter not in ".-":
            notes.append((index * step, (index + 1) * step, letter))
    return notes


def write_melody(
    lead: Lead,
    *,
    chords: Sequence[Chord],
    tonic: int,
    mode: str,
    beats: int,
    bars: int,
    span: tuple[int, int],
    rng: np.random.Generator,
) -> list[Tone]:
    """The melody of `bars` bars within the instrument's range `span` and the 53 notes G2-B6."""
    low = max(MELODY_LOW, span[0], lead.centre - 10)
    high = min(MELODY_HIGH, span[1], lead.centre + 11)
    centre = min(max(lead.centre, low + 5), high - 5)
    scale = SCALES[lead.scale[mode]]
    first = int(rng.integers(len(lead.rhythms)))
    second = (first + 1 + int(rng.integers(max(1, len(lead.rhythms) - 1)))) % len(lead.rhythms)
    motifs = {
        "A": _motif(lead.rhythms[first], lead, beats=beats, rng=rng),
        "B": _motif(lead.rhythms[second], lead, beats=beats, rng=rng),
    }
    motifs["a"] = _Motif(motifs["A"].onsets, (*motifs["A"].steps[:-1], -motifs["A"].steps[-1]))
    form = _FORMS[int(rng.integers(len(_FORMS)))]
    tones: list[Tone] = []
    current = centre
    for bar in range(bars):
        letter = form[bar % PHRASE_BARS]
        if bar % PHRASE_BARS == 0:
            current = centre + int(rng.integers(-4, 5))
        cadence = lead.cadences[int(rng.integers(len(lead.cadences)))]
        motif = _motif(cadence, lead, beats=beats, rng=rng) if letter == "C" else motifs[letter]
        for place, ((start, end), step) in enumerate(zip(motif.onsets, motif.steps, strict=True)):
            begin, length = bar * beats + start, end - start
            chord = chord_at(chords, begin)
            pcs = chord_scale(scale, tonic, chord)
            if abs(current - centre) > _TETHER:  # turn back before it goes too far
                step = -abs(step) if current > centre else abs(step)
            target = _moved(current, step, pcs, low=low, high=high)
            strong = abs(start - round(start)) < 1e-6 or length >= 1.0
            if letter == "C" and place == len(motif.onsets) - 1:  # a phrase rests on the root or the third
                target = nearest(chord.tones[:2], target, low=low, high=high)
            elif strong:
                target = nearest(chord.tones, target, low=low, high=high)
                if tones and step and target == tones[-1].midi:  # the motif should move
                    target = _moved(target, 1 if step > 0 else -1, chord.tones, low=low, high=high)
            weight = 1.0 if start < 1e-6 else 0.75 if strong else 0.5
            tones.append(Tone(begin, begin + length * lead.gate, target, weight))
            current = target
    return tones


def _motif(rhythm: str, lead: Lead, *, beats: int, rng: np.random.Generator) -> _Motif:
    onsets = [(start, end) for start, end, _ in pattern_onsets(rhythm, beats=beats)]
    direction = 1 if rng.random() < 0.5 else -1
    steps: list[int] = []
    for index in range(len(onsets)):
        if index == 0:
            steps.append(int(rng.choice((-2, -1, 1, 2))))
            continue
        if rng.random() < 0.3:
            direction = -direction
        size = int(rng.integers(2, 5)) if rng.random() < lead.leap else 0 if rng.random() < 0.12 else 1
        steps.append(direction * size)
    return _Motif(tuple(onsets), tuple(steps))


def _moved(pitch: int, steps: int, pcs: Sequence[int], *, low: int, high: int) -> int:
    """The pitch `steps` scale steps from `pitch`; the direction is reversed at the limits of the range."""
    ladder = [note for note in range(low, high + 1) if note % 12 in pcs]
    here = min(range(len(ladder)), key=lambda i: (abs(ladder[i] - pitch), i))
    there = here + steps
    if not 0 <= there < len(ladder):
        there = here - steps
    return ladder[min(max(there, 0), len(ladder) - 1)]


def second_voice(
    tones: Sequence[Tone], *, chords: Sequence[Chord], scale: Sequence[int], tonic: int, low: int
) -> list[Tone]:
    """A voice a third below (a sixth if the third is not a chord tone on a strong note)."""
    voice: list[Tone] = []
    for tone in tones:
        chord = chord_at(chords, tone.start)
        pcs = chord.tones if tone.weight >= 0.75 else chord_scale(scale, tonic, chord)
        below = [p for p in range(tone.midi - 9, tone.midi - 2) if p % 12 in pcs and p >= low]
        if below:
            voice.append(Tone(tone.start, tone.end, below[-1], tone.weight * 0.8))
    return voice
