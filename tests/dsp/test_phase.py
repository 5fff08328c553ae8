"""Audio from magnitudes."""

import math

import pytest
import torch

from counterpoint.dsp.phase import frame_spectrum, griffin_lim, overlap_add, peak_phases

SHAPE = {"n_fft": 256, "hop": 40}


def tones(*hertz: float, samples: int = 40 * 200, rate: int = 4000) -> torch.Tensor:
    time = torch.arange(samples) / rate
    return torch.stack([0.2 * torch.sin(2 * math.pi * f * time) for f in hertz])


def test_a_spectrum_comes_back_exactly_and_covers_whole_hops():
    audio = torch.randn(2, 40 * 31)
    spectrum = frame_spectrum(audio, **SHAPE)
    assert spectrum.shape == (2, 31, 129)
    torch.testing.assert_close(overlap_add(spectrum, **SHAPE)[:, 60:-60], audio[:, 60:-60], atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("hertz", [183.0, 441.7, 1000.0])
def test_a_tone_keeps_its_frequency_wherever_it_lies_between_bins(hertz):
    magnitudes = frame_spectrum(tones(hertz), **SHAPE).abs()
    phases, _ = peak_phases(magnitudes, **SHAPE)
    audio = griffin_lim(magnitudes, phases, **SHAPE, iterations=3)
    found = torch.fft.rfft(audio[0] * torch.hann_window(audio.shape[1]), n=1 << 17).abs().argmax() * 4000 / (1 << 17)
    assert abs(float(found) - hertz) < 2.0
    assert audio.square().mean().sqrt() == pytest.approx(0.2 / math.sqrt(2), rel=0.15), "no beating, no gaps"


def test_griffin_lim_brings_magnitudes_nearer():
    magnitudes = frame_spectrum(torch.randn(1, 40 * 100).cumsum(1) * 0.01, **SHAPE).abs()
    phases, _ = peak_phases(magnitudes, **SHAPE)

    def distance(iterations: int) -> float:
        audio = griffin_lim(magnitudes, phases, **SHAPE, iterations=iterations)
        return float((frame_spectrum(audio, **SHAPE).abs() - magnitudes).abs().mean())

    assert distance(10) < distance(3) < distance(0)


def test_phases_go_on_where_the_piece_before_ended():
    magnitudes = frame_spectrum(tones(300.0, 517.0), **SHAPE).abs()
    whole, _ = peak_phases(magnitudes, **SHAPE)
    first, state = peak_phases(magnitudes[:, :77], **SHAPE)
    second, _ = peak_phases(magnitudes[:, 77:], **SHAPE, before=state)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole)


@pytest.mark.parametrize("frames", [1, 2])
def test_silence_and_a_single_frame(frames):
    magnitudes = torch.zeros(1, frames, 129)
    phases, _ = peak_phases(magnitudes, **SHAPE)
    audio = griffin_lim(magnitudes, phases, **SHAPE, iterations=3)
    assert audio.shape == (1, 40 * frames) and not audio.any()
