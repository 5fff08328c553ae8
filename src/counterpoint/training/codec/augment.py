"""Augmentation of audio segments: pitch and tempo, single parts, mixes, equaliser, room and noise.

A codec trained on one soundfont fits only that soundfont. Half of the segments stay unchanged, so that the music itself
remains the most common sound; the others are changed at random.

Shapes: N audio samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import soxr

MAX_SEMITONES = 4.0
"""Range of the change of speed, which changes pitch and tempo together."""
_EQUALISER_DB = 9.0
_EQUALISER_HZ = (30.0, 120.0, 350.0, 1000.0, 3000.0, 8000.0, 16_000.0)

Read = Callable[[int], np.ndarray]
"""Reads the given number of samples from a random place of one clip or one of its parts; zeros after its end."""


def augmented(read: Read, draws: np.random.Generator, *, samples: int, sample_rate: int) -> np.ndarray:
    """A segment [N], changed at random according to `draws`.

    Args:
        read: called once or twice, each time for another clip.
        samples: N.
        sample_rate: Hz.
    """
    if draws.random() < 0.5:
        return read(samples)[:samples]
    audio = _at_speed(read, draws, samples=samples, sample_rate=sample_rate)
    if draws.random() < 0.25:
        other = _at_speed(read, draws, samples=samples, sample_rate=sample_rate)
        audio = audio + other * np.float32(10 ** (draws.uniform(-12, 0) / 20))
    audio = _in_a_room(audio, draws, sample_rate=sample_rate)
    if draws.random() < 0.15:
        level = np.float32(10 ** (draws.uniform(-66, -36) / 20))
        audio = audio + level * draws.standard_normal(samples, dtype=np.float32)
    return audio


def _at_speed(read: Read, draws: np.random.Generator, *, samples: int, sample_rate: int) -> np.ndarray:
    if draws.random() < 0.5:
        return read(samples)[:samples]
    speed = 2 ** (draws.uniform(-MAX_SEMITONES, MAX_SEMITONES) / 12)
    wanted = int(np.ceil(samples * speed)) + 64
    audio = soxr.resample(read(wanted), sample_rate * speed, sample_rate, quality="MQ")
    return np.pad(audio, (0, max(0, samples - len(audio))))[:samples]


def _in_a_room(audio: np.ndarray, draws: np.random.Generator, *, sample_rate: int) -> np.ndarray:
    """The audio after a random equaliser and a random room, in one product of spectra."""
    equalised, roomy = draws.random() < 0.5, draws.random() < 0.3
    if not (equalised or roomy):
        return audio
    import scipy.fft

    transforms: Any = scipy.fft  # its results are untyped
    tail = int(draws.uniform(0.1, 0.8) * sample_rate) if roomy else 1
    size = transforms.next_fast_len(len(audio) + tail, real=True)
    response = np.ones(size // 2 + 1, np.complex64)
    if roomy:
        decay = 10 ** (-3 * np.arange(tail, dtype=np.float32) / tail)
        echo = draws.standard_normal(tail, dtype=np.float32) * decay
        wet = draws.uniform(0.1, 0.6) / np.sqrt(np.sum(echo**2))
        response = response + np.float32(wet) * transforms.rfft(echo, size)
    if equalised:
        hertz = np.fft.rfftfreq(size, 1 / sample_rate)
        gains_db = draws.uniform(-_EQUALISER_DB, _EQUALISER_DB, len(_EQUALISER_HZ))
        curve = np.interp(np.log(hertz + 1), np.log(np.asarray(_EQUALISER_HZ) + 1), gains_db)
        response = response * (10 ** (curve / 20)).astype(np.float32)
    return transforms.irfft(transforms.rfft(audio, size) * response, size)[: len(audio)].astype(np.float32)
