"""MIDI files as programs write them: their tempo counts on whichever track it stands, and in every kind of time."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import mido
import numpy as np
import pytest

from counterpoint.config import UserError
from counterpoint.generate.midi import load_midi

BEAT = 480
SLOW, FAST = mido.bpm2tempo(60), mido.bpm2tempo(240)


def write(path: Path, *tracks: list[mido.Message | mido.MetaMessage], kind: int = 1) -> Path:
    midi = mido.MidiFile(type=kind, ticks_per_beat=BEAT)
    midi.tracks.extend(mido.MidiTrack(track) for track in tracks)
    midi.save(str(path))
    return path


def tempo(value: int, *, after: int = 0) -> mido.MetaMessage:
    return mido.MetaMessage("set_tempo", tempo=value, time=after)


def notes(count: int) -> list[mido.Message]:
    """Quarter notes one after the other."""
    pitches = range(60, 60 + count)
    return [
        message
        for pitch in pitches
        for message in (
            mido.Message("note_on", note=pitch, velocity=90, time=0),
            mido.Message("note_off", note=pitch, time=BEAT),
        )
    ]


def starts(path: Path) -> list[float]:
    return [note.start for part in load_midi(path).instruments for note in part.notes]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_tempo_counts_on_any_track(tmp_path: Path, place: int) -> None:
    tracks = [[], notes(3), [], []]
    tracks[place] = [tempo(SLOW), *tracks[place]]
    assert starts(write(tmp_path / "a.mid", *tracks)) == pytest.approx([0.0, 1.0, 2.0])


def test_tempi_of_several_tracks_count_together(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.mid", [tempo(SLOW)], notes(5), [tempo(FAST, after=2 * BEAT)], [tempo(SLOW, after=4 * BEAT)]
    )
    assert starts(path) == pytest.approx([0.0, 1.0, 2.0, 2.25, 2.5])


def test_one_track_and_no_tempo(tmp_path: Path) -> None:
    assert starts(write(tmp_path / "a.mid", [tempo(SLOW), *notes(2)], kind=0)) == pytest.approx([0.0, 1.0])
    assert starts(write(tmp_path / "b.mid", notes(2))) == pytest.approx([0.0, 0.5]), "120 beats a minute"


@pytest.mark.parametrize(("frames", "rate"), [(24, 24.0), (25, 25.0), (29, 30 / 1.001), (30, 30.0)])
def test_ticks_of_film_frames_take_no_tempo(tmp_path: Path, frames: int, rate: float) -> None:
    path = write(tmp_path / "a.mid", [tempo(FAST)], notes(3))
    content = bytearray(path.read_bytes())
    content[12:14] = struct.pack(">bB", -frames, 40)
    path.write_bytes(content)
    seconds = BEAT / (40 * rate)
    assert starts(path) == pytest.approx([0.0, seconds, 2 * seconds], rel=1e-5)


def test_what_cannot_be_played_is_one_sentence(tmp_path: Path) -> None:
    sequences = write(tmp_path / "a.mid", notes(1), notes(1), kind=2)
    with pytest.raises(UserError, match=re.escape(f"{sequences} contains several independent sequences")):
        load_midi(sequences)
    with pytest.raises(UserError, match="is a folder; give a MIDI file"):
        load_midi(tmp_path)


def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    content = write(tmp_path / "a.mid", [tempo(SLOW)], notes(4)).read_bytes()
    random, refused = np.random.default_rng(0), 0
    for _ in range(60):
        broken = bytearray(content)
        for place in random.integers(0, len(content), 3):
            broken[place] = random.integers(0, 256)
        (tmp_path / "b.mid").write_bytes(broken[: random.integers(1, len(content) + 1)])
        try:
            load_midi(tmp_path / "b.mid")
        except UserError as error:
            refused += 1
            assert "b.mid" in str(error)
    assert refused > 10
