"""The work of the studio's reader: check and read uploads and controls before a model uses them.

It runs in a separate process, so that a file on which a decoder crashes or hangs only causes one refused upload.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.config import UserError
from counterpoint.studio.worker import Message, Task

LONGEST_S = 600.0
"""Longest audio file in seconds."""
MIDI_SUFFIXES = (".mid", ".midi", ".kar")
_KIT = {"kick": 36, "snare": 38, "hat": 42, "open hat": 46, "clap": 39, "tom": 45}
"""The rows of a step grid, with their notes in General MIDI."""


def carry_out(request: Message, task: Task) -> Message:
    """Read an upload or a control; see `worker.CarryOut`.

    Args:
        request: `read`, the name of a reader in `READERS`, and the arguments of that reader.
    """
    task.check()
    return READERS[request["read"]]({name: value for name, value in request.items() if name != "read"})


def _music(request: dict[str, Any]) -> dict[str, Any]:
    """The properties of an audio file."""
    from counterpoint.studio.audio_facts import require_music

    return _without_path(request, lambda path: require_music(path, longest_s=LONGEST_S))


def _melody(request: dict[str, Any]) -> dict[str, Any]:
    """The notes of a MIDI file, or the properties of an audio file with a melody."""
    if Path(request["path"]).suffix not in MIDI_SUFFIXES:
        return _music(request)
    from counterpoint.generate.midi import load_midi

    midi = _without_path(request, load_midi)
    notes = [(note.start, note.end, note.pitch) for part in midi.instruments if not part.is_drum for note in part.notes]
    if not notes:
        raise UserError("This MIDI file has no notes except drums; choose one with a melody.")
    return {"duration_s": round(midi.get_end_time(), 3), "notes": sorted(notes)[:2000]}


def _chart(request: dict[str, Any]) -> dict[str, Any]:
    """The chords of a chart over time, and the chords that were replaced by simpler ones."""
    from counterpoint.generate.chart import read_chords

    text = request["chords"]
    if not any(sign in text for sign in " :|"):
        raise UserError('Write chords with their times, such as "C:0 Am:2", or in bars, such as "120 bpm | C | Am |".')
    chart = read_chords(f"{text} ")  # with a space at its end, the text cannot be the name of a file
    spans = [[start, None if np.isinf(end) else end, label] for start, end, label in chart.spans]
    return {"spans": spans, "taken_for": chart.taken_for}


def _notes(request: dict[str, Any]) -> dict[str, Any]:
    """Write the notes of a piano roll as a MIDI file."""
    from mido import Message as Event
    from mido import MidiFile, MidiTrack

    events = [
        (time, kind, midi)
        for start, end, midi in request["notes"]
        for time, kind in ((start, "note_on"), (end, "note_off"))
    ]
    track, ticks, now = MidiTrack(), 960, 0  # at MIDI's usual 120 beats a minute
    for time, kind, midi in sorted(events, key=lambda event: (event[0], event[1] == "note_on")):
        at = round(time * ticks)
        track.append(Event(kind, note=midi, velocity=90, time=at - now))
        now = at
    file = MidiFile(ticks_per_beat=ticks // 2)
    file.tracks.append(track)
    file.save(request["out"])
    return {"duration_s": max(end for _, end, _ in request["notes"])}


def _grid(request: dict[str, Any]) -> dict[str, Any]:
    """Render a step grid with the soundfont as a drum loop of the requested duration."""
    from counterpoint.audio import normalize_loudness, save_audio
    from counterpoint.compose.render import SAMPLE_RATE, Note, Part, render_part

    rows, step_s, duration_s = request["rows"], 60 / request["bpm"] / 4, request["duration_s"]
    count = max(len(steps) for steps in rows.values())
    strokes = [
        Note(place * step_s, place * step_s + 0.1, _KIT[name], 100)
        for place in range(int(np.ceil(duration_s / step_s)))
        for name, steps in rows.items()
        if steps[place % count]
    ]
    if not strokes:
        raise UserError("The step grid is empty; set some steps, or remove the drums.")
    part = Part("drums", "kit", 0, 0.0, tuple(strokes))
    audio = render_part(part, samples=round(duration_s * SAMPLE_RATE))
    save_audio(Path(request["out"]), normalize_loudness(audio, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)
    return {"duration_s": duration_s}


def _warm(request: dict[str, Any]) -> dict[str, Any]:
    """Import the libraries of the other readers."""
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
UPLOADS = ("music", "melody", "drums")
"""The readers of uploaded files."""
KIT = tuple(_KIT)


def _without_path(request: dict[str, Any], read: Callable[[Path], Any]) -> Any:
    """Apply `read` to a file; error messages do not contain the path of the file."""
    path = Path(request["path"])
    try:
        return read(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), "This file")) from None
