"""Composes a piece in a style: draws key, tempo, chords and players, and writes out every part in seconds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from counterpoint.analysis.chords import KINDS, ROOTS
from counterpoint.compose.instruments import DRUMS, INSTRUMENTS, KITS, Instrument
from counterpoint.compose.melody import PHRASE_BARS, Tone, pattern_onsets, second_voice, write_melody
from counterpoint.compose.render import Note, Part
from counterpoint.compose.style import Drums, Layer, Style
from counterpoint.compose.theory import SCALES, Chord, chord_at, nearest, progression, voice_lead

_T = TypeVar("_T")
_JITTER_S = {"drums": 0.004, "bass": 0.006, "lead": 0.009}
_LOUDNESS = {"X": 1.0, "x": 0.82, "o": 0.6, "?": 0.55, "d": 0.9, "u": 0.72}
_DRUM_RING_S = 1.5
_BELOW_LEAD = 9.0  # semitones between the melody's mean and the middle of the chords
_LOWEST_CENTRE = 52.0  # chords below it sound muddy


@dataclass(frozen=True)
class Piece:
    """A composed clip: its parts and the exact annotation. Times are in seconds."""

    style: Style
    tonic: int
    mode: str
    bpm: float
    duration_s: float
    parts: tuple[Part, ...]
    chords: tuple[tuple[float, str], ...]
    melody: tuple[tuple[float, float, int], ...]
    beats: tuple[tuple[float, int], ...]

    @property
    def key(self) -> str:
        return f"{ROOTS[self.tonic]} {self.mode}"

    @property
    def drums(self) -> Part | None:
        return next((part for part in self.parts if part.role == "drums"), None)


@dataclass(frozen=True)
class _Frame:
    """The time line on which every part is written."""

    style: Style
    bpm: float
    bars: int
    duration_s: float
    chords: list[Chord]

    def at(self, beat: float) -> float:
        """The time of a beat in seconds, with the style's swing."""
        unit = self.style.swing_unit
        whole, rest = divmod(beat / unit, 1.0)
        swing = self.style.swing
        rest = rest * 2 * swing if rest < 0.5 else swing + (rest - 0.5) * 2 * (1 - swing)
        return (whole + rest) * unit * 60.0 / self.bpm


def compose_piece(style: Style, *, tonic: int, mode: str, duration_s: float, rng: np.random.Generator) -> Piece:
    """Compose a piece of `duration_s` seconds; every draw comes from `rng`."""
    bpm = float(rng.integers(style.bpm[0], style.bpm[1] + 1))
    bars = math.ceil(duration_s * bpm / 60.0 / style.beats) + 1
    line = _pick(style.progressions[mode], rng)
    chords = progression(line, tonic=tonic, bar_beats=style.beats, bars=bars)
    frame = _Frame(style, bpm, bars, duration_s, chords)
    cast = [(layer, _pick(layer.instruments, rng)) for layer in style.layers if rng.random() < layer.chance]
    lead = _lead(frame, [name for _, name in cast], tonic=tonic, mode=mode, rng=rng)
    ceiling = sum(note.midi for note in lead[0].notes) / max(1, len(lead[0].notes)) - _BELOW_LEAD
    parts = [*lead, *(_layer(layer, INSTRUMENTS[name], frame, ceiling=ceiling, rng=rng) for layer, name in cast)]
    if style.drums is not None and rng.random() < style.drums.chance:
        parts.append(_drums(style.drums, frame, rng))
    return Piece(
        style=style,
        tonic=tonic,
        mode=mode,
        bpm=bpm,
        duration_s=duration_s,
        parts=tuple(part for part in parts if part.notes),
        chords=tuple((frame.at(c.start), c.label) for c in chords if frame.at(c.start) < duration_s - 1e-6),
        melody=tuple((n.start, n.end, n.midi) for n in lead[0].notes),
        beats=_beats(frame),
    )


def _pick(choices: Sequence[_T], rng: np.random.Generator) -> _T:
    return choices[int(rng.integers(len(choices)))]


def _wobble(rng: np.random.Generator) -> float:
    """A normal draw without its far tails."""
    return min(max(float(rng.standard_normal()), -2.0), 2.0)


def _beats(frame: _Frame) -> tuple[tuple[float, int], ...]:
    count = frame.style.beats
    times = [(frame.at(beat), beat % count + 1) for beat in range(frame.bars * count)]
    return tuple((time, position) for time, position in times if time < frame.duration_s - 1e-6)


def _play(
    frame: _Frame, start: float, end: float, midi: int, *, loudness: float, jitter_s: float, rng: np.random.Generator
) -> Note | None:
    """A note on the grid with human timing, cut at the clip's end; None if it would begin too late."""
    human = frame.style.human
    begin = max(0.0, frame.at(start) + human * jitter_s * _wobble(rng))
    if begin > frame.duration_s - 0.06:
        return None
    stop = min(max(frame.at(end), begin + 0.05), frame.duration_s)
    wobble = 1.0 + 0.06 * max(human, 0.2) * _wobble(rng)
    velocity = round(127 * frame.style.energy * (0.45 + 0.75 * loudness) * wobble)
    return Note(begin, stop, midi, min(max(velocity, 12), 127))


def _layer(layer: Layer, instrument: Instrument, frame: _Frame, *, ceiling: float, rng: np.random.Generator) -> Part:
    """An accompanying part, whose chords lie around `ceiling` or lower."""
    patterns = [_pick(layer.patterns, rng), _pick(layer.patterns, rng)]
    beats = frame.style.beats
    notes: list[Note] = []
    previous: list[int] | None = None
    voicings: dict[float, list[int]] = {}
    for bar in range(frame.bars):
        pattern = patterns[1] if bar % PHRASE_BARS == PHRASE_BARS - 1 else patterns[0]
        for start, end, letter in pattern_onsets(pattern, beats=beats, bar=bar):
            begin = bar * beats + start
            chord = chord_at(frame.chords, begin)
            stop = bar * beats + start + (end - start) * layer.gate
            if layer.role == "bass":
                upcoming = chord_at(frame.chords, (bar * beats + end) + 1e-6)
                pitch = _bass_pitch(letter, chord, upcoming, previous=previous, layer=layer, rng=rng)
                previous = [pitch]
                loud = 1.0 if letter == "R" else 0.8
                note = _play(frame, begin, stop, pitch, loudness=loud, jitter_s=_JITTER_S["bass"], rng=rng)
                notes += [note] if note else []
                continue
            if chord.start not in voicings:
                previous = _voicing(layer, chord, previous, ceiling=ceiling)
                voicings[chord.start] = previous
            notes += _struck(letter, begin, min(stop, chord.end), voicings[chord.start], instrument.high, frame, rng)
    return Part(layer.role, instrument.name, instrument.program, layer.level_db, tuple(notes))


def _voicing(layer: Layer, chord: Chord, previous: list[int] | None, *, ceiling: float) -> list[int]:
    if layer.role == "power":
        root = nearest((chord.root,), layer.centre, low=layer.centre - 6, high=layer.centre + 6)
        fifth = next((step for step in KINDS[chord.kind] if step in (6, 7, 8)), 7)
        return [root, root + fifth, root + 12]
    centre = max(min(layer.centre, ceiling), _LOWEST_CENTRE)
    return voice_lead(chord, previous, centre=centre, voices=layer.voices, spread=layer.spread)


def _struck(
    letter: str, start: float, end: float, voicing: list[int], high: int, frame: _Frame, rng: np.random.Generator
) -> list[Note]:
    """The notes of one letter of a chord pattern."""
    if letter == "?" and rng.random() < 0.5:
        return []
    if letter.isdigit():
        octave, index = divmod(int(letter), len(voicing))
        pitches = [voicing[index] + 12 * octave]
    else:
        pitches = list(voicing)
    if letter == "u":
        pitches = pitches[::-1]
    delay = 0.014 * frame.bpm / 60.0 if letter in "du" else 0.0  # a strum takes about 14 ms per string
    notes = []
    for index, pitch in enumerate(pitches):
        while pitch > high:
            pitch -= 12
        note = _play(
            frame, start + delay * index, end, pitch, loudness=_LOUDNESS.get(letter, 0.75), jitter_s=0.006, rng=rng
        )
        notes += [note] if note else []
    return notes


def _bass_pitch(
    letter: str, chord: Chord, upcoming: Chord, *, previous: list[int] | None, layer: Layer, rng: np.random.Generator
) -> int:
    """The bass note of a pattern letter, kept within an octave around the layer's centre."""
    low, high = layer.centre - 6, layer.centre + 6
    third = next((t for t in chord.tones if (t - chord.root) % 12 in (3, 4)), chord.root)
    fifth = next((t for t in chord.tones if (t - chord.root) % 12 in (6, 7, 8)), chord.root)
    seventh = next((t for t in chord.tones if (t - chord.root) % 12 in (9, 10, 11)), fifth)
    goal = low + (upcoming.bass - low) % 12
    if letter == "a":
        return goal + (-1 if rng.random() < 0.6 else 1 if rng.random() < 0.5 else -2)
    if letter == "w":
        last = previous[0] if previous else layer.centre
        options = [low + (pc - low) % 12 for pc in (*chord.tones, (chord.root + 2) % 12)]
        near = sorted({p for p in options if p != last}, key=lambda p: (abs(p - last), p))
        return near[int(rng.integers(min(2, len(near))))]
    pc = {"3": third, "5": fifth, "6": (chord.root + 9) % 12, "7": seventh}.get(letter, chord.bass)
    pitch = low + (pc - low) % 12
    if letter == "8":
        return pitch + 12
    return pitch - 12 if pitch > high else pitch


def _lead(frame: _Frame, used: list[str], *, tonic: int, mode: str, rng: np.random.Generator) -> list[Part]:
    """The lead part and, sometimes, its second voice; rarely on an instrument in use."""
    lead = frame.style.lead
    fresh = [name for name in lead.instruments if name not in used]
    names = fresh if fresh and rng.random() < 0.85 else list(lead.instruments)
    instrument = INSTRUMENTS[_pick(names, rng)]
    tones = write_melody(
        lead,
        chords=frame.chords,
        tonic=tonic,
        mode=mode,
        beats=frame.style.beats,
        bars=frame.bars,
        span=(instrument.low, instrument.high),
        rng=rng,
    )
    parts = [Part("lead", instrument.name, instrument.program, lead.level_db, _sung(tones, frame, rng))]
    if rng.random() < lead.thirds:
        voice = second_voice(
            tones, chords=frame.chords, scale=SCALES[lead.scale[mode]], tonic=tonic, low=instrument.low
        )
        parts.append(Part("harmony", instrument.name, instrument.program, lead.level_db - 4, _sung(voice, frame, rng)))
    return parts


def _sung(tones: Sequence[Tone], frame: _Frame, rng: np.random.Generator) -> tuple[Note, ...]:
    """A melody's notes, one at a time: a note ends where the next begins."""
    notes: list[Note] = []
    for tone in tones:
        arch = 0.1 * math.sin(math.pi * ((tone.start / frame.style.beats) % PHRASE_BARS) / PHRASE_BARS)
        loudness = 0.6 + 0.3 * tone.weight + arch
        note = _play(frame, tone.start, tone.end, tone.midi, loudness=loudness, jitter_s=_JITTER_S["lead"], rng=rng)
        if note is None:
            continue
        if notes and notes[-1].end > note.start:
            last = notes[-1]
            notes[-1] = Note(last.start, max(note.start, last.start + 0.03), last.midi, last.velocity)
        notes.append(note)
    return tuple(notes)


def _drums(drums: Drums, frame: _Frame, rng: np.random.Generator) -> Part:
    """A groove with a fill in the last bar of every phrase and a crash after it."""
    kit = _pick(drums.kits, rng)
    groove = _pick(drums.grooves, rng)
    beats = frame.style.beats
    notes: list[Note] = []
    for bar in range(frame.bars):
        last = bar % PHRASE_BARS == PHRASE_BARS - 1
        pattern = {**groove, **_pick(drums.fills, rng)} if last and drums.fills else groove
        lanes = dict(pattern)
        if drums.crash and bar % PHRASE_BARS == 0 and bar > 0:
            lanes["crash"] = "X" + "." * (beats - 1)
        for lane, text in lanes.items():
            for start, _, letter in pattern_onsets(text, beats=beats, bar=bar):
                if letter == "?" and rng.random() < 0.5:
                    continue
                begin = bar * beats + start
                note = _play(
                    frame, begin, begin + 0.1, DRUMS[lane],
                    loudness=_LOUDNESS[letter], jitter_s=_JITTER_S["drums"], rng=rng,
                )  # fmt: skip
                if note is not None:
                    notes.append(Note(note.start, note.start + _DRUM_RING_S, note.midi, note.velocity))
    return Part("drums", kit, KITS[kit], drums.level_db, tuple(sorted(notes, key=lambda n: (n.start, n.midi))))
