"""Plain statistics of the waveform. They describe; none of them says which of two systems is better.

Shapes: N samples, T frames, F frequency bins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from counterpoint.metrics.base import Features, Functional, MetricInfo, NotApplicableError, WeightedMean

SAMPLE_RATE = 32_000
"""Rate in Hz of all clips, so that a reference with a higher rate is not brighter for that reason alone."""
_FFT, _HOP = 2048, 512
_SILENCE_DB = -60.0
_FRAMES_AT_ONCE = 4096
"""About a minute: the spectra of a long clip would take hundreds of times the memory of the clip."""

_STATISTICS: dict[str, tuple[str, str, str]] = {  # unit, description, title; only the first can be negative
    "sig_loudness": ("dBFS", "RMS level before loudness normalisation, which every other metric applies", "Loudness"),
    "sig_centroid_hz": (
        "Hz",
        "brightness: centre of mass of the magnitude spectrum, over frames that sound",
        "Brightness",
    ),
    "sig_flatness": (
        "",
        "noisiness: geometric over arithmetic mean of the power spectrum; 0 a tone, 1 white noise",
        "Noisiness",
    ),
    "sig_onset_rate": ("1/s", "note onsets per second, as peaks of the spectral flux", "Note onsets"),
    "sig_silence": ("", "share of frames below -60 dBFS", "Silence"),
}


class SignalStatistic:
    """The mean over clips of one signal statistic."""

    equal_n = False

    def __init__(self, name: str):
        unit, description, title = _STATISTICS[name]
        at_least = None if name == "sig_loudness" else 0.0
        self.info = MetricInfo(name, description, unit, better="neither", at_least=at_least, title=title)

    def prepare(self, clips: Sequence[Features], *, reference: Sequence[Features]) -> Functional:
        values = np.array([clip.signals[self.info.name] for clip in clips])
        if not np.isfinite(values).any():
            raise NotApplicableError(f"{self.info.name} is not defined for silence")
        return WeightedMean(values)


def signal_metrics() -> tuple[SignalStatistic, ...]:
    return tuple(SignalStatistic(name) for name in _STATISTICS)


def loudness_db(audio: np.ndarray) -> float:
    """RMS level of [N] in dBFS (a full-scale square wave is 0), not below -100."""
    return float(max(10 * np.log10(max(np.mean(np.square(audio, dtype=np.float64)), 1e-30)), -100.0))


def signal_statistics(audio: np.ndarray) -> dict[str, float]:
    """All statistics but the loudness, of audio [N] at `SAMPLE_RATE` after the loudness policy."""
    blocks = [_measure(frames, power) for frames, power in _power_spectra(audio)]
    sounding, decibels, centroid, flatness = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return {
        "sig_silence": float(1 - sounding.mean()),
        "sig_onset_rate": _onset_rate(decibels),
        "sig_centroid_hz": float(centroid.mean()) if centroid.size else float("nan"),
        "sig_flatness": float(flatness.mean()) if flatness.size else float("nan"),
    }


def _power_spectra(audio: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """[T', 2048] frames and their [T', F] power, a full-scale sine giving about 1, block by block."""
    padded = np.pad(audio.astype(np.float32), (0, max(0, _FFT - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = np.hanning(_FFT).astype(np.float32)
    for first in range(0, len(frames), _FRAMES_AT_ONCE):
        block = frames[first : first + _FRAMES_AT_ONCE]
        yield block, np.square(np.abs(np.fft.rfft(block * window)) * (2 / window.sum()))


def _measure(frames: np.ndarray, power: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Measure a block: whether each frame sounds [T'], its bands [T', 48] in dB, and the centroid and the flatness of
    the frames that sound."""
    sounding = 10 * np.log10(np.maximum(np.square(frames).mean(1), 1e-30)) >= _SILENCE_DB
    edges = np.unique(np.geomspace(2, power.shape[1] - 1, 49).astype(int))  # spaced as pitch is, from 31 Hz on
    bands = np.add.reduceat(power[:, : edges[-1]], edges[:-1], axis=1)
    decibels = 10 * np.log10(np.maximum(bands, 1e-7))  # nothing below -70 dB rises
    power = power[sounding] + 1e-12  # -120 dB: the floor of 16-bit audio, so that a codec's low-pass is no infinity
    magnitude = np.sqrt(power)
    centroid = (magnitude @ np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)) / magnitude.sum(1)
    return sounding, decibels, centroid, np.exp(np.log(power).mean(1)) / power.mean(1)


def _onset_rate(decibels: np.ndarray) -> float:
    """Peaks per second of the spectral flux: the mean rise in dB over 48 bands, against half a second around it."""
    lag, reach, surroundings = 2, 2, 16  # frames of 16 ms
    flux = np.maximum(decibels[lag:] - decibels[:-lag], 0).mean(1)
    if not flux.size:
        return 0.0
    onsets = (flux == _sliding(flux, reach, np.max)) & (flux > _sliding(flux, surroundings, np.mean) + 1.5)
    return float(onsets.sum() / (len(decibels) * _HOP / SAMPLE_RATE))


def _sliding(values: np.ndarray, reach: int, reduce: Callable[..., np.ndarray]) -> np.ndarray:
    """`reduce` over a window of `reach` values on both sides."""
    padded = np.pad(values, reach, mode="edge")
    return reduce(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
