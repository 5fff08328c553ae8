"""Audio in memory, the input and output of programs instead of files.

Shapes: C channels, N audio samples.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import soundfile

from counterpoint.audio.files import load_audio, resample, save_audio
from counterpoint.audio.levels import RATES, fault_of_level
from counterpoint.config import UserError


@dataclass(frozen=True, eq=False, repr=False)
class Sound:
    """Audio and its sample rate; a notebook shows it as a player.

    Attributes:
        audio: [C, N] float32, full scale at 1. It may be given as [N], as integers of full scale, and as a tensor.
        sample_rate: Hz.

    Raises:
        UserError: there are no samples, samples are not finite numbers, or the dimensions or the sample rate are
            invalid.
    """

    audio: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        if isinstance(self.sample_rate, bool) or not 0 < self.sample_rate <= RATES[1]:
            raise UserError(f"The sample rate {self.sample_rate!r} is invalid: use whole Hz, such as 44100.")
        object.__setattr__(self, "audio", _channels(self.audio))
        object.__setattr__(self, "sample_rate", int(self.sample_rate))

    @classmethod
    def of(cls, source: SoundLike, *, sample_rate: int | None = None) -> Sound:
        """A sound itself, the pair of an array and its sample rate, or the content of a file.

        Args:
            source: any of these.
            sample_rate: Hz to resample to; None keeps the source's own.

        Raises:
            UserError: a file cannot be read, or see `Sound`.
        """
        if isinstance(source, Sound):
            sound = source
        elif isinstance(source, str | os.PathLike):
            sound = Sound(*load_audio(Path(source), sample_rate=None, mono=False))
        elif isinstance(source, tuple) and len(source) == 2:
            sound = Sound(*source)
        else:
            raise UserError(
                f"A {type(source).__name__} is not audio: use a path, a counterpoint.Sound, or the pair (array, "
                "sample_rate)."
            )
        return sound if sample_rate is None else sound.resampled(sample_rate)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.audio.shape[1] / self.sample_rate

    @property
    def mono(self) -> np.ndarray:
        """[N], the channels averaged."""
        return self.audio.mean(axis=0)

    def resampled(self, sample_rate: int) -> Sound:
        """The sound at another rate in Hz; the sound itself if it has that rate."""
        if sample_rate == self.sample_rate:
            return self
        return Sound(resample(self.audio.T, own_rate=self.sample_rate, sample_rate=sample_rate).T, sample_rate)

    def save(self, path: str | Path) -> Path:
        """Write a .wav or .flac with 16 bits, and return its path.

        Raises:
            UserError: the suffix is not supported, or the path cannot be written.
        """
        save_audio(path, self.audio, sample_rate=self.sample_rate)
        return Path(path)

    def __str__(self) -> str:
        """A description such as `2 channels of 3.50 s at 44100 Hz`."""
        count = len(self.audio)
        return f"{count} channel{'s' * (count > 1)} of {self.duration_s:.2f} s at {self.sample_rate} Hz"

    def __repr__(self) -> str:
        title = f", {self._title()!r}" if self._title() else ""
        return f"{type(self).__name__}({self}{title})"

    def _title(self) -> str:
        """The text above the player; empty without a name."""
        return ""

    def _repr_html_(self) -> str:
        """A player that contains the audio, for notebooks."""
        file = io.BytesIO()
        soundfile.write(file, self.audio.T.clip(-1, 1), self.sample_rate, format="WAV", subtype="PCM_16")
        content = base64.b64encode(file.getvalue()).decode()
        title = f"<div>{escape(self._title())}</div>" if self._title() else ""
        return f'{title}<audio controls src="data:audio/wav;base64,{content}"></audio>'


SoundLike: TypeAlias = "str | os.PathLike[str] | Sound | tuple[Any, int]"
"""A file of audio, a `Sound`, or the pair of an array or tensor ([N] or [C, N]) and its sample rate in Hz."""


def _channels(samples: Any) -> np.ndarray:
    """Channels [C, N] float32 of anything that `Sound` accepts."""
    array = np.asarray(samples.detach().cpu() if hasattr(samples, "detach") else samples)
    if array.dtype.kind == "i":
        array = array / -float(np.iinfo(array.dtype).min)
    if array.dtype.kind != "f" or array.ndim not in (1, 2):
        raise UserError(f"Audio must be [N] or [C, N] numbers, but this is {_described(array.shape)} {array.dtype}.")
    array = np.atleast_2d(array).astype(np.float32)
    if not array.size:
        raise UserError("The array is empty; use an array with samples.")
    if len(array) > array.shape[1]:
        raise UserError(
            f"Audio of {len(array):,} channels with {array.shape[1]:,} samples each has its axes in the wrong order: "
            "transpose it to [C, N]."
        )
    if fault := fault_of_level(float(np.abs(array).max())):
        raise UserError(f"The audio {fault}; export or compute it again.")
    return array


def _described(shape: Sequence[int]) -> str:
    return f"[{', '.join(map(str, shape))}] of"
