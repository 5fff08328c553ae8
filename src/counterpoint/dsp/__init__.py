"""Differentiable signal processing: STFT magnitudes and mel filters."""

from counterpoint.dsp.spectral import log_mel, mel_filterbank, mel_scale, stft_magnitude

__all__ = ["log_mel", "mel_filterbank", "mel_scale", "stft_magnitude"]
