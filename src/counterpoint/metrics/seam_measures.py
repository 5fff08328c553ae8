"""Measures of audible seams at the borders of a filled-in span, from the audio and the positions alone.

Shapes: N audio samples, T frames of 5 ms, F frequency bins, M mel bands, P = 12 pitch classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from counterpoint.audio import normalize_loudness, resample

SAMPLE_RATE = 32_000
"""Sample rate in Hz; other audio is resampled to it."""
HOP_S = 0.005
_FFT, _HOP, _BANDS = 1024, 160, 40
_FLOOR = 1e-6
"""Power in a band, after the loudness policy, below which differences do not count (-60 dB)."""
_GAP_S = 0.02
"""Seconds around a border that may be affected by a crossfade and are left out."""
_NEAR_S = 0.03
"""Seconds around a border in which a change of the spectrum is attributed to it."""
_STEP_S, _LOUDNESS_EXPONENT = 0.7, 0.3
_INSIDE_S, _OUTSIDE_S = 2.5, 5.0
"""Seconds of a span and of its context in which beats are compared: errors of the tempo accumulate."""
_BEAT_HZ = (1.0, 8.0)
_BEAT_FFT = 2**14
"""Zero-padded length of the transform; its bins are 0.012 Hz apart."""
_CHORD_S = 0.5
_LOW_RATE, _LOW_FFT, _LOW_HOP = 4000, 1024, 256


@dataclass(frozen=True, eq=False)
class Sound:
    """The spectral representation of a piece of audio; frame t is centred on start_s + t * 5 ms.

    Attributes:
        bands: [T, M] power of mel bands, floored at -60 dB; a full-scale sine is about 1.
        low: [N / 8] the audio at 4 kHz.
        start_s: its start in the clip.
    """

    bands: np.ndarray
    low: np.ndarray
    start_s: float

    @classmethod
    def of(cls, audio: np.ndarray, *, start_s: float) -> Sound:
        """Analyse audio [N] at 32 kHz after normalising its loudness."""
        audio = normalize_loudness(audio, sample_rate=SAMPLE_RATE)
        return cls(
            bands=_power(audio) @ _mel().T + _FLOOR,
            low=resample(audio, own_rate=SAMPLE_RATE, sample_rate=_LOW_RATE),
            start_s=start_s,
        )

    @property
    def times_s(self) -> np.ndarray:
        """Centre [T] of each frame in seconds."""
        return self.start_s + HOP_S * np.arange(len(self.bands))

    def place(self, at_s: float) -> int:
        """The frame nearest to a time."""
        return min(round((at_s - self.start_s) / HOP_S), len(self.bands) - 1)

    def changes(self) -> np.ndarray:
        """Change [T, M] of each band over 20 ms, in dB."""
        decibels, changes = 10 * np.log10(self.bands), np.zeros_like(self.bands)
        changes[2:-2] = decibels[4:] - decibels[:-4]
        return changes


@dataclass(frozen=True)
class Border:
    """One border of a span, in seconds of the clip.

    Attributes:
        at_s: its position.
        before_s, after_s: the previous and the next border or end of the audio.
        span: its own span.
        spans: all spans.
    """

    at_s: float
    before_s: float
    after_s: float
    span: tuple[float, float]
    spans: Sequence[tuple[float, float]]

    def sides(self, reach_s: float) -> tuple[tuple[float, float], tuple[float, float]]:
        """The stretches of at most `reach_s` on both sides, up to the next border, without 20 ms around this one."""
        before = (max(self.before_s, self.at_s - reach_s), self.at_s - _GAP_S)
        after = (self.at_s + _GAP_S, min(self.after_s, self.at_s + reach_s))
        return before, after


def flux(sound: Sound, border: Border) -> float:
    """ln((f + 0.5) / (u + 0.5)): f the largest spectral change within 30 ms of the border, u its usual value.

    A change is the mean over mel bands of |difference in dB| over 20 ms; usual is the median, over all places outside
    the spans, of the largest one within 30 ms. Half a decibel keeps a sustained tone from dividing by nothing.
    """
    change, reach = np.abs(sound.changes()).mean(axis=1), round(_NEAR_S / HOP_S)
    largest = np.lib.stride_tricks.sliding_window_view(np.pad(change, reach), 2 * reach + 1).max(axis=1)
    usual = largest[_outside(sound.times_s, border.spans)]
    if not len(usual):
        return np.nan
    at = largest[sound.place(border.at_s)]
    return float(np.log((at + 0.5) / (np.median(usual) + 0.5)))


def loudness_step(sound: Sound, border: Border) -> float:
    """Mean absolute difference in dB between 0.7 s before and after, by mel band: sum_m w_m |step_m| / sum_m w_m.

    w_m is the loudness of the band on its louder side, power^0.3 (Stevens), so that silent bands do not count. One
    level for all bands does not separate the true music from another clip if both are equally loud (1.5 dB and 1.6 on
    96 clips of the embedded corpus); and in wider bands the loss of treble in a codec has too much weight.
    """
    before, after = (
        10 * np.log10(sound.bands[sound.place(start) : sound.place(stop)].mean(axis=0))
        for start, stop in border.sides(_STEP_S)
    )
    weights = 10 ** (_LOUDNESS_EXPONENT * np.maximum(before, after) / 10)
    return float(weights @ np.abs(after - before) / weights.sum())


def beat_phase(sound: Sound, border: Border) -> float:
    """cos of the phase difference between the beats inside and outside the span, times the clarity of the beats.

    Of the onsets o(t) (rises of the spectrum above their median) outside the span, F(f) = sum_t o(t) e^(-2 pi i f t) is
    taken at its largest between 1 and 8 Hz (eighth notes are surer than beats: up to 4 Hz music and another clip's are
    half as far apart), and G of those inside at the same f: Re(G F*) / (|F| sum_t o(t)). Of clicks inside that come d
    seconds late it is cos(2 pi f d); without onsets it is 0. NaN where none are outside.
    """
    near = np.abs(sound.times_s - border.at_s) < _OUTSIDE_S
    onsets, times = np.maximum(sound.changes()[near], 0.0).mean(axis=1), sound.times_s[near]
    outside = _outside(times, border.spans)
    start, stop = (max(border.span[0], border.at_s - _INSIDE_S), min(border.span[1], border.at_s + _INSIDE_S))
    inside = (times >= start + 2 * _NEAR_S) & (times < stop - 2 * _NEAR_S)
    (context, has_onsets), (fill, _) = (_above_median(onsets, mask) for mask in (outside, inside))
    if not has_onsets:
        return np.nan
    context[outside] -= context[outside].mean()
    hertz = np.fft.rfftfreq(_BEAT_FFT, HOP_S)
    beats = (hertz >= _BEAT_HZ[0]) & (hertz <= _BEAT_HZ[1])
    theirs, own = (np.fft.rfft(each, _BEAT_FFT)[beats] for each in (context, fill))
    at = np.abs(theirs).argmax()
    return float((own[at] * theirs[at].conj()).real / (np.abs(theirs[at]) * max(fill.sum(), 1e-9)))


def chord(sound: Sound, border: Border) -> float:
    """Correlation of the mean chroma of half a second before and after: 1 the same harmony, 0 unrelated or silent."""
    before, after = (
        _chroma(sound.low[round((start - sound.start_s) * _LOW_RATE) : round((stop - sound.start_s) * _LOW_RATE)])
        for start, stop in border.sides(_CHORD_S)
    )
    return float(before @ after)


def _above_median(onsets: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, bool]:
    """Onsets [T] above the median at `where`, zero elsewhere; and whether any exceeds it by more than 1 dB."""
    above = np.where(where, np.maximum(onsets - np.median(onsets[where]), 0.0), 0.0) if where.any() else 0 * onsets
    return above, bool(above.max(initial=0.0) > 1.0)


def _chroma(low: np.ndarray) -> np.ndarray:
    """Centred chroma [P] of unit length, from ln(1 + 1000 magnitude) of audio at 4 kHz; about 0 for silence."""
    padded = np.pad(low, (0, max(0, _LOW_FFT - len(low))))
    window = np.hanning(_LOW_FFT + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(padded, _LOW_FFT)[::_LOW_HOP]
    magnitudes = np.abs(np.fft.rfft(frames * window, axis=1)) / window.sum()
    chroma = np.log1p(1000 * magnitudes).mean(axis=0) @ _fold().T
    chroma -= chroma.mean()
    return chroma / max(float(np.linalg.norm(chroma)), 0.1)


def _outside(times: np.ndarray, spans: Sequence[tuple[float, float]]) -> np.ndarray:
    """Mask [T] of frames away from every span and from both ends."""
    gap_s = 2 * _NEAR_S
    away = [(times < start - gap_s) | (times >= stop + gap_s) for start, stop in spans]
    return np.logical_and.reduce([*away, times >= times[0] + gap_s, times < times[-1] - gap_s])


def _power(audio: np.ndarray) -> np.ndarray:
    """Power [T, F] of centred Hann windows; a full-scale sine sums to 1 over its bins."""
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    padded = np.pad(audio, (_FFT // 2, _FFT // 2 + _HOP), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][: 1 + len(audio) // _HOP]
    return np.square(np.abs(np.fft.rfft(frames * window, axis=1))) * (4 / (_FFT * np.square(window).sum()))


@cache
def _mel() -> np.ndarray:
    """[M, F]"""
    from counterpoint.dsp import mel_filterbank

    filters = mel_filterbank(sample_rate=SAMPLE_RATE, n_fft=_FFT, bands=_BANDS, f_min=30.0).numpy()
    return filters / filters.max(axis=1, keepdims=True)


@cache
def _fold() -> np.ndarray:
    """[P, bins]: each bin between 55 Hz and 1 kHz to its pitch class, a Gaussian of a quarter semitone around each."""
    hertz = np.fft.rfftfreq(_LOW_FFT, 1 / _LOW_RATE)
    in_range = (hertz >= 55.0) & (hertz <= 1000.0)
    pitch = 12 * np.log2(np.where(in_range, hertz, 440.0) / 440.0) + 9
    away = (pitch - np.arange(12)[:, None] + 6) % 12 - 6
    return np.exp(-0.5 * (away / 0.25) ** 2) * in_range
