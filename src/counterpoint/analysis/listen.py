"""All extractors applied to one piece of music.

Shapes: N audio samples, T frames of the melody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from counterpoint.analysis import chordino, melody, viterbi25
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import detect_bars, tempo_of
from counterpoint.analysis.chords import NO_CHORD
from counterpoint.analysis.confidence import Confidence
from counterpoint.analysis.picture import check_picture, save_picture
from counterpoint.analysis.spelling import chord_name, key_of, note_name
from counterpoint.audio import SILENCE_PEAK, Sound, load_audio, resample, stream_audio
from counterpoint.config import UserError
from counterpoint.config.device import find_device

SAMPLE_RATE = 22_050
MELODY_RATE = 50.0
"""Frame rate of the melody in Hz, as in the paper's models with controls (5.2)."""
_BLOCK_S, _MARGIN_S = 60.0, 5.0
"""Seconds of audio analysed at once, and seconds of context on either side."""
_TAGGED_S, _TOP_TAGS, _SHORTEST_TAGGED_S = 30.0, 5, 1.0
_SHOWN = 48
"""Notes or downbeats shown in one line of text."""


@dataclass(frozen=True)
class Listening:
    """Detected chords, melody and beats of a piece, with their probabilities."""

    annotation: Annotation
    confidence: Confidence = field(default_factory=Confidence)


def listen(audio: np.ndarray, *, sample_rate: int) -> Listening:
    """Detect chords (Chordino if installed, else Viterbi over 25 classes), melody and beats of audio in memory.

    Args:
        audio: [N] float in [-1, 1], N > 0.
        sample_rate: Hz.

    Raises:
        UserError: basic-pitch is not installed.
    """
    return listen_on([resample(audio, own_rate=sample_rate, sample_rate=SAMPLE_RATE)])


def listen_on(pieces: Iterable[np.ndarray], *, device: str = "cpu") -> Listening:
    """Analyse audio of any length in constant memory; otherwise as `listen`.

    The audio is analysed minute by minute, each with some seconds of context, and the results are joined.

    Args:
        pieces: consecutive audio [N], float in [-1, 1], at `SAMPLE_RATE`.
        device: the device of networks in torch.
    """
    chords: list[tuple[float, str]] = []
    notes: list[tuple[float, float, int]] = []
    beats: list[tuple[float, int]] = []
    sure: list[tuple[float, Confidence]] = []
    start_s = 0.0
    for block in _blocks(pieces):
        found = _analyze_block(block.audio, device=device)
        lead_s, length_s = block.lead / SAMPLE_RATE, block.length / SAMPLE_RATE
        part = found.annotation.cut(lead_s, length_s)
        starts = [(start_s + start, label) for start, label in part.chords]
        chords += starts[1:] if chords and starts and starts[0][1] == chords[-1][1] else starts
        _add_notes(notes, [(start_s + start, start_s + end, midi) for start, end, midi in part.notes])
        _add_beats(beats, [(start_s + time, position) for time, position in part.beats])
        sure.append((length_s, found.confidence))
        start_s += length_s
    return Listening(Annotation(start_s, tuple(chords), tuple(notes), tuple(beats)), Confidence.mean(sure))


@dataclass(frozen=True, eq=False)
class _Block:
    """A stretch of audio [N] to analyse; the part that counts begins after `lead` samples and has `length` samples."""

    audio: np.ndarray
    lead: int
    length: int


def _blocks(pieces: Iterable[np.ndarray]) -> Iterator[_Block]:
    """Blocks whose counting parts are consecutive and cover all of the audio."""
    core, margin = round(_BLOCK_S * SAMPLE_RATE), round(_MARGIN_S * SAMPLE_RATE)
    held, lead = np.zeros(0, np.float32), 0
    for piece in pieces:
        held = np.concatenate([held, piece])
        while len(held) >= lead + core + 2 * margin:  # so that the last block is no shorter than a margin
            yield _Block(held[: lead + core + margin], lead, core)
            held, lead = held[lead + core - margin :], margin
    yield _Block(held, lead, len(held) - lead)


def _analyze_block(audio: np.ndarray, *, device: str) -> Listening:
    duration_s = len(audio) / SAMPLE_RATE
    if np.abs(audio).max(initial=0.0) < SILENCE_PEAK:
        return Listening(Annotation(duration_s, chords=((0.0, NO_CHORD),)))
    line = melody.follow_melody(
        audio, sample_rate=SAMPLE_RATE, frames=max(1, int(duration_s * MELODY_RATE)), frame_rate=MELODY_RATE
    )
    bars = detect_bars(audio, sample_rate=SAMPLE_RATE, device=device)
    chords, sure = detect_chords(audio, sample_rate=SAMPLE_RATE)
    notes = melody.melody_notes(line.track, frame_rate=MELODY_RATE)
    confidence = Confidence(chords=sure, melody=line.confidence, metre=bars.metre, downbeats=bars.downbeats)
    return Listening(Annotation(duration_s, chords=chords, notes=notes, beats=bars.beats), confidence)


def _add_notes(notes: list[tuple[float, float, int]], more: Sequence[tuple[float, float, int]]) -> None:
    """Append notes; a note that continues across the border of two blocks stays one note."""
    goes_on = notes and more and notes[-1][2] == more[0][2] and more[0][0] - notes[-1][1] < 1 / MELODY_RATE
    if goes_on:
        notes[-1] = (notes[-1][0], more[0][1], more[0][2])
    notes += more[1:] if goes_on else more


def _add_beats(beats: list[tuple[float, int]], more: Sequence[tuple[float, int]]) -> None:
    """Append beats; a beat at the border that is detected in both blocks counts once."""
    apart_s = 0.5 * (more[1][0] - more[0][0]) if len(more) > 1 else 0.0
    last_s = beats[-1][0] if beats else -math.inf
    beats += [beat for beat in more if beat[0] > last_s + apart_s]


def detect_chords(audio: np.ndarray, *, sample_rate: int) -> tuple[tuple[tuple[float, str], ...], float | None]:
    """Detect chords by the best extractor available, with their mean probability, which Chordino does not report.

    A chord is (start in seconds, label of `analysis.chords`) and lasts until the next.
    """
    if chordino.is_installed():
        return chordino.detect_chords(audio, sample_rate=sample_rate), None
    found = viterbi25.recognise_chords(audio, sample_rate=sample_rate)
    return found.stamps, float(found.certainty.mean())


@dataclass(frozen=True)
class Analysis:
    """The analysis of a piece of music; as text it is a few readable lines.

    Attributes:
        annotation: chords, melody and beats.
        confidence: probabilities of each of them.
        tags: the likeliest tags of the middle of the piece and their probabilities; empty for silence, for less than a
            second of audio, or if MusiCNN is not installed.
    """

    annotation: Annotation
    confidence: Confidence
    tags: Mapping[str, float]

    @property
    def duration_s(self) -> float:
        return self.annotation.duration_s

    @property
    def tempo_bpm(self) -> float | None:
        """Beats per minute; None if fewer than three beats were detected."""
        tempo = tempo_of([time for time, _ in self.annotation.beats])
        return None if np.isnan(tempo) else tempo

    @property
    def chart(self) -> str:
        """The chords in the format that `generate` accepts, with names spelled according to the key."""
        key = key_of(self.annotation)
        return " ".join(f"{chord_name(label, key=key)}:{round(start, 2):g}" for start, label in self.annotation.chords)

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values for `write_json`; `generate --chords` reads the chords in them."""
        return {**self.annotation.to_json(), "confidence": asdict(self.confidence), "tags": dict(self.tags)}

    def __str__(self) -> str:
        """One line each for the whole, chords, melody, downbeats, tags and confidence, spelled according to the key.

        Long lists other than the chords are cut short.
        """
        music, key = self.annotation, key_of(self.annotation)
        tempo = f", {self.tempo_bpm:.0f} beats per minute" if self.tempo_bpm else ""
        perhaps = "perhaps " if "metre" in self.confidence.low else ""
        bar = f", {perhaps}{max(position for _, position in music.beats)} beats per bar" if music.beats else ", no beat"
        lines = {
            "length": f"{music.duration_s:.1f} s{tempo}{bar}",
            "chords": self.chart,
            "melody": _beginning([note_name(midi, key=key) for _, _, midi in music.notes], what="notes"),
            "downbeats": _beginning([f"{time:.2f}" for time in music.downbeats_s], what="downbeats"),
            "tags": ", ".join(f"{tag} {probability:.2f}" for tag, probability in self.tags.items()),
            "confidence": _sureness(self.confidence),
        }
        return "\n".join(f"{name:<10} {line or '-'}" for name, line in lines.items())


def analyze(source: Path | Sound, *, device: str = "auto") -> Analysis:
    """Analyse music of any length; a file is read piece by piece.

    Args:
        device: the device of networks in torch, which find tags and, with beat_this, beats; as for `find_device`.

    Raises:
        UserError: the file cannot be read, basic-pitch is not installed, or there is no such device.
    """
    found = find_device(device)
    listening = listen_on(_pieces(source), device=found)
    tags = _tags(source, duration_s=listening.annotation.duration_s, device=found)
    return Analysis(listening.annotation, listening.confidence, tags)


def draw_analysis(path: Path, analysis: Analysis, *, source: Path | Sound, title: str = "") -> None:
    """Draw the analysis of `source` above its spectrogram, to a .png file.

    Raises:
        UserError: the suffix is not .png.
    """
    check_picture(path)
    save_picture(path, analysis.annotation, pieces=_pieces(source), sample_rate=SAMPLE_RATE, title=title)


def _pieces(source: Path | Sound) -> Iterable[np.ndarray]:
    """Consecutive pieces [N] of a source at `SAMPLE_RATE`."""
    if isinstance(source, Sound):
        return [source.resampled(SAMPLE_RATE).mono]
    return stream_audio(source, sample_rate=SAMPLE_RATE)


def _sureness(confidence: Confidence) -> str:
    """The probabilities in [0, 1] as text, with a warning if any is low."""
    return ", ".join(
        f"{name} {value:.2f}{' (low)' if name in confidence.low else ''}" for name, value in confidence.known().items()
    )


def _beginning(items: Sequence[str], *, what: str) -> str:
    more = f" ... ({len(items):,} {what})" if len(items) > _SHOWN else ""
    return " ".join(items[:_SHOWN]) + more


def _tags(source: Path | Sound, *, duration_s: float, device: str) -> dict[str, float]:
    """The tags of `Analysis.tags`."""
    from counterpoint.analysis.musicnn import SAMPLE_RATE as RATE
    from counterpoint.analysis.musicnn import TAGS, load_musicnn

    if duration_s < _SHORTEST_TAGGED_S:
        return {}
    try:
        network = load_musicnn(device)
    except UserError:
        return {}
    middle = _part(source, start_s=max(0.0, (duration_s - _TAGGED_S) / 2), duration_s=_TAGGED_S, sample_rate=RATE)
    if np.abs(middle).max() < SILENCE_PEAK:
        return {}
    found = network(middle, sample_rate=RATE).probabilities
    return {TAGS[index]: round(float(found[index]), 3) for index in np.argsort(-found)[:_TOP_TAGS]}


def _part(source: Path | Sound, *, start_s: float, duration_s: float, sample_rate: int) -> np.ndarray:
    """Audio [N] from `start_s`, at most `duration_s` long."""
    if not isinstance(source, Sound):
        return load_audio(source, sample_rate=sample_rate, start_s=start_s, duration_s=duration_s)[0]
    start, stop = (round(second * source.sample_rate) for second in (start_s, start_s + duration_s))
    return Sound(source.audio[:, start:stop], source.sample_rate).resampled(sample_rate).mono
