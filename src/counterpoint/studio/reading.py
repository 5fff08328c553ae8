"""What the studio's reader does: look at what people give before a model does. It runs in a process of its own, so that
a file that makes a decoder crash or wait is one refused file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.config import UserError
from counterpoint.studio.worker import Message, Task

LONGEST_S = 600.0
"""Of a file of audio."""
MIDI_SUFFIXES = (".mid", ".midi", ".kar")
_KIT = {"kick": 36, "snare": 38, "hat": 42, "open hat": 46, "clap": 39, "tom": 45}
"""Rows of a step grid, and the notes of General MIDI that play them."""


def carry_out(asked: Message, task: Task) -> Message:
    """Read what was given; see `worker.CarryOut`.

    Args:
        asked: `read`, which of `READERS`, and what that takes.
    """
    task.check()
    return READERS[asked["read"]]({name: value for name, value in asked.items() if name != "read"})


def _music(asked: dict[str, Any]) -> dict[str, Any]:
    """The facts of a file of audio."""
    from counterpoint.studio.facts import require_music

    return _nameless(asked, lambda path: require_music(path, longest_s=LONGEST_S))


def _melody(asked: dict[str, Any]) -> dict[str, Any]:
    """The notes of a MIDI file, or the facts of audio with a melody in it."""
    if Path(asked["path"]).suffix not in MIDI_SUFFIXES:
        return _music(asked)
    from counterpoint.generate.midi import load_midi

    midi = _nameless(asked, load_midi)
    notes = [(note.start, note.end, note.pitch) for part in midi.instruments if not part.is_drum for note in part.notes]
    if not notes:
        raise UserError("This MIDI file holds no notes but drums; give one with a melody.")
    return {"duration_s": round(midi.get_end_time(), 3), "notes": sorted(notes)[:2000]}


def _chart(asked: dict[str, Any]) -> dict[str, Any]:
    """The chords of a chart over time, and what was taken for what."""
    from counterpoint.generate.chart import read_chords

    text = asked["chords"]
    if not any(sign in text for sign in " :|"):
        raise UserError('Write chords with their times, such as "C:0 Am:2", or in bars, such as "120 bpm | C | Am |".')
    chart = read_chords(f"{text} ")  # with a space behind it, a text names no file
    spans = [[start, None if np.isinf(end) else end, label] for start, end, label in chart.spans]
    return {"spans": spans, "taken_for": chart.taken_for}


def _notes(asked: dict[str, Any]) -> dict[str, Any]:
    """A MIDI file of the notes of a piano roll."""
    from mido import Message as Event
    from mido import MidiFile, MidiTrack

    events = [
        (time, kind, midi)
        for start, end, midi in asked["notes"]
        for time, kind in ((start, "note_on"), (end, "note_off"))
    ]
    track, ticks, now = MidiTrack(), 960, 0  # at MIDI's usual 120 beats a minute
    for time, kind, midi in sorted(events, key=lambda event: (event[0], event[1] == "note_on")):
        at = round(time * ticks)
        track.append(Event(kind, note=midi, velocity=90, time=at - now))
        now = at
    file = MidiFile(ticks_per_beat=ticks // 2)
    file.tracks.append(track)
    file.save(asked["out"])
    return {"duration_s": max(end for _, end, _ in asked["notes"])}


def _grid(asked: dict[str, Any]) -> dict[str, Any]:
    """A drum loop of a step grid, played by the soundfont, as long as is asked."""
    from counterpoint.audio import normalize_loudness, save_audio
    from counterpoint.compose.render import SAMPLE_RATE, Note, Part, render_part

    rows, step_s, duration_s = asked["rows"], 60 / asked["bpm"] / 4, asked["duration_s"]
    count = max(len(steps) for steps in rows.values())
    strokes = [
        Note(place * step_s, place * step_s + 0.1, _KIT[name], 100)
        for place in range(int(np.ceil(duration_s / step_s)))
        for name, steps in rows.items()
        if steps[place % count]
    ]
    if not strokes:
        raise UserError("The step grid has no stroke: set some steps, or leave the drums out.")
    part = Part("drums", "kit", 0, 0.0, tuple(strokes))
    audio = render_part(part, samples=round(duration_s * SAMPLE_RATE))
    save_audio(Path(asked["out"]), normalize_loudness(audio, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    return {"duration_s": duration_s}


def _warm(asked: dict[str, Any]) -> dict[str, Any]:
    """Import what the others need."""
    _chart({"chords": "C:0 "})
    return {}


READERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "music": _music,
    "melody": _melody,
    "drums": _music,
    "chart": _chart,
    "notes": _notes,
    "grid": _grid,
    "warm": _warm,
}
GIVEN = ("music", "melody", "drums")
"""Those that read a file that somebody uploads."""
KIT = tuple(_KIT)


def _nameless(asked: dict[str, Any], read: Callable[[Path], Any]) -> Any:
    """What `read` makes of a file; its errors do not say where the file lies."""
    path = Path(asked["path"])
    try:
        return read(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), "This file")) from None
