"""Clips in a form that browsers show: small audio files and log-mel spectrograms on one scale.

Shapes: N samples, F mel bands, T frames.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from counterpoint.audio import load_audio, normalize_loudness, resample
from counterpoint.audio.loudness import shared_gain
from counterpoint.config import atomic_write

Name = TypeVar("Name", bound=Hashable)

SAMPLE_RATE = 32_000
BANDS = 96
LOWEST_HZ = 30.0
FFT = 2048
HOP = 512
RANGE_DB = 80.0
"""Colours from black to white; white is a fixed full scale, the same in every picture of a report."""
WHITE_DB = 33.0


@dataclass(frozen=True)
class Media:
    """A clip in the report.

    Attributes:
        audio, picture: paths relative to the report.
        duration_s: duration of the clip.
    """

    audio: str
    picture: str
    duration_s: float


def load_clip(clip: Path) -> np.ndarray:
    """Read a clip [N] at the loudness of the metrics, so that no system seems better by being louder."""
    audio, _ = load_audio(clip, sample_rate=SAMPLE_RATE)
    return normalize_loudness(audio, sample_rate=SAMPLE_RATE)


def load_versions(clips: Mapping[Name, Path], *, original: Name) -> dict[Name, np.ndarray]:
    """Read versions of one clip, [N] each by name, with one gain: their common parts sound the same."""
    found = {name: load_audio(clip, sample_rate=SAMPLE_RATE)[0] for name, clip in clips.items()}
    gain = np.float32(shared_gain(found[original], found.values(), sample_rate=SAMPLE_RATE))
    return {name: gain * audio for name, audio in found.items()}


@dataclass(frozen=True)
class Encoding:
    """The file formats of clips and pictures.

    Attributes:
        formats: audio formats by libsndfile's names, in order of preference.
        compression: from 0, the best sound, to 1.
        picture: suffix of pictures: `png`, or `webp`, whose losses are invisible.
    """

    formats: tuple[str, ...]
    compression: float
    picture: str


FULL = Encoding(("MP3", "WAV"), 0.4, "png")
"""About 110 kbit/s: the details visible in the pictures remain audible."""
COMPACT = Encoding(("OPUS", "MP3", "WAV"), 0.83, "webp")
"""About 48 kbit/s, which is still good for Opus."""


def write_media(audio: np.ndarray, *, report: Path, name: str, encoding: Encoding = FULL) -> Media:
    """Write a clip below `audio/` and its spectrogram below `pictures/`.

    Args:
        audio: [N] at `SAMPLE_RATE`.
    """
    sound = _write_audio(report / "audio", name, audio, encoding)
    picture = report / "pictures" / f"{name}.{encoding.picture}"
    levels = log_mel(audio)
    atomic_write(picture, lambda temporary: _write_picture(temporary, levels))
    return Media(str(sound.relative_to(report)), str(picture.relative_to(report)), len(audio) / SAMPLE_RATE)


def _write_audio(folder: Path, name: str, audio: np.ndarray, encoding: Encoding) -> Path:
    """Write audio in the first format that the installed libsndfile supports; MP3 needs 1.1."""
    import soundfile

    known = {**soundfile.available_formats(), **soundfile.available_subtypes("OGG")}
    kind = next(kind for kind in encoding.formats if kind in known)
    ending, rate, options = _KINDS[kind]
    path, found = folder / f"{name}{ending}", audio
    if rate != SAMPLE_RATE:
        found = np.clip(resample(audio, own_rate=SAMPLE_RATE, sample_rate=rate), -1, 1)
    if kind != "WAV":
        options = {**options, "compression_level": encoding.compression}
    atomic_write(path, lambda temporary: soundfile.write(temporary, found, rate, **options))
    return path


_KINDS: Mapping[str, tuple[str, int, Mapping[str, Any]]] = {
    "MP3": (".mp3", SAMPLE_RATE, {"format": "MP3"}),
    "OPUS": (".ogg", 48_000, {"format": "OGG", "subtype": "OPUS"}),
    "WAV": (".wav", SAMPLE_RATE, {"format": "WAV", "subtype": "PCM_16"}),
}
"""Ending, rate in Hz and options of each format."""


def log_mel(audio: np.ndarray) -> np.ndarray:
    """Levels [F, T] in [0, 1] of audio [N]: decibels of mel power over a fixed range."""
    window = np.hanning(FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(audio.astype(np.float32), (FFT // 2, FFT // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    decibels = 10 * np.log10(power @ _mel_bands().T + 1e-10)
    return np.clip((decibels.T - (WHITE_DB - RANGE_DB)) / RANGE_DB, 0, 1)


@cache
def _mel_bands() -> np.ndarray:
    """[F, FFT/2 + 1]"""
    from counterpoint.dsp import mel_filterbank

    return mel_filterbank(sample_rate=SAMPLE_RATE, n_fft=FFT, bands=BANDS, f_min=LOWEST_HZ).numpy()


def _marks() -> list[tuple[str, float]]:
    low, high, *own = (np.log10(1 + hertz / 700) for hertz in (LOWEST_HZ, SAMPLE_RATE / 2, 1000, 4000, 8000))
    return [(f"{kilo} kHz", 100 * (mel - low) / (high - low)) for kilo, mel in zip((1, 4, 8), own, strict=True)]


PITCH_MARKS = _marks()
"""(label, height in percent of the picture) of some frequencies."""


def _write_picture(path: Path, levels: np.ndarray) -> None:
    from matplotlib import colormaps
    from matplotlib.image import imsave

    options = {"quality": 40} if path.suffix == ".webp" else {}
    imsave(path, colormaps["magma"](levels[::-1]), pil_kwargs=options)
