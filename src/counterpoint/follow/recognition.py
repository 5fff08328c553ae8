"""Analysis of clips for the requested controls, stored beside each clip.

Shapes: N audio samples, T frames of 20 ms, F frames of chroma, P = 12 pitch classes.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from counterpoint.analysis import chordino
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import tempo_of, track_beats
from counterpoint.analysis.listen import detect_chords
from counterpoint.analysis.melody import follow_melody
from counterpoint.analysis.tonality import chroma
from counterpoint.audio import load_audio, normalize_loudness, resample
from counterpoint.codec import Codec, decode, encode_audio
from counterpoint.config import atomic_write
from counterpoint.follow.measures import FRAME_RATE, Detected
from counterpoint.metrics import Clip
from counterpoint.metrics.adherence_measures import triads

VERSION = "2"
"""Version of the recognition; results of other versions are not reused."""
SAMPLE_RATE = 22_050


def recogniser() -> str:
    """Name of the chord recogniser that `analyze` uses on this machine."""
    return "chordino" if chordino.is_installed() else "viterbi25"


@dataclass(frozen=True, eq=False)
class Through:
    """A codec that music passes through before it is analysed.

    Attributes:
        view: the decoded view, which is the view that the model draws.
    """

    codec: Codec
    view: Literal["codes", "latents"]

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        """Reconstruct audio [N] at the codec's sample rate."""
        encoding = encode_audio(audio, self.codec)
        decoded = decode(self.codec, **{self.view: getattr(encoding, self.view)})
        return decoded[0, : len(audio)].cpu().numpy()


def detect(clip: Clip, *, ask: str, kept: Path, through: Through | None = None) -> Detected:
    """Analyse a clip, or read its stored analysis.

    Args:
        ask: chords, melody, drums or tempo.
        kept: file of the analysis, which is created.
        through: a codec through which the clip is passed first.

    Raises:
        UserError: the clip cannot be read, or the extractor is not installed.
    """
    found = _read(kept)
    if found is None:
        rate = SAMPLE_RATE if through is None else through.codec.sample_rate
        audio, _ = load_audio(clip.audio, sample_rate=rate, start_s=clip.start_s, duration_s=clip.duration_s)
        if through is not None:
            audio = resample(through(audio), own_rate=rate, sample_rate=SAMPLE_RATE)
        found = _detect(normalize_loudness(audio, sample_rate=SAMPLE_RATE), ask=ask)
        arrays = {name: value for name, value in vars(found).items() if value is not None}
        atomic_write(kept, lambda temporary: np.savez_compressed(temporary, **arrays))
    return found


def _detect(audio: np.ndarray, *, ask: str) -> Detected:
    if ask == "chords":
        stamps, confidence = detect_chords(audio, sample_rate=SAMPLE_RATE)
        detected = Annotation(len(audio) / SAMPLE_RATE, chords=stamps)
        return Detected(chords=triads(detected), chroma=chroma(audio), confidence=_number(confidence))
    if ask == "melody":
        count = max(1, round(len(audio) / SAMPLE_RATE * FRAME_RATE))
        line = follow_melody(audio, sample_rate=SAMPLE_RATE, frames=count, frame_rate=FRAME_RATE)
        return Detected(melody=line.track, confidence=_number(line.confidence))
    beats = track_beats(audio, sample_rate=SAMPLE_RATE)
    return Detected(tempo_bpm=tempo_of([time for time, _ in beats]))


def _number(confidence: float | None) -> float:
    return float("nan") if confidence is None else confidence


def _read(kept: Path) -> Detected | None:
    try:
        with np.load(kept) as arrays:
            values = {name: arrays[name] for name in arrays.files}
    except (FileNotFoundError, zipfile.BadZipFile, ValueError, EOFError):
        return None
    tempo_bpm, confidence = (float(values.pop(name, np.nan)) for name in ("tempo_bpm", "confidence"))
    return Detected(**values, tempo_bpm=tempo_bpm, confidence=confidence)
