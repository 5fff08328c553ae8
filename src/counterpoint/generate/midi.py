"""MIDI files with times in seconds, whichever track has their tempo.

The standard requires the tempo of a file on its first track, and `pretty_midi` reads it only there; many programs write
it elsewhere. Here the tempo events of all tracks count, and files with time division in film frames are read, too.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import UserError
from counterpoint.config.paths import require_file

if TYPE_CHECKING:
    from mido import MidiFile, MidiTrack
    from pretty_midi import PrettyMIDI

SUFFIXES = (".mid", ".midi", ".kar")
_MOST_BYTES = 32 << 20
_SEQUENCES = 2
"""The type of files whose tracks are independent pieces, each with its own tempo."""
_MICROSECONDS = 1_000_000
_FILM_RATES = {24: 24.0, 25: 25.0, 29: 30 / 1.001, 30: 30.0}
"""Frames per second by their code; 29 is the drop-frame rate of television."""


def load_midi(path: Path) -> PrettyMIDI:
    """Read all notes of a MIDI file, with times in seconds.

    Raises:
        UserError: there is no such file, it is damaged, or its tracks are independent pieces.
    """
    from mido import MidiFile
    from pretty_midi import PrettyMIDI

    require_file(path, what="MIDI file", most_bytes=_MOST_BYTES)
    try:
        midi = MidiFile(str(path), clip=True)
        if midi.type == _SEQUENCES:
            raise UserError(f"{path} contains several independent sequences (MIDI type 2); save one as type 1.")
        midi.tracks = [_tempo_track(midi), *filter(None, midi.tracks)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about tempo events on later tracks, which were copied to the first one
            return PrettyMIDI(mido_object=midi)
    except UserError:
        raise
    except Exception as error:  # the parsers raise many kinds of errors for broken files
        reason = str(error) or type(error).__name__
        raise UserError(f"{path} cannot be read as MIDI ({reason}); export it again.") from None


def _tempo_track(midi: MidiFile) -> MidiTrack:
    """The tempo events of all tracks in order of time, as the first track needs them."""
    from mido import MetaMessage, MidiTrack, merge_tracks

    if midi.ticks_per_beat < 0:
        midi.ticks_per_beat, tempo = _film_time(midi.ticks_per_beat)
        return MidiTrack([MetaMessage("set_tempo", tempo=tempo, time=0), MetaMessage("end_of_track")])
    tempi, since = MidiTrack(), 0
    for event in merge_tracks(midi.tracks):
        since += event.time
        if event.type == "set_tempo" and event.tempo > 0:
            tempi.append(event.copy(time=since))
            since = 0
    tempi.append(MetaMessage("end_of_track"))  # pretty_midi cannot read an empty track
    return tempi


def _film_time(division: int) -> tuple[int, int]:
    """(ticks per beat, microseconds per beat) of a time division in film frames, where tempo does not apply.

    Its high byte is the negative number of frames per second, its low byte the ticks of a frame; a beat here is as many
    frames as that number, about a second.
    """
    frames, ticks = -(division >> 8), division & 0xFF
    if frames not in _FILM_RATES or not ticks:
        raise ValueError(f"its time division {division} is unknown in MIDI")
    return frames * ticks, round(_MICROSECONDS * frames / _FILM_RATES[frames])
