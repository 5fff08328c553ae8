"""Melody from audio: the likeliest line through the salience of 53 notes (App. C), estimated by basic-pitch.

Model: Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch
estimation" (ICASSP 2022). Its ONNX weights are read from the installed `basic-pitch` wheel by path; that package is
never imported. The paper's own detector (Bittner et al., 2017) has the same output, a confidence for every note
and frame, restricted to the 53 notes.

Deviation from App. C, which takes the most confident note above 0.5 in every frame: the model detects every note that
sounds, so that such a melody leaps from voice to voice. Here the melody is the best path (Viterbi) through the
confidences, with a price for each change of note that grows with the leap and a small bonus for higher notes. On 40
clips of 10 s of the embedded corpus that were not used for tuning, 0.70 of the frames have the right note or rest, and
0.82 of the frames with a note have its pitch class, against 0.51 and 0.65 by the paper's rule; 44% of the notes by the
paper's rule are shorter than 0.1 s, and 2% of the notes of the path.

Shapes: N audio samples, W windows, F = 172 frames a window, T latent frames, M = 53 notes, L frames of the line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.analysis.paths import best_path, path_certainty
from counterpoint.analysis.tracks import MELODY_HIGH, MELODY_LOW, NOT_GIVEN, REST, frame_times, runs
from counterpoint.audio import SILENCE_PEAK, resample
from counterpoint.config import UserError
from counterpoint.config.borrowed import borrow, can_borrow, command_for

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

REMEDY = f"Melodies need the basic-pitch wheel for its weights; run `{command_for('basic_pitch')}`."
SAMPLE_RATE = 22_050
LINE_RATE = 50.0
"""Frame rate of the line in Hz, independent of the rate of the track."""
_THRESHOLD = 0.4
"""Confidence above which a note in the middle of the range is likelier than a rest."""
_HEIGHT = 0.008
"""Bonus of a note over the note a semitone below: most melodies lie above their accompaniment."""
_CHANGE, _LEAP, _FARTHEST = 0.5, 0.05, 12
"""Price of a change of note or a rest, price per semitone, and the leap beyond which the price stays constant; a
confidence higher by 0.1 for 0.1 s outweighs a price of 0.5."""
_SHARPNESS = 4.0
"""Factor from confidences to log-likelihoods. With 4 the certainty of a frame is about the share of such frames that
are right: 0.90 of the frames with 0.9 or more, 0.61 of the frames from 0.5 to 0.7."""
_LEAST_NOTE_S = 0.08
"""Shorter notes, in seconds, are artefacts of a change from one note to the next."""
_HOP = 256
_WINDOW, _WINDOW_FRAMES = 43_844, 172
_CUT = 15
"""Frames dropped at either end of a window, where the network has too little context."""
_STEP = (_WINDOW_FRAMES - 2 * _CUT) * _HOP
"""Samples from window to window: whole frames, so that the kept frames are evenly spaced. The published code steps
by 188 samples less and corrects the times afterwards."""
_WINDOWS_AT_ONCE = 4
_LOWEST = 21
"""MIDI number of the network's first of 88 notes."""


@dataclass(frozen=True, eq=False)
class Melody:
    """The estimated melody.

    Attributes:
        track: [T] int16, see `analysis.tracks`.
        certainty: [T] the probability of each frame's note or rest over all paths.
    """

    track: np.ndarray
    certainty: np.ndarray

    @property
    def confidence(self) -> float | None:
        """Mean certainty over the sounding notes; None if there are none."""
        sounds = self.track != REST
        return float(self.certainty[sounds].mean()) if sounds.any() else None


def detect_melody(audio: np.ndarray, *, sample_rate: int, frames: int, frame_rate: float) -> np.ndarray:
    """Estimate the melody track [T]; see `follow_melody`."""
    return follow_melody(audio, sample_rate=sample_rate, frames=frames, frame_rate=frame_rate).track


def follow_melody(audio: np.ndarray, *, sample_rate: int, frames: int, frame_rate: float) -> Melody:
    """Estimate the likeliest melodic line.

    Args:
        audio: [N] float in [-1, 1], of any length.
        sample_rate: Hz.
        frames: T.
        frame_rate: frame rate of the track in Hz.

    Returns:
        The line, which rests where the audio is below -60 dBFS.

    Raises:
        UserError: basic-pitch is not installed.
    """
    count = max(1, round(len(audio) / sample_rate * LINE_RATE))
    confidence = note_confidence(audio, sample_rate=sample_rate, times_s=frame_times(count, frame_rate=LINE_RATE))
    confidence[_is_silent(audio, sample_rate=sample_rate, count=count)] = 0.0
    height = _HEIGHT * (np.arange(REST) - REST // 2)
    scores = _SHARPNESS * np.concatenate([confidence + height, np.full((count, 1), _THRESHOLD)], axis=1)
    moves = _SHARPNESS * _prices()
    path = best_path(scores, moves=moves)
    certainty = path_certainty(path, scores=scores, moves=moves)
    middles = frame_times(frames, frame_rate=frame_rate) * LINE_RATE
    place = np.clip(np.ceil(middles - 1e-6).astype(np.int64) - 1, 0, count - 1)  # rounds down
    return Melody(_without_slips(path)[place].astype(np.int16), certainty[place])


@cache
def _prices() -> np.ndarray:
    """Transition costs [M + 1, M + 1] between the notes and the rest, which is last; staying is free."""
    notes = np.arange(REST)
    prices = np.full((REST + 1, REST + 1), -_CHANGE)
    prices[:REST, :REST] -= _LEAP * np.minimum(np.abs(notes[:, None] - notes), _FARTHEST)
    np.fill_diagonal(prices, 0.0)
    return prices


def _without_slips(line: np.ndarray) -> np.ndarray:
    """The line [L] with very short notes merged into the note before them."""
    line = line.copy()
    for start, stop, note in runs(line):
        if note != REST and stop - start < _LEAST_NOTE_S * LINE_RATE:
            line[start:stop] = line[start - 1] if start else REST
    return line


def _is_silent(audio: np.ndarray, *, sample_rate: int, count: int) -> np.ndarray:
    """Whether [L] each frame of the line and its neighbours are below -60 dBFS."""
    edges = np.minimum(np.arange(count) * sample_rate / LINE_RATE, max(0, len(audio) - 1)).astype(np.int64)
    peaks = np.maximum.reduceat(np.abs(audio), edges) if len(audio) else np.zeros(count)
    around = np.pad(peaks, 2)
    return np.lib.stride_tricks.sliding_window_view(around, 5).max(axis=1) < SILENCE_PEAK


def melody_notes(track: np.ndarray, *, frame_rate: float) -> tuple[tuple[float, float, int], ...]:
    """(start, end, MIDI number) in seconds of every note in a melody track [T]."""
    return tuple(
        (start / frame_rate, stop / frame_rate, MELODY_LOW + note)
        for start, stop, note in runs(track)
        if note not in (REST, NOT_GIVEN)
    )


def note_confidence(audio: np.ndarray, *, sample_rate: int, times_s: np.ndarray) -> np.ndarray:
    """[T, M] float32 confidences in [0, 1] of the notes G2-B6 at `times_s` [T], linearly interpolated."""
    confidence = np.concatenate(list(_confidences(resample(audio, own_rate=sample_rate, sample_rate=SAMPLE_RATE))))
    place = np.clip(times_s * SAMPLE_RATE / _HOP, 0, len(confidence) - 1)
    before = np.minimum(place.astype(np.int64), len(confidence) - 2)
    weight = (place - before).astype(np.float32)[:, None]
    return (1 - weight) * confidence[before] + weight * confidence[before + 1]


def _confidences(audio: np.ndarray) -> Iterator[np.ndarray]:
    """Confidences [F', M] of the frames at 0, 256, 512, ... samples of `audio` [N], in groups of windows."""
    session = _session()
    count = max(1, -(-len(audio) // _STEP))
    padded = np.pad(audio.astype(np.float32, copy=False), (_CUT * _HOP, count * _STEP + _WINDOW - len(audio)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_STEP][:count]
    notes = slice(MELODY_LOW - _LOWEST, MELODY_HIGH + 1 - _LOWEST)
    for first in range(0, count, _WINDOWS_AT_ONCE):
        batch = windows[first : first + _WINDOWS_AT_ONCE, :, None]
        [found] = session.run(["StatefulPartitionedCall:1"], {session.get_inputs()[0].name: batch})
        yield np.asarray(found)[:, _CUT:-_CUT, notes].reshape(-1, MELODY_HIGH + 1 - MELODY_LOW)


@cache
def _session() -> InferenceSession:
    if not is_installed():
        raise UserError(REMEDY)
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()  # type: ignore[attr-defined]
    options.intra_op_num_threads = 1  # several pieces of music at once use the cores better
    return onnxruntime.InferenceSession(_weights(), options, providers=["CPUExecutionProvider"])


def is_installed() -> bool:
    """Whether a melody can be recognised, after an attempt to fetch what that needs."""
    return can_borrow("basic_pitch") and _weights().is_file()


def _weights() -> Path:
    """Path of the network in the wheel of basic-pitch."""
    return borrow("basic_pitch") / "saved_models" / "icassp_2022" / "nmp.onnx"
