"""The definition of a style. The styles themselves are in `styles`; `piece.py` composes a piece from one.

Patterns are strings that cover one bar in equal steps, whatever their length; a `/` separates the bars of a longer
pattern. A `-` holds the note before it, a `.` rests. The other letters:

    chords  X x o  all notes, loud to soft      0-9  one note of the voicing, counted from below (wraps an octave up)
            d u    strummed down, up            ?    all notes, half the time
    bass    R r    root, strong or light        3 5 6 7 8  that degree of the chord (8: the octave)
            a      a step towards the next root w    walking: chosen among chord tones and steps
    drums   X x o  loud to soft                 ?    a ghost note, half the time
    lead    x      a note (its pitch is chosen by the melody)
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Layer:
    """An accompanying part.

    Attributes:
        role: `chords`, `pad`, `arpeggio`, `power` (root, fifth and octave alone) or `bass`.
        instruments: one is drawn for each piece.
        patterns: one is drawn for each piece (sometimes a second for variety).
        centre: MIDI pitch around which the chords lie (lower if the melody needs the range), or near which the bass
            stays.
        level_db: level relative to the lead.
        voices: number of notes in a chord.
        chance: probability that a piece has this part.
        gate: share of a note's length that sounds.
        spread: whether chords are in open position.
    """

    role: str
    instruments: tuple[str, ...]
    patterns: tuple[str, ...]
    centre: int = 60
    level_db: float = -5.0
    voices: int = 3
    chance: float = 1.0
    gate: float = 0.95
    spread: bool = False


@dataclass(frozen=True)
class Lead:
    """The melody: instruments, rhythms of one bar, and how it moves.

    Attributes:
        instruments: one is drawn for each piece.
        rhythms: bar rhythms; two are drawn for each piece and repeated as motifs.
        cadences: rhythms of a phrase's last bar.
        scale: per mode, a key of `theory.SCALES`.
        centre: MIDI pitch around which it moves.
        leap: probability of a jump of a third or more between weak notes.
        gate: share of a note's length that sounds.
        level_db: level of the part.
        thirds: probability of a second voice a third or sixth below.
    """

    instruments: tuple[str, ...]
    rhythms: tuple[str, ...]
    cadences: tuple[str, ...]
    scale: dict[str, str]
    centre: int = 72
    leap: float = 0.25
    gate: float = 0.92
    level_db: float = 1.5
    thirds: float = 0.0


@dataclass(frozen=True)
class Drums:
    """The drum part.

    Attributes:
        kits: one is drawn for each piece.
        grooves: patterns as {lane of `instruments.DRUMS`: bar pattern}; one is drawn for each piece.
        fills: lanes that replace the groove's in the last bar of a phrase.
        crash: whether a cymbal opens a phrase.
        level_db: level relative to the lead.
        chance: probability that a piece has drums.
        words: names in captions.
    """

    kits: tuple[str, ...]
    grooves: tuple[dict[str, str], ...]
    fills: tuple[dict[str, str], ...] = ()
    crash: bool = True
    level_db: float = 1.0
    chance: float = 1.0
    words: tuple[str, ...] = ("drums", "a drum kit", "a steady drum beat")


@dataclass(frozen=True)
class Style:
    """A style of music.

    Attributes:
        name: key of the style, stored with a clip.
        genres: names in captions.
        bpm: range of the tempo of the perceived beat.
        meter, beats: time signature and perceived beats per bar (6/8 has two).
        swing: position of the off-beat in its unit (0.5 straight, 0.67 triplet).
        swing_unit: the span that is swung, in beats (1: swung eighths, 0.5: swung sixteenths).
        modes: share of major and minor pieces.
        progressions: per mode, lines for `theory.progression`.
        moods: per mode, adjectives that fit.
        feels: phrases for the time feel.
        pulse: perceived speed relative to the bpm (a bossa nova at 130 is relaxed), for the words slow and fast.
        human: looseness of the timing (0 machine, 1 people).
        energy: mean velocity, 0-1.
        room: (decay in seconds, wet level).
    """

    name: str
    genres: tuple[str, ...]
    bpm: tuple[int, int]
    modes: dict[str, float]
    progressions: dict[str, tuple[str, ...]]
    moods: dict[str, tuple[str, ...]]
    feels: tuple[str, ...]
    layers: tuple[Layer, ...]
    lead: Lead
    drums: Drums | None = None
    meter: str = "4/4"
    beats: int = 4
    swing: float = 0.5
    swing_unit: float = 1.0
    pulse: float = 1.0
    human: float = 1.0
    energy: float = 0.72
    room: tuple[float, float] = (0.9, 0.12)
