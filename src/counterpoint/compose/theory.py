"""Keys, scales, progressions and voicings. Pitches are MIDI numbers, pitch classes semitones above C."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoint.analysis.chords import KINDS, bass_pitch_class, chord_label

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "hirajoshi": (0, 2, 3, 7, 8),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}

_NUMERALS = {"I": 0, "II": 2, "III": 4, "IV": 5, "V": 7, "VI": 9, "VII": 11}
_TOKEN = re.compile(r"([b#]?)(VII|VI|IV|V|III|II|I)(.*)")


@dataclass(frozen=True)
class Chord:
    """One chord of a piece: pitch class of the root, kind (a key of `analysis.chords.KINDS`), span in quarter beats."""

    root: int
    kind: str
    start: float
    end: float

    @property
    def label(self) -> str:
        return chord_label(self.root, self.kind)

    @property
    def tones(self) -> tuple[int, ...]:
        """Pitch classes from the root upward."""
        return tuple((self.root + step) % 12 for step in KINDS[self.kind])

    @property
    def bass(self) -> int:
        bass = bass_pitch_class(self.label)
        assert bass is not None
        return bass


def progression(text: str, *, tonic: int, bar_beats: float, bars: int) -> list[Chord]:
    """Chords of `bars` bars from a line such as `Imaj7 | VIm7 | IIm7 V7`, which is repeated if it is too short.

    Numerals count from the major scale of the tonic in either mode (so a minor key has bIII, bVI, bVII); chords in a
    bar have equal lengths. Equal neighbours become one chord.
    """
    cells = [cell.split() for cell in text.split("|")]
    chords: list[Chord] = []
    for bar in range(bars):
        cell = cells[bar % len(cells)]
        for index, token in enumerate(cell):
            match = _TOKEN.fullmatch(token)
            assert match is not None and match[3] in KINDS, token
            root = (tonic + _NUMERALS[match[2]] + {"": 0, "b": -1, "#": 1}[match[1]]) % 12
            start = (bar + index / len(cell)) * bar_beats
            end = (bar + (index + 1) / len(cell)) * bar_beats
            if chords and (chords[-1].root, chords[-1].kind) == (root, match[3]):
                chords[-1] = Chord(root, match[3], chords[-1].start, end)
            else:
                chords.append(Chord(root, match[3], start, end))
    return chords


def chord_at(chords: Sequence[Chord], beat: float) -> Chord:
    """The chord that sounds at a beat (the last one beyond the end)."""
    return next((chord for chord in chords if beat < chord.end - 1e-6), chords[-1])


def chord_scale(scale: Sequence[int], tonic: int, chord: Chord) -> list[int]:
    """Pitch classes that suit a melody over a chord: its tones and the scale's notes, without those a semitone away
    from a chord tone that the scale lacks (so the V of a minor key has the leading tone instead of the seventh)."""
    pcs = {(tonic + step) % 12 for step in scale}
    foreign = {tone for tone in chord.tones if tone not in pcs}
    kept = {pc for pc in pcs if not any((pc - tone) % 12 in (1, 11) for tone in foreign)}
    return sorted(kept | set(chord.tones))


def nearest(pcs: Sequence[int], target: float, *, low: int, high: int) -> int:
    """The pitch in [low, high] of one of the classes nearest to `target` (the lower one of two).

    A range of less than an octave may contain none of the classes; then the pitch nearest to `target` is returned.
    """
    pitches = [pitch for pitch in range(low, high + 1) if pitch % 12 in pcs] or range(low, high + 1)
    return min(pitches, key=lambda pitch: (abs(pitch - target), pitch))


def voice_lead(
    chord: Chord, previous: Sequence[int] | None, *, centre: float, voices: int, spread: bool = False
) -> list[int]:
    """The closed (or, spread, drop-2) position of a chord that moves least from the previous voicing, near `centre`."""
    tones = chord.tones if voices >= len(chord.tones) else _essential(chord)[:voices]
    best: tuple[float, list[int]] | None = None
    for inversion in range(len(tones)):
        order = [*tones[inversion:], *tones[:inversion]]
        for octave in range(1, 8):
            pitches = _stack(order, octave * 12, voices)
            if spread and len(pitches) >= 4:
                pitches = sorted([pitches[-2] - 12, *pitches[:-2], pitches[-1]])
            distance = abs(sum(pitches) / len(pitches) - centre)
            if previous:
                distance = 0.4 * distance + sum(min(abs(p - q) for q in previous) for p in pitches) / len(pitches)
            if best is None or distance < best[0] - 1e-9:
                best = (distance, pitches)
    assert best is not None
    return best[1]


def _essential(chord: Chord) -> list[int]:
    """A chord's tones by importance: third, seventh or sixth, root, fifth."""
    steps = KINDS[chord.kind]
    order = sorted(range(len(steps)), key=lambda i: {3: 0, 4: 0, 10: 1, 11: 1, 9: 1, 0: 2}.get(steps[i], 3))
    return [chord.tones[i] for i in order]


def _stack(order: Sequence[int], base: int, voices: int) -> list[int]:
    pitches: list[int] = []
    floor = base
    for index in range(voices):
        pitch = floor + (order[index % len(order)] - floor) % 12
        pitches.append(pitch)
        floor = pitch + 1
    return pitches
