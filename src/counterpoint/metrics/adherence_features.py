"""The features that the measures of adherence compare: chords, beats and the strongest pitch class of a clip.

Shapes: N audio samples, F frames of chroma, P = 12 pitch classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from counterpoint.analysis import chordino
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import detect_beats, find_checkpoint, track_bars
from counterpoint.analysis.confidence import Confidence
from counterpoint.analysis.viterbi25 import recognise_chords
from counterpoint.audio import SILENCE_PEAK, load_audio, normalize_loudness
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.metrics.adherence_measures import LEFT_OUT
from counterpoint.metrics.base import Clip

SAMPLE_RATE = 32_000
CHROMA_WINDOW, CHROMA_HOP = 2**14, 2**12
"""Samples at 32 kHz, 0.512 and 0.128 s, as in the evaluation of MusicGen (audiocraft, `radix2_exp: 14`)."""


@dataclass(frozen=True, eq=False)
class ClipAnalysis:
    """The chords, beats and pitch classes of a clip, detected or exact.

    Attributes:
        annotation: its chords by `viterbi25` and its beats by librosa, which need no weights; a detected one has no
            notes.
        published: the same by the paper's own extractors, Chordino and beat_this, if they are installed.
        pitch_classes: [F] the strongest from C = 0, frame f at f * 0.128 s; `LEFT_OUT` in silence.
        silent: nothing above -60 dBFS.
        confidence: probabilities of the chords, metre and downbeats of `annotation`; empty for exact ones.
    """

    annotation: Annotation
    published: Annotation
    pitch_classes: np.ndarray
    silent: bool = False
    confidence: Confidence = field(default_factory=Confidence)

    @classmethod
    def of_exact(cls, annotation: Annotation) -> ClipAnalysis:
        """The exact annotation; its pitch classes are those of the melody."""
        melody = note_pitch_classes(annotation.notes, duration_s=annotation.duration_s)
        return cls(annotation, published=annotation, pitch_classes=melody)

    def first(self, duration_s: float) -> ClipAnalysis:
        """The beginning of the clip."""
        if duration_s >= self.annotation.duration_s:
            return self
        return replace(
            self,
            annotation=self.annotation.cut(0.0, duration_s),
            published=self.published.cut(0.0, duration_s),
            pitch_classes=self.pitch_classes[: chroma_frames(duration_s)],
        )


def analyze_clip(clip: Clip, *, device: str = "cpu") -> ClipAnalysis:
    """Read a clip, normalise its loudness, and detect its chords, beats and pitch classes; beat_this runs on `device`.

    Silence has no beats and no pitch class, and its chord is N.

    Raises:
        UserError: the file is missing, broken or empty.
    """
    raw, _ = load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)
    audio = normalize_loudness(raw, sample_rate=SAMPLE_RATE)
    sound = {"audio": audio, "sample_rate": SAMPLE_RATE}
    duration_s = len(raw) / SAMPLE_RATE
    chords, bars = recognise_chords(**sound), track_bars(**sound)
    silent = bool(np.abs(raw).max() < SILENCE_PEAK)
    sure = None if silent else float(chords.certainty.mean())
    return ClipAnalysis(
        Annotation(duration_s, chords=chords.stamps, beats=bars.beats),
        published=Annotation(
            duration_s,
            chords=chordino.detect_chords(**sound) if chordino.is_installed() else (),
            beats=detect_beats(**sound, device=device) if find_checkpoint() else (),
        ),
        pitch_classes=strongest_pitch_classes(audio),
        silent=silent,
        confidence=Confidence(chords=sure, metre=bars.metre, downbeats=bars.downbeats),
    )


def strongest_pitch_classes(audio: np.ndarray) -> np.ndarray:
    """[F] argmax of the 12-bin chroma of audio [N] at 32 kHz; `LEFT_OUT` where a frame is silent.

    As audiocraft's ChromaExtractor: power spectra of centred Hann windows of 2^14 samples every 2^12, librosa's chroma
    filters at tuning 0. There a silent frame is a C, and two silences agree; here they do not count.
    """
    reach = CHROMA_WINDOW // 2
    frames = chroma_frames(len(audio) / SAMPLE_RATE)
    padded = np.pad(audio, reach, mode="reflect" if len(audio) > reach else "constant")
    padded = np.pad(padded, (0, CHROMA_HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, CHROMA_WINDOW)[::CHROMA_HOP][:frames]
    window = np.hanning(CHROMA_WINDOW + 1)[:-1].astype(np.float32)
    magnitudes = np.abs(np.fft.rfft(windows * window, axis=1)) / window.sum()
    strongest = (np.square(magnitudes) @ _chroma_filters().T).argmax(axis=1)
    return np.where(magnitudes.max(axis=1) < 0.5 * SILENCE_PEAK, LEFT_OUT, strongest)


def note_pitch_classes(notes: Sequence[tuple[float, float, int]], *, duration_s: float) -> np.ndarray:
    """[F] pitch class of the melody at the centre of each frame of chroma; if two notes overlap, that of the later
    one."""
    times = np.arange(chroma_frames(duration_s)) * CHROMA_HOP / SAMPLE_RATE
    classes = np.full(len(times), LEFT_OUT)
    for start, end, midi in sorted(notes):
        classes[(times >= start) & (times < end)] = midi % 12
    return classes


def chroma_frames(duration_s: float) -> int:
    """F: the number of hops that begin within the audio."""
    return -(-round(duration_s * SAMPLE_RATE) // CHROMA_HOP)


@cache
def _chroma_filters() -> np.ndarray:
    """[P, bins]."""
    return import_librosa().filters.chroma(sr=SAMPLE_RATE, n_fft=CHROMA_WINDOW, tuning=0.0)
