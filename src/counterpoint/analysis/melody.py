"""Melody from audio: the likeliest line through the salience of 53 notes (App. C), heard by basic-pitch.

Model: Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch
estimation" (ICASSP 2022). Its ONNX weights are read from the installed `basic-pitch` wheel by path; that package is
never imported. The paper's own detector (Bittner et al., 2017) gives what this one gives, a confidence for every note
and frame, restricted to the 53 notes.

Deviation from App. C, which takes the most confident note of every frame above 0.5: the model hears every note that
sounds, so that such a melody leaps from voice to voice. Here it is the best path (Viterbi) through the confidences, in
which a change of note has a price that grows with the leap, and higher notes count a little more. On 40 clips of 10 s
of the embedded corpus that nothing was tuned on, 0.70 of the frames get the right note or rest, and 0.82 of those with
a note its pitch class, against 0.51 and 0.65 by the paper's rule; of its notes 44% are shorter than 0.1 s, of the
line's 2%.

Shapes: N audio samples, W windows, F = 172 frames a window, T latent frames, M = 53 notes, L frames of the line.
"""

from __future__ import annotations

import importlib.util
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

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

REMEDY = "Melodies need the basic-pitch wheel for its weights; run `pip install --no-deps basic-pitch==0.4.0`."
SAMPLE_RATE = 22_050
LINE_RATE = 50.0
"""Hz, at which the line is followed, whatever the rate of the track."""
_THRESHOLD = 0.4
"""Confidence that a note in the middle of the range needs to be likelier than a rest."""
_HEIGHT = 0.008
"""By how much a note counts more than the one a semitone below: most melodies lie above what goes with them."""
_CHANGE, _LEAP, _FARTHEST = 0.5, 0.05, 12
"""Price of another note or a rest, of each semitone in between, and the leap beyond which it grows no more: 0.5 is what
a confidence that is higher by 0.1 brings in 0.1 s."""
_SHARPNESS = 4.0
"""Makes log-likelihoods of confidences. With 4 the certainty of a frame is about the share of such frames that are
right: 0.90 of those with 0.9 and more, 0.61 of those from 0.5 to 0.7."""
_LEAST_NOTE_S = 0.08
"""Shorter notes are slips of the line from one note to the next."""
_HOP = 256
_WINDOW, _WINDOW_FRAMES = 43_844, 172
_CUT = 15
"""Frames that are dropped at either end of a window, where the network hears too little of what is around."""
_STEP = (_WINDOW_FRAMES - 2 * _CUT) * _HOP
"""From window to window: whole frames, so that those which are kept follow each other evenly. The published code steps
by 188 samples less and corrects the times afterwards."""
_WINDOWS_AT_ONCE = 4
_LOWEST = 21
"""MIDI number of the network's first of 88 notes."""


@dataclass(frozen=True, eq=False)
class Melody:
    """A line that is heard.

    Attributes:
        track: [T] int16, see `analysis.tracks`.
        certainty: [T] the probability of each frame's note or rest among all lines through what sounds.
    """

    track: np.ndarray
    certainty: np.ndarray

    @property
    def confidence(self) -> float | None:
        """Mean certainty while a note sounds; None where there is none."""
        sounds = self.track != REST
        return float(self.certainty[sounds].mean()) if sounds.any() else None


def hear_melody(audio: np.ndarray, *, sample_rate: int, frames: int, frame_rate: float) -> np.ndarray:
    """[T] the track of `follow_melody`, which see."""
    return follow_melody(audio, sample_rate=sample_rate, frames=frames, frame_rate=frame_rate).track


def follow_melody(audio: np.ndarray, *, sample_rate: int, frames: int, frame_rate: float) -> Melody:
    """The likeliest line through all notes that sound.

    Args:
        audio: [N] float in [-1, 1], of any length.
        sample_rate: Hz.
        frames: T.
        frame_rate: of the track, Hz.

    Returns:
        The line, resting where nothing is louder than -60 dBFS.

    Raises:
        UserError: basic-pitch is not installed.
    """
    count = max(1, round(len(audio) / sample_rate * LINE_RATE))
    heard = note_confidence(audio, sample_rate=sample_rate, times_s=frame_times(count, frame_rate=LINE_RATE))
    heard[_is_silent(audio, sample_rate=sample_rate, count=count)] = 0.0
    height = _HEIGHT * (np.arange(REST) - REST // 2)
    scores = _SHARPNESS * np.concatenate([heard + height, np.full((count, 1), _THRESHOLD)], axis=1)
    moves = _SHARPNESS * _prices()
    path = best_path(scores, moves=moves)
    certainty = path_certainty(path, scores=scores, moves=moves)
    middles = frame_times(frames, frame_rate=frame_rate) * LINE_RATE
    place = np.clip(np.ceil(middles - 1e-6).astype(np.int64) - 1, 0, count - 1)  # the earlier of two, between frames
    return Melody(_without_slips(path)[place].astype(np.int16), certainty[place])


@cache
def _prices() -> np.ndarray:
    """[M + 1, M + 1] what a step from one note or the rest, which is last, to another costs; staying is free."""
    notes = np.arange(REST)
    prices = np.full((REST + 1, REST + 1), -_CHANGE)
    prices[:REST, :REST] -= _LEAP * np.minimum(np.abs(notes[:, None] - notes), _FARTHEST)
    np.fill_diagonal(prices, 0.0)
    return prices


def _without_slips(line: np.ndarray) -> np.ndarray:
    """[L] where very short notes belong to what is before them."""
    line = line.copy()
    for start, stop, note in runs(line):
        if note != REST and stop - start < _LEAST_NOTE_S * LINE_RATE:
            line[start:stop] = line[start - 1] if start else REST
    return line


def _is_silent(audio: np.ndarray, *, sample_rate: int, count: int) -> np.ndarray:
    """[L] whether nothing is louder than -60 dBFS in a frame of the line or in its neighbours."""
    edges = np.minimum(np.arange(count) * sample_rate / LINE_RATE, max(0, len(audio) - 1)).astype(np.int64)
    peaks = np.maximum.reduceat(np.abs(audio), edges) if len(audio) else np.zeros(count)
    around = np.pad(peaks, 2)
    return np.lib.stride_tricks.sliding_window_view(around, 5).max(axis=1) < SILENCE_PEAK


def melody_notes(track: np.ndarray, *, frame_rate: float) -> tuple[tuple[float, float, int], ...]:
    """(start, end, MIDI number), seconds, of every stretch of one note in a melody track [T]."""
    return tuple(
        (start / frame_rate, stop / frame_rate, MELODY_LOW + note)
        for start, stop, note in runs(track)
        if note not in (REST, NOT_GIVEN)
    )


def note_confidence(audio: np.ndarray, *, sample_rate: int, times_s: np.ndarray) -> np.ndarray:
    """[T, M] float32 confidences in [0, 1] of the notes G2-B6 at `times_s` [T], linearly interpolated."""
    heard = np.concatenate(list(_confidences(resample(audio, own_rate=sample_rate, sample_rate=SAMPLE_RATE))))
    place = np.clip(times_s * SAMPLE_RATE / _HOP, 0, len(heard) - 1)
    before = np.minimum(place.astype(np.int64), len(heard) - 2)
    weight = (place - before).astype(np.float32)[:, None]
    return (1 - weight) * heard[before] + weight * heard[before + 1]


def _confidences(audio: np.ndarray) -> Iterator[np.ndarray]:
    """[F', M] confidences of the frames at 0, 256, 512, ... samples of `audio` [N], windows after windows."""
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
    """Whether a melody can be heard."""
    return _weights().is_file()


def _weights() -> Path:
    """Where the wheel of basic-pitch keeps the network."""
    spec = importlib.util.find_spec("basic_pitch")
    [package, *_] = (spec.submodule_search_locations if spec is not None else None) or ["/nonexistent"]
    return Path(package) / "saved_models" / "icassp_2022" / "nmp.onnx"
