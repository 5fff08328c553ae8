"""All that the extractors hear in a piece of music.

Shapes: N audio samples, T frames of the melody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from counterpoint.analysis import chordino, melody, viterbi25
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import hear_beats
from counterpoint.analysis.melody import note_name
from counterpoint.analysis.picture import check_picture, save_picture
from counterpoint.audio import resample, stream_audio
from counterpoint.config import UserError, write_json

SAMPLE_RATE = 22_050
MELODY_RATE = 50.0
"""Frames a second of the melody, as in the paper's models with controls (5.2)."""
_TAGGED_S, _TOP_TAGS = 30, 5
_SHOWN = 48
"""Notes or downbeats in a line of text."""


def listen(audio: np.ndarray, *, sample_rate: int) -> Annotation:
    """Chords (Chordino where installed, else by Viterbi over 25 classes), melody and beats of audio of any length.

    Args:
        audio: [N] float in [-1, 1], N > 0.
        sample_rate: Hz.

    Raises:
        UserError: basic-pitch is not installed.
    """
    duration_s = len(audio) / sample_rate
    heard = melody.hear_melody(
        audio, sample_rate=sample_rate, frames=max(1, int(duration_s * MELODY_RATE)), frame_rate=MELODY_RATE
    )
    return Annotation(
        duration_s=duration_s,
        chords=hear_chords(audio, sample_rate=sample_rate),
        notes=melody.melody_notes(heard, frame_rate=MELODY_RATE),
        beats=hear_beats(audio, sample_rate=sample_rate),
    )


def hear_chords(audio: np.ndarray, *, sample_rate: int) -> tuple[tuple[float, str], ...]:
    """(start in seconds, label of `analysis.chords`) by the best extractor there is; each lasts until the next."""
    if chordino.is_installed():
        return chordino.hear_chords(audio, sample_rate=sample_rate)
    return viterbi25.recognise_chords(audio, sample_rate=sample_rate).stamps


def analyze(path: Path, *, picture: Path | None = None, json: Path | None = None) -> str:
    """Listen to an audio file of any length.

    Args:
        path: any file libsndfile reads.
        picture: a .png to draw to.
        json: where to write the `Annotation`; `generate --chords` reads the chords in it.

    Returns:
        What is heard, in words; the chords are a chart that `generate --chords` takes.

    Raises:
        UserError: a file that cannot be read, another suffix than .png, or basic-pitch is not installed.
    """
    if picture is not None:
        check_picture(picture)  # before, not after, a long wait
    audio = np.concatenate(list(stream_audio(path, sample_rate=SAMPLE_RATE)))
    heard = listen(audio, sample_rate=SAMPLE_RATE)
    tags = _tags(audio)
    if json is not None:
        write_json(json, {**heard.to_json(), "tags": tags})
    if picture is not None:
        save_picture(picture, heard, audio=audio, sample_rate=SAMPLE_RATE, title=path.name)
    return describe(heard, tags=tags)


def describe(heard: Annotation, *, tags: Mapping[str, float]) -> str:
    """A line each for the whole, chords, melody, downbeats and tags; of what is long the beginning, but all chords."""
    gaps = [later - earlier for (earlier, _), (later, _) in pairwise(heard.beats)]
    tempo = f", {60 / float(np.median(gaps)):.0f} beats a minute" if gaps else ""
    bar = f", {max(position for _, position in heard.beats)} to the bar" if heard.beats else ", no beat"
    lines = {
        "length": f"{heard.duration_s:.1f} s{tempo}{bar}",
        "chords": " ".join(f"{label}:{round(start, 2):g}" for start, label in heard.chords),
        "melody": _beginning([note_name(midi) for _, _, midi in heard.notes], what="notes"),
        "downbeats": _beginning([f"{time:.2f}" for time in heard.downbeats_s], what="downbeats"),
        "tags": ", ".join(f"{tag} {probability:.2f}" for tag, probability in tags.items()),
    }
    return "\n".join(f"{name:<10} {line or '-'}" for name, line in lines.items())


def _beginning(items: Sequence[str], *, what: str) -> str:
    more = f" ... ({len(items):,} {what})" if len(items) > _SHOWN else ""
    return " ".join(items[:_SHOWN]) + more


def _tags(audio: np.ndarray) -> dict[str, float]:
    """The likeliest tags of a piece's middle, and how likely; none where MusiCNN is not installed."""
    from counterpoint.analysis.musicnn import SAMPLE_RATE as RATE
    from counterpoint.analysis.musicnn import TAGS, load_musicnn

    try:
        network = load_musicnn()
    except UserError:
        return {}
    start = max(0, (len(audio) - _TAGGED_S * SAMPLE_RATE) // 2)
    middle = resample(audio[start : start + _TAGGED_S * SAMPLE_RATE], own_rate=SAMPLE_RATE, sample_rate=RATE)
    found = network(middle, sample_rate=RATE).probabilities
    return {TAGS[index]: round(float(found[index]), 3) for index in np.argsort(-found)[:_TOP_TAGS]}
