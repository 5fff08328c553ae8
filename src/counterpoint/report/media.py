"""Clips to what a browser shows: small audio files and log-mel spectrograms on one scale.

Shapes: N samples, F mel bands, T frames.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from counterpoint.audio import load_audio, normalize_loudness
from counterpoint.audio.loudness import PEAK_LIMIT, SILENCE_PEAK
from counterpoint.config import atomic_write

Name = TypeVar("Name", bound=Hashable)

SAMPLE_RATE = 32_000
BANDS = 96
FFT = 2048
HOP = 512
RANGE_DB = 80.0
"""From black to white; white is the loudest cell of a fixed full scale, the same in every picture of a report."""
WHITE_DB = 33.0


@dataclass(frozen=True)
class Media:
    """A clip as shipped.

    Attributes:
        audio, picture: paths relative to the report.
        duration_s: of the clip.
    """

    audio: str
    picture: str
    duration_s: float


def load_clip(clip: Path) -> np.ndarray:
    """[N] at the loudness that the metrics hear it at, so that no system sounds better by being louder."""
    audio, _ = load_audio(clip, sample_rate=SAMPLE_RATE)
    return normalize_loudness(audio, sample_rate=SAMPLE_RATE)


def load_versions(clips: Mapping[Name, Path], *, original: Name) -> dict[Name, np.ndarray]:
    """The same for versions of one clip, [N] each by name, all with one gain: what they share sounds the same."""
    found = {name: load_audio(clip, sample_rate=SAMPLE_RATE)[0] for name, clip in clips.items()}
    gain = np.float32(shared_gain(found[original], found.values(), sample_rate=SAMPLE_RATE))
    return {name: gain * audio for name, audio in found.items()}


def shared_gain(original: np.ndarray, versions: Iterable[np.ndarray], *, sample_rate: int) -> float:
    """What brings the original to the project's loudness, or less where a version would clip.

    Each version at a loudness of its own would tell them apart by the music around the span, which is the same in all:
    beside a span of silence it would be 3 dB up.

    Args:
        original: [N], the clip they are versions of.
        versions: [N] each.
        sample_rate: Hz.
    """
    peak = float(np.abs(original).max(initial=0.0))
    highest = max([peak, *(float(np.abs(version).max(initial=0.0)) for version in versions)])
    if highest < SILENCE_PEAK:
        return 1.0
    wanted = float(np.abs(normalize_loudness(original, sample_rate=sample_rate)).max()) / peak if peak else 1.0
    return min(wanted, PEAK_LIMIT / highest)


def write_media(audio: np.ndarray, *, report: Path, name: str) -> Media:
    """Write `audio/<name>.mp3` (or wav, where MP3 cannot be written) and `pictures/<name>.png`.

    Args:
        audio: [N] at `SAMPLE_RATE`.
    """
    sound = _write_audio(report / "audio", name, audio)
    picture = report / "pictures" / f"{name}.png"
    levels = log_mel(audio)
    atomic_write(picture, lambda temporary: _write_picture(temporary, levels))
    return Media(str(sound.relative_to(report)), str(picture.relative_to(report)), len(audio) / SAMPLE_RATE)


def _write_audio(folder: Path, name: str, audio: np.ndarray) -> Path:
    """MP3 plays in every browser and is a tenth of a wav; libsndfile before 1.1 cannot write it."""
    import soundfile

    kind = "MP3" if "MP3" in soundfile.available_formats() else "WAV"
    path = folder / f"{name}.{kind.lower()}"

    def write(temporary: Path) -> None:
        if kind == "MP3":
            # 0.4 is about 110 kbit/s: what the eye sees in the pictures the ear should hear.
            soundfile.write(temporary, audio, SAMPLE_RATE, format=kind, compression_level=0.4)
        else:
            soundfile.write(temporary, audio, SAMPLE_RATE, format=kind, subtype="PCM_16")

    atomic_write(path, write)
    return path


def log_mel(audio: np.ndarray) -> np.ndarray:
    """[N] to [F, T] in [0, 1]: decibels of mel power over a fixed range."""
    window = np.hanning(FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(audio.astype(np.float32), (FFT // 2, FFT // 2 + HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT)[::HOP]
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    decibels = 10 * np.log10(power @ _mel_bands().T + 1e-10)
    return np.clip((decibels.T - (WHITE_DB - RANGE_DB)) / RANGE_DB, 0, 1)


@cache
def _mel_bands() -> np.ndarray:
    """[F, FFT/2 + 1] triangles, each of unit sum, evenly spaced on the HTK mel scale from 30 Hz up."""
    edges = np.linspace(_mel(30.0), _mel(SAMPLE_RATE / 2), BANDS + 2)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    bins = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE)
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    # A low band narrower than a bin would be empty: give it its nearest bin.
    empty = triangles.sum(axis=1) == 0
    triangles[empty, np.abs(bins - hertz[1:-1][empty, None]).argmin(axis=1)] = 1
    return (triangles / triangles.sum(axis=1, keepdims=True)).astype(np.float32)


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def _marks() -> list[tuple[str, float]]:
    low, high = _mel(30.0), _mel(SAMPLE_RATE / 2)
    return [(f"{hertz // 1000} kHz", 100 * (_mel(hertz) - low) / (high - low)) for hertz in (1000, 4000, 8000)]


PITCH_MARKS = _marks()
"""(label, height in percent of the picture) of some frequencies."""


def _write_picture(path: Path, levels: np.ndarray) -> None:
    from matplotlib import colormaps
    from matplotlib.image import imsave

    imsave(path, colormaps["magma"](levels[::-1]))
