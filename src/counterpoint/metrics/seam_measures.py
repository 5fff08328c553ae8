"""What can be heard at the border of a span that was filled in: numbers from audio and places alone.

Shapes: N audio samples, T frames of 5 ms, F frequency bins, M mel bands, P = 12 pitch classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from counterpoint.audio import normalize_loudness, resample

SAMPLE_RATE = 32_000
"""Hz; audio of any other rate is brought to it."""
HOP_S = 0.005
_FFT, _HOP, _BANDS = 1024, 160, 40
FLOOR_DB = -60.0
"""Nothing below this makes a difference."""
_LOW_RATE, _LOW_FFT = 4000, 2048


@dataclass(frozen=True, eq=False)
class Sound:
    """A piece of audio as the measures hear it; frame t is centred on t * 5 ms.

    Attributes:
        bands_db: [T, M] mel bands, floored at -60 dB.
        power: [T] K-weighted, a full-scale sine of 1 kHz about 1.
        low: [N / 8] the audio at 4 kHz.
    """

    bands_db: np.ndarray
    power: np.ndarray
    low: np.ndarray

    @classmethod
    def of(cls, audio: np.ndarray) -> Sound:
        """Audio [N] at 32 kHz."""
        audio = normalize_loudness(audio, sample_rate=SAMPLE_RATE)
        power = _power(audio)
        return cls(
            bands_db=10 * np.log10(power @ _mel().T + 10 ** (FLOOR_DB / 10)),
            power=power @ _k_weights(),
            low=resample(audio, own_rate=SAMPLE_RATE, sample_rate=_LOW_RATE),
        )

    @property
    def times_s(self) -> np.ndarray:
        """[T] the centre of each frame."""
        return HOP_S * np.arange(len(self.power))


@dataclass(frozen=True)
class Border:
    """One end of a span, in seconds of its piece.

    Attributes:
        at_s: where it is.
        before_s, after_s: the border or end of audio that comes before it, and the one after it.
        span: the span it belongs to.
        spans: that one and all others.
    """

    at_s: float
    before_s: float
    after_s: float
    span: tuple[float, float]
    spans: Sequence[tuple[float, float]]

    def sides(self, reach_s: float, *, gap_s: float = 0.0) -> tuple[tuple[float, float], tuple[float, float]]:
        """The stretches of at most `reach_s` on its two sides, without what is nearer than `gap_s` to a border."""
        before = (max(self.before_s, self.at_s - reach_s), self.at_s - gap_s)
        after = (self.at_s + gap_s, min(self.after_s, self.at_s + reach_s))
        return before, after


def flux(sound: Sound, border: Border) -> float:
    """ln of the largest spectral flux within 30 ms of the border over the usual largest one outside the spans."""
    change = _flux(sound.bands_db)
    reach = round(0.03 / HOP_S)
    peaks = np.lib.stride_tricks.sliding_window_view(np.pad(change, reach), 2 * reach + 1).max(axis=1)
    at = min(round(border.at_s / HOP_S), len(peaks) - 1)
    usual = np.median(peaks[_outside(sound.times_s, border.spans, gap_s=0.06)])
    return float(np.log((peaks[at] + 0.5) / (usual + 0.5)))


def loudness_step(sound: Sound, border: Border) -> float:
    """|difference| in dB of the K-weighted levels on the two sides."""
    levels = []
    for start, stop in border.sides(0.4, gap_s=0.016):
        inside = (sound.times_s >= start) & (sound.times_s < stop)
        levels.append(10 * np.log10(sound.power[inside].mean() + 10 ** (FLOOR_DB / 10)))
    return float(abs(levels[1] - levels[0]))


def beat_phase(sound: Sound, border: Border) -> float:
    """cos of the angle by which the beats on the span's side of the border are off those outside, in [-1, 1]."""
    onsets = np.maximum(_flux(sound.bands_db, rises=True), 0.0)
    times = sound.times_s
    outside = _outside(times, border.spans, gap_s=0.06)
    inside = (times > border.span[0] + 0.06) & (times < border.span[1] - 0.06)
    hertz = np.arange(1.0, 4.01, 0.02)
    waves = np.exp(-2j * np.pi * hertz[:, None] * times)
    context = waves[:, outside] @ (onsets[outside] - onsets[outside].mean())
    best = np.abs(context).argmax()
    if not onsets[outside].max() > 0.5:
        return np.nan
    total = onsets[inside].sum()
    if total < 1e-6:
        return 0.0
    fill = waves[best, inside] @ onsets[inside]
    return float((fill * context[best].conj()).real / (abs(context[best]) * total))


def chord(sound: Sound, border: Border) -> float:
    """Cosine of the mean chroma of the two sides; 0 where one is silent."""
    before, after = (_chroma(sound.low, *side) for side in border.sides(1.0))
    return float(before @ after)


def _chroma(low: np.ndarray, start_s: float, stop_s: float) -> np.ndarray:
    """[P] of unit length, or zeros for silence."""
    part = low[round(start_s * _LOW_RATE) : round(stop_s * _LOW_RATE)]
    part = np.pad(part, (0, max(0, _LOW_FFT - len(part))))
    frames = np.lib.stride_tricks.sliding_window_view(part, _LOW_FFT)[::256]
    window = np.hanning(_LOW_FFT + 1)[:-1]
    chroma = (np.abs(np.fft.rfft(frames * window, axis=1)) @ _fold().T).mean(axis=0) / window.sum()
    return chroma / max(np.linalg.norm(chroma), 10 ** (FLOOR_DB / 20))


def _flux(bands_db: np.ndarray, *, rises: bool = False) -> np.ndarray:
    """[T] mean change of the bands over 20 ms, in dB."""
    change = np.zeros_like(bands_db)
    change[2:-2] = bands_db[4:] - bands_db[:-4]
    return (np.maximum(change, 0.0) if rises else np.abs(change)).mean(axis=1)


def _outside(times: np.ndarray, spans: Sequence[tuple[float, float]], *, gap_s: float) -> np.ndarray:
    """[T] bool: at least `gap_s` away from every span."""
    return np.logical_and.reduce([(times < start - gap_s) | (times >= stop + gap_s) for start, stop in spans])


def _power(audio: np.ndarray) -> np.ndarray:
    """[T, F] of centred Hann windows; a full-scale sine sums to 1 over its bins."""
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(audio, (_FFT // 2, _FFT // 2 + _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][: 1 + len(audio) // _HOP]
    return np.square(np.abs(np.fft.rfft(frames * window, axis=1))) * (4 / (_FFT * np.square(window).sum()))


@cache
def _mel() -> np.ndarray:
    """[M, F]"""
    from counterpoint.dsp import mel_filterbank

    filters = mel_filterbank(sample_rate=SAMPLE_RATE, n_fft=_FFT, bands=_BANDS, f_min=30.0).numpy()
    return filters / filters.max(axis=1, keepdims=True)


@cache
def _k_weights() -> np.ndarray:
    """[F] power gains of the two filters of ITU-R BS.1770-4, which are given for 48 kHz."""
    from scipy.signal import freqz

    shelf = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
    high_pass = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    hertz = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    gains = [np.abs(freqz(b, a, worN=hertz, fs=48_000)[1]) for b, a in (shelf, high_pass)]
    return np.square(gains[0] * gains[1]).astype(np.float32)


@cache
def _fold() -> np.ndarray:
    """[P, bins]: each bin between 55 Hz and 1 kHz to its pitch class, a Gaussian of a quarter semitone around each."""
    hertz = np.fft.rfftfreq(_LOW_FFT, 1 / _LOW_RATE)
    heard = (hertz >= 55.0) & (hertz <= 1000.0)
    pitch = 12 * np.log2(np.where(heard, hertz, 440.0) / 440.0) + 9
    away = (pitch - np.arange(12)[:, None] + 6) % 12 - 6
    return np.exp(-0.5 * (away / 0.25) ** 2) * heard
