"""Sounds that a listening test makes itself: anchors, beeps to be counted, and the tones of the headphone check.

Shapes: N samples.
"""

from __future__ import annotations

import numpy as np

HEADPHONE_RATE = 44_100
HEADPHONE_TRIALS, HEADPHONE_PASS = 6, 5
"""Questions of the headphone check, and the number of correct answers to pass it (Woods et al., 2017)."""
_TONE_S, _GAP_S, _TONE_HZ = 1.0, 0.5, 200.0
_BEEP_S, _BEEP_HZ, _BEEP_LEVEL = 0.12, 1000.0, 0.4


def low_pass(audio: np.ndarray, *, sample_rate: int, cutoff_hz: float) -> np.ndarray:
    """Remove frequencies above `cutoff_hz` with a zero-phase filter, [N] to [N]: an anchor of ITU-R BS.1534."""
    from scipy.signal import butter, sosfiltfilt

    sections = butter(8, min(cutoff_hz, 0.49 * sample_rate), fs=sample_rate, output="sos")
    return sosfiltfilt(sections, audio).astype(np.float32)


def with_beeps(audio: np.ndarray, *, sample_rate: int, count: int) -> np.ndarray:
    """Lower the level of the music and add `count` evenly spread beeps, [N] to [N]."""
    found = 0.4 * audio.astype(np.float32)
    beep = _BEEP_LEVEL * _tone(_BEEP_HZ, seconds=_BEEP_S, sample_rate=sample_rate)
    for number in range(1, count + 1):
        start = int(number * len(audio) / (count + 1)) - len(beep) // 2
        found[start : start + len(beep)] += beep[: len(found) - start]
    return found


def headphone_trial(quietest: int) -> np.ndarray:
    """Three tones, [samples, 2]: number `quietest` (0 to 2) is 6 dB softer, and the next tone is in antiphase.

    From loudspeakers, the antiphase tone cancels in the air and seems the quietest; with headphones it does not (Woods,
    Siegel, Traer, McDermott: Headphone screening to facilitate web-based auditory experiments, 2017).
    """
    tone = 0.25 * _tone(_TONE_HZ, seconds=_TONE_S, sample_rate=HEADPHONE_RATE, fade_s=0.1)
    pairs = {0: (0.5, 0.5), 1: (1.0, -1.0), 2: (1.0, 1.0)}  # softer, antiphase, plain
    gap = np.zeros((int(_GAP_S * HEADPHONE_RATE), 2), np.float32)
    parts = []
    for place in range(3):
        left, right = pairs[(place - quietest) % 3]
        parts += [np.stack([left * tone, right * tone], axis=1), gap]
    return np.concatenate(parts[:-1])


def _tone(hertz: float, *, seconds: float, sample_rate: int, fade_s: float = 0.01) -> np.ndarray:
    """A sine of amplitude 1 that fades in and out."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    fade = np.minimum(1, np.minimum(time, seconds - time) / fade_s)
    return (np.sin(2 * np.pi * hertz * time) * np.clip(fade, 0, 1)).astype(np.float32)
