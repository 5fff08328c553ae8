"""Controls besides the caption, as tracks for one model: chords, a melody, drums (4.5, App. C).

Every control begins with the clip. If it ends sooner, the rest is left open; if it ends later, it is cut.

Shapes: J controls of the model, T frames of the clip, N audio samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.analysis.chords import chord_index, vocabulary
from counterpoint.analysis.confidence import LOW
from counterpoint.analysis.melody import follow_melody, melody_notes
from counterpoint.analysis.tracks import MELODY_HIGH, MELODY_LOW, NOT_GIVEN, REST, frame_times, runs
from counterpoint.audio import SILENCE_PEAK, Sound, audio_duration_s, frames, load_audio, normalize_loudness
from counterpoint.codec import Codec, blurred_codes
from counterpoint.config import UserError
from counterpoint.config.schema import ControlName
from counterpoint.generate.chart import HOW, read_chords
from counterpoint.generate.chord_symbols import NOT_REQUESTED
from counterpoint.generate.midi import SUFFIXES as MIDI_SUFFIXES
from counterpoint.generate.midi import load_midi
from counterpoint.generate.model import LoadedModel
from counterpoint.generate.requested import ControlSources, RequestedControls

if TYPE_CHECKING:
    from pretty_midi import Instrument, PrettyMIDI

MELODY_NAMES = ("melody", "lead", "vocal")
"""A MIDI track with one of these words in its name is the melody."""


@dataclass(frozen=True)
class _Clip:
    """The clip of the controls: T and the frame rate in Hz."""

    frames: int
    frame_rate: float

    @property
    def duration_s(self) -> float:
        return self.frames / self.frame_rate

    @property
    def times(self) -> np.ndarray:
        return frame_times(self.frames, frame_rate=self.frame_rate)

    def free(self) -> np.ndarray:
        """A track [T] without requests."""
        return np.full(self.frames, NOT_GIVEN, dtype=np.int16)

    def cut_remarks(self, name: object, duration_s: float) -> list[str]:
        """A remark on a control of this duration if it is cut."""
        if duration_s <= self.duration_s + 1 / self.frame_rate:
            return []
        return [f"{name} is {duration_s:.1f} s long and was cut to the {self.duration_s:.1f} s of the clip."]


def read_controls(sources: ControlSources, *, model: LoadedModel, duration_s: float) -> RequestedControls:
    """Read the tracks of a clip of `duration_s` seconds.

    Raises:
        UserError: the model was not trained with a control, or a control cannot be read or requests nothing.
    """
    given, known = sources.requested(), model.paradigm.config.controls
    require_known(list(given), known=known)
    frame_rate = model.paradigm.latent.frame_rate
    clip = _Clip(frames(duration_s, frame_rate=frame_rate), frame_rate)
    tracks: dict[ControlName, np.ndarray] = {}
    remarks: list[str] = []
    if sources.chords is not None:
        tracks["chords"], said = _read_chords(sources.chords, clip)
        remarks += said
    if sources.melody is not None:
        tracks["melody"], said = _read_melody(sources.melody, clip)
        remarks += said
    if sources.drums is not None:
        tracks["drums"], said = _read_drums(sources.drums, clip, codec=model.codec)
        remarks += said
    chords = runs(tracks["chords"]) if "chords" in tracks else []
    return RequestedControls(
        np.stack([tracks.get(name, clip.free()) for name in known]),
        sources=given,
        chords=[
            (start / frame_rate, None if label == NOT_GIVEN else vocabulary()[label]) for start, _, label in chords
        ],
        notes=melody_notes(tracks["melody"], frame_rate=frame_rate) if "melody" in tracks else [],
        remarks=remarks,
    )


def require_known(given: Sequence[str], *, known: Sequence[str]) -> None:
    """Refuse controls that a model with the controls `known` was not trained with.

    Raises:
        UserError: there are such controls; the sentence names them.
    """
    foreign = [name for name in given if name not in known]
    if foreign and not known:
        raise UserError(
            f"This model accepts only a caption and no {' or '.join(foreign)}: train one with model.controls, "
            'as in --set "model.controls=[chords, melody, drums]".'
        )
    if foreign:
        raise UserError(
            f"This model was trained without {' and '.join(foreign)}; it has {' and '.join(known)}: leave out the "
            "others, or train one with more model.controls."
        )


def _read_chords(source: str, clip: _Clip) -> tuple[np.ndarray, list[str]]:
    chart = read_chords(source)
    name = "The chord chart" if chart.is_typed else source
    late = [(start, label) for start, _, label in chart.spans if start >= clip.duration_s]
    if late and (chart.is_typed or len(late) == len(chart.spans)):
        start, label = late[0]
        raise UserError(
            f"{name} has {label} at {start:g} s, past the end of the {clip.duration_s:g} s clip; raise --duration-s or "
            "leave it out."
        )
    track = clip.free()
    for start, end, label in chart.spans:
        if label != NOT_REQUESTED:
            track[(clip.times >= start) & (clip.times < end)] = chord_index(label)
    if (track == NOT_GIVEN).all():
        raise UserError(f"{name} has no chord within the clip; {HOW}.")
    said = [f"{given} is not among the 193 known chords; it became {used}." for given, used in chart.taken_for.items()]
    if chart.left_out:
        said.append(f"Intervals of {name} without a positive length were left out: {chart.left_out}.")
    last_start, last_end, _ = chart.spans[-1]
    return track, said + clip.cut_remarks(name, last_end if np.isfinite(last_end) else last_start)


def _read_melody(source: Path | Sound, clip: _Clip) -> tuple[np.ndarray, list[str]]:
    if isinstance(source, Path) and source.suffix.lower() in MIDI_SUFFIXES:
        return _play_melody(source, clip)
    name = _name(source, what="melody")
    audio, sample_rate, duration_s = _load(source, clip, sample_rate=None)
    if np.abs(audio).max() < SILENCE_PEAK:
        raise UserError(f"{name} is silent, so it has no melody; use a louder recording, or a MIDI file.")
    count = min(clip.frames, frames(len(audio) / sample_rate, frame_rate=clip.frame_rate))
    audio = normalize_loudness(audio, sample_rate=sample_rate)
    line = follow_melody(audio, sample_rate=sample_rate, frames=count, frame_rate=clip.frame_rate)
    track = clip.free()
    track[:count] = line.track
    if not np.isin(track, (REST, NOT_GIVEN), invert=True).any():
        raise UserError(f"No note from G2 to B6 was detected in {name}; use a clearer recording, or a MIDI file.")
    return track, [*_uncertainty(name, line.confidence), *clip.cut_remarks(name, duration_s)]


def _uncertainty(name: str, confidence: float | None) -> list[str]:
    """A warning about a melody of low confidence, if it has one."""
    if confidence is None or confidence >= LOW:
        return []
    return [
        f"The melody detected in {name} has a low confidence ({confidence:.2f}) and may be another voice: "
        "`counterpoint analyze` shows the notes, and a MIDI file or a recording of the melody alone is more reliable."
    ]


def _play_melody(path: Path, clip: _Clip) -> tuple[np.ndarray, list[str]]:
    """The highest note of the melody's track at every time, with its rests; open after the music ends."""
    midi = load_midi(path)
    notes = _melody_part(midi, path=path).notes
    moved = {note.pitch: _into_range(note.pitch) for note in notes}
    track = clip.free()
    track[clip.times < midi.get_end_time()] = REST
    for note in sorted(notes, key=lambda note: moved[note.pitch]):
        track[(clip.times >= note.start) & (clip.times < note.end)] = moved[note.pitch] - MELODY_LOW
    if not np.isin(track, (REST, NOT_GIVEN), invert=True).any():
        first = min(note.start for note in notes)
        raise UserError(f"The melody of {path} begins at {first:.1f} s, after the end of the clip; raise --duration-s.")
    outside = sum(moved[note.pitch] != note.pitch for note in notes)
    said = [f"{outside} of the {len(notes)} notes of {path} are outside G2-B6 and were transposed into it by octaves."]
    return track, (said if outside else []) + clip.cut_remarks(path, midi.get_end_time())


def _into_range(pitch: int) -> int:
    """The MIDI number in G2-B6 that is the fewest octaves away."""
    octaves = min(0, (MELODY_HIGH - pitch) // 12) or max(0, -((pitch - MELODY_LOW) // 12))
    return pitch + 12 * octaves


def _melody_part(midi: PrettyMIDI, *, path: Path) -> Instrument:
    """The part named as the melody, else the highest on average."""
    parts = [part for part in midi.instruments if part.notes and not part.is_drum]
    if not parts:
        drums = any(part.notes for part in midi.instruments)
        raise UserError(
            f"{path} contains {'only drums' if drums else 'no notes'}, so it has no melody; use a MIDI file "
            "with the melody on a track of its own."
        )
    named = [part for part in parts if any(word in part.name.lower() for word in MELODY_NAMES)]
    return max(named or parts, key=lambda part: float(np.mean([note.pitch for note in part.notes])))


def _read_drums(source: Path | Sound, clip: _Clip, *, codec: Codec) -> tuple[np.ndarray, list[str]]:
    """The drum track as it is, including silence, which requests no drums."""
    audio, _, duration_s = _load(source, clip, sample_rate=codec.sample_rate)
    codes = blurred_codes(codec, audio)[: clip.frames]
    track = clip.free()
    track[: len(codes)] = codes
    return track, clip.cut_remarks(_name(source, what="drum loop"), duration_s)


def _name(source: Path | Sound, *, what: str) -> str:
    """The name of a source in messages."""
    return f"the {what} in memory" if isinstance(source, Sound) else str(source)


def _load(source: Path | Sound, clip: _Clip, *, sample_rate: int | None) -> tuple[np.ndarray, int, float]:
    """Audio [N] up to the clip's end, its sample rate in Hz, and the duration of the source in seconds."""
    if isinstance(source, Sound):
        part = Sound(source.audio[:, : max(1, round(clip.duration_s * source.sample_rate))], source.sample_rate)
        part = part if sample_rate is None else part.resampled(sample_rate)
        return part.mono, part.sample_rate, source.duration_s
    duration_s = audio_duration_s(source)
    audio, rate = load_audio(source, sample_rate=sample_rate, duration_s=clip.duration_s)
    return audio, rate, duration_s
