"""Beats and downbeats by beat_this, the paper's own detector, which needs a checkpoint.

Model: Foscarin, Schlüter and Widmer, "Beat this! Accurate beat tracking without DBN postprocessing" (ISMIR 2024). The
network comes from the wheel `beat-this`. Its pre- and post-processing need torchaudio and are written here: a log-mel
spectrogram at 50 Hz, windows of 30 s that overlap by 6 frames at either end, and the peaks above one half.

Shapes: N audio samples, T frames at 50 Hz, F = 128 mel bands.
"""

from __future__ import annotations

import inspect
from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.audio import resample
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.config import UserError
from counterpoint.config.borrowed import borrow_module, command_for
from counterpoint.config.weights import read_pickle

SAMPLE_RATE = 22_050
FRAME_RATE = 50
_WINDOW, _HOP, _MELS = 1024, 441, 128
_LOW_HZ, _HIGH_HZ = 30.0, 11_000.0
_SCALE = 1000.0
_CHUNK, _BORDER = 1500, 6
"""Frames that the network sees at once, and frames at either end of a window whose output is discarded."""
_PEAK_RADIUS = 3
"""Frames (60 ms); if two peaks are nearer than this, only the higher one is kept."""


def detect_beats(
    audio: np.ndarray, *, sample_rate: int, checkpoint: Path, device: str = "cpu"
) -> tuple[tuple[float, int], ...]:
    """(time in seconds, position in the bar) of the beats of audio [N] of any length; position 1 is the downbeat.

    Raises:
        UserError: beat-this is not installed, or the file is not a beat_this checkpoint.
    """
    low = resample(np.asarray(audio, dtype=np.float32), own_rate=sample_rate, sample_rate=SAMPLE_RATE)
    beats, downbeats = (
        _peaks(logits) / FRAME_RATE for logits in _logits(load(checkpoint, device), _log_mel(low), device=device)
    )
    return number_beats(beats[beats < len(low) / SAMPLE_RATE], downbeats=downbeats)


def number_beats(beats: np.ndarray, *, downbeats: np.ndarray) -> tuple[tuple[float, int], ...]:
    """(time, position) of beats [n] in seconds, counted from each downbeat after it was moved to the nearest beat.

    Beats before the first downbeat are counted as if a bar as long as the first one had begun there. If there is no
    downbeat, the count begins with 2, so that no downbeat is invented.
    """
    if not len(beats):
        return ()
    first = np.unique([np.abs(beats - time).argmin() for time in downbeats]).astype(np.int64)
    if not len(first):
        return tuple((float(time), index + 2) for index, time in enumerate(beats))
    bar = int(first[1] - first[0]) if len(first) > 1 else max(int(first[0]), 1)
    index = np.arange(len(beats))
    last = np.searchsorted(first, index, side="right") - 1
    positions = np.where(last >= 0, index - first[last], (index - first[0]) % bar) + 1
    return tuple(zip(beats.tolist(), positions.tolist(), strict=True))


@cache
def load(checkpoint: Path, device: str = "cpu") -> nn.Module:
    """The network of a published checkpoint, on a device.

    Raises:
        UserError: beat-this is not installed, or the file is not a beat_this checkpoint.
    """
    try:
        # the one module of the wheel that needs no torchaudio
        BeatThis = borrow_module("beat_this.model.beat_tracker").BeatThis
    except ImportError as error:
        raise UserError(f"Reading {checkpoint} needs beat_this ({error}); run `{command_for('beat_this')}`.") from None
    saved = read_pickle(checkpoint)
    try:
        known = inspect.signature(BeatThis).parameters
        model = BeatThis(**{name: value for name, value in saved["hyper_parameters"].items() if name in known})
        weights = {name.removeprefix("model."): value for name, value in saved["state_dict"].items()}
        model.load_state_dict({name.replace("_orig_mod.", ""): value for name, value in weights.items()})
    except (KeyError, TypeError, AttributeError, RuntimeError):
        raise UserError(f"{checkpoint} is not a beat_this checkpoint; use a file published by its authors.") from None
    return model.eval().requires_grad_(False).to(device)


def _log_mel(audio: np.ndarray) -> Tensor:
    """Log-mel spectrogram [T, F]: log(1 + 1000 m), m the mel bands of centred Hann magnitudes over sqrt(window)."""
    bands = (
        import_librosa()
        .filters.mel(sr=SAMPLE_RATE, n_fft=_WINDOW, n_mels=_MELS, fmin=_LOW_HZ, fmax=_HIGH_HZ, norm=None)
        .T
    )
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32) / np.sqrt(_WINDOW)
    half = _WINDOW // 2
    padded = np.pad(audio, half, mode="reflect" if len(audio) > half else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    parts = [
        np.log1p(_SCALE * np.abs(np.fft.rfft(frames[start : start + _CHUNK] * window)) @ bands)
        for start in range(0, len(frames), _CHUNK)
    ]
    return torch.from_numpy(np.concatenate(parts).astype(np.float32))


@torch.no_grad()
def _logits(model: nn.Module, spectrogram: Tensor, *, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Logits [T] of beats and [T] of downbeats, on the CPU; where two windows overlap, the earlier one is used."""
    count, inner = len(spectrogram), _CHUNK - 2 * _BORDER
    padded = F.pad(spectrogram, (0, 0, _BORDER, _BORDER))
    found = spectrogram.new_zeros(2, count)
    for start in reversed(range(0, count, inner)):
        start = max(0, min(start, count - inner))  # the last window is as long as the others
        answer = model(padded[None, start : start + _CHUNK].to(device))
        both = torch.stack([answer["beat"][0], answer["downbeat"][0]])[:, _BORDER:-_BORDER].cpu()
        found[:, start : start + both.shape[1]] = both
    return found[0], found[1]


def _peaks(logits: Tensor) -> np.ndarray:
    """Local maxima above zero, in (possibly fractional) frames; adjacent maxima are merged."""
    highest = F.max_pool1d(logits[None], 2 * _PEAK_RADIUS + 1, stride=1, padding=_PEAK_RADIUS)[0]
    frames = torch.nonzero((logits == highest) & (logits > 0))[:, 0].numpy()
    groups = np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1)
    return np.array([group.mean() for group in groups if len(group)])
