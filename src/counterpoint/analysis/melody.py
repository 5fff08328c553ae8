"""Melody from audio: the most salient of 53 notes in every frame (App. C), heard by basic-pitch.

Model: Bittner et al., "A lightweight instrument-agnostic model for polyphonic note transcription and multipitch
estimation" (ICASSP 2022). Its ONNX weights are read from the installed `basic-pitch` wheel by path; that package is
never imported. The paper's own detector (Bittner et al., 2017) gives what this one gives, a confidence for every note
and frame, and everything after that is App. C: restricted to the 53 notes, interpolated to the latent frame rate,
cut off below 0.5, then the argmax, or `REST` where nothing is left.

The model hears every note that sounds, and the most confident one is not always the lead's. On 64 clips of 10 s of the
embedded corpus that nothing was tuned on, 0.57 of the frames get the right note or rest, and 0.68 of those with a note
its pitch class; where the track is another clip's, 0.05 and 0.07. The highest note above the threshold, in place of the
most confident, would be right in 0.67 and 0.78; the paper's rule stays, since other music has its melody elsewhere.

Shapes: N audio samples, W windows, F = 172 frames a window, T latent frames, M = 53 notes.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.analysis.chords import ROOTS
from counterpoint.analysis.tracks import MELODY_HIGH, MELODY_LOW, NOT_GIVEN, REST, frame_times, runs
from counterpoint.audio import resample
from counterpoint.config import UserError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

REMEDY = "Melodies need the basic-pitch wheel for its weights; run `pip install --no-deps basic-pitch==0.4.0`."
SAMPLE_RATE = 22_050
THRESHOLD = 0.5
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


def hear_melody(audio: np.ndarray, *, sample_rate: int, frames: int, frame_rate: float) -> np.ndarray:
    """The melody as a track (see `analysis.tracks`).

    Args:
        audio: [N] float in [-1, 1], of any length.
        sample_rate: Hz.
        frames: T.
        frame_rate: of the track, Hz.

    Returns:
        [T] int16, `REST` where no note reaches a confidence of 0.5.

    Raises:
        UserError: basic-pitch is not installed.
    """
    confidence = note_confidence(audio, sample_rate=sample_rate, times_s=frame_times(frames, frame_rate=frame_rate))
    heard = confidence.max(axis=1) >= THRESHOLD
    return np.where(heard, confidence.argmax(axis=1), REST).astype(np.int16)


def melody_notes(track: np.ndarray, *, frame_rate: float) -> tuple[tuple[float, float, int], ...]:
    """(start, end, MIDI number), seconds, of every stretch of one note in a melody track [T]."""
    return tuple(
        (start / frame_rate, stop / frame_rate, MELODY_LOW + note)
        for start, stop, note in runs(track)
        if note not in (REST, NOT_GIVEN)
    )


def note_name(midi: int) -> str:
    """Such as C4, which is 60."""
    return f"{ROOTS[midi % 12]}{midi // 12 - 1}"


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
