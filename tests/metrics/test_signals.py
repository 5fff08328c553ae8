"""Signal statistics of sounds whose values are known."""

import numpy as np
import pytest

from counterpoint.metrics import signals
from counterpoint.metrics.signals import SAMPLE_RATE, loudness_db, signal_statistics

_TIME = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE


def _noise() -> np.ndarray:
    return 0.1 * np.random.default_rng(0).standard_normal(len(_TIME))


def test_loudness():
    assert loudness_db(np.full(1000, 1.0)) == pytest.approx(0)
    assert loudness_db(0.1 * np.sin(2 * np.pi * 440 * _TIME)) == pytest.approx(-23.01, abs=0.01)
    assert loudness_db(np.zeros(1000)) == -100


@pytest.mark.parametrize("frequency", [500, 3000])
def test_centroid_of_a_tone_is_its_frequency(frequency):
    tone = signal_statistics(0.3 * np.sin(2 * np.pi * frequency * _TIME))
    assert tone["sig_centroid_hz"] == pytest.approx(frequency, rel=0.05)
    assert tone["sig_flatness"] < 0.01


def test_white_noise_is_flat_with_its_centre_in_the_middle():
    noise = signal_statistics(_noise())
    assert noise["sig_centroid_hz"] == pytest.approx(SAMPLE_RATE / 4, rel=0.02)
    assert noise["sig_flatness"] == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)  # of a chi-squared spectrum
    assert noise["sig_silence"] == 0


def test_silence_is_a_share_and_has_no_centroid():
    half = _noise()
    half[len(half) // 2 :] = 0
    assert signal_statistics(half)["sig_silence"] == pytest.approx(0.5, abs=0.05)
    silent = signal_statistics(np.zeros(SAMPLE_RATE))
    assert silent["sig_silence"] == 1 and silent["sig_onset_rate"] == 0
    assert np.isnan(silent["sig_centroid_hz"]) and np.isnan(silent["sig_flatness"])


@pytest.mark.parametrize("rate", [2, 4])
def test_onsets_of_plucked_notes_are_counted(rate):
    since = _TIME % (1 / rate)
    notes = 0.5 * np.exp(-8 * since) * np.sin(2 * np.pi * 440 * _TIME) * np.minimum(since / 0.005, 1)
    assert signal_statistics(notes)["sig_onset_rate"] == pytest.approx(rate, abs=0.8)
    assert signal_statistics(0.3 * np.sin(2 * np.pi * 440 * _TIME))["sig_onset_rate"] < 0.6


def test_a_clip_shorter_than_a_frame_is_measured():
    short = signal_statistics(_noise()[:100])
    assert set(short) == {"sig_silence", "sig_onset_rate", "sig_centroid_hz", "sig_flatness"}
    assert all(np.isfinite(list(short.values())))


def test_a_long_clip_is_measured_block_by_block(monkeypatch: pytest.MonkeyPatch):
    clip = _noise() * (np.sin(2 * np.pi * 1.5 * _TIME) > 0)
    whole = signal_statistics(clip)
    monkeypatch.setattr(signals, "_FRAMES_AT_ONCE", 7)
    assert signal_statistics(clip) == pytest.approx(whole, rel=1e-9)
