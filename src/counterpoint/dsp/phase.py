"""Audio from magnitudes alone: phases that follow spectral peaks, then a few steps of fast Griffin-Lim.

A frame is a Hann window of `n_fft` samples; frame j is centred on sample (j + 1/2) hop, so that T frames cover exactly
T hop samples and no frame is shared by two consecutive pieces of audio.

Shapes: B batch, T STFT frames, F = n_fft / 2 + 1 frequency bins, N = T hop audio samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

MOMENTUM = 0.99
"""Momentum of fast Griffin-Lim (Perraudin, Balazs and Søndergaard, 2013)."""


@dataclass(frozen=True)
class PhaseState:
    """The phases at the end of a piece of audio, from which the next piece continues.

    Attributes:
        phase: [B, F] phase of the last frame, in radians.
        step: [B, F] phase advance of each bin's nearest peak in that frame, in radians per hop.
    """

    phase: np.ndarray
    step: np.ndarray


def frame_spectrum(audio: Tensor, *, n_fft: int, hop: int) -> Tensor:
    """Complex spectrum [B, T, F] of audio [B, N], N a multiple of `hop`, padded with zeros at both ends."""
    side = n_fft // 2 - hop // 2
    frames = F.pad(audio, (side, n_fft - hop - side)).unfold(1, n_fft, hop)
    return torch.fft.rfft(frames * _window(n_fft, audio.device))


def overlap_add(spectrum: Tensor, *, n_fft: int, hop: int) -> Tensor:
    """Audio [B, N] whose `frame_spectrum` is nearest to the spectrum [B, T, F] in the least-squares sense."""
    window = _window(n_fft, spectrum.device)
    frames = torch.fft.irfft(spectrum, n=n_fft) * window
    side = n_fft // 2 - hop // 2
    stop = side + spectrum.shape[1] * hop
    weight = _add(window.square().expand(1, spectrum.shape[1], n_fft), hop=hop)[:, side:stop]
    return _add(frames, hop=hop)[:, side:stop] / weight.clamp(min=1e-2)


def peak_phases(
    magnitudes: Tensor, *, n_fft: int, hop: int, before: PhaseState | None = None
) -> tuple[Tensor, PhaseState]:
    """Phases under which every bin follows its nearest spectral peak (single-pass inversion, Beauregard, Harish and
    Wyse, 2015): between two frames the phase of a peak advances by the mean of its frequencies in both, and a peak's
    frequency is that of a parabola through the logarithms of three bins.

    Args:
        magnitudes: [B, T, F], not negative.
        before: state at the end of the preceding audio; None starts from fixed random phases.

    Returns:
        Phases [B, T, F] in radians at the window's first sample, as in `torch.fft.rfft`, and the state at the end.
    """
    level = np.log(magnitudes.cpu().numpy() + 1e-9)
    B, T, bins = level.shape
    here = np.arange(bins)
    nearest, frequency = _nearest_peaks(level)
    step = (2 * math.pi * hop / n_fft * frequency).astype(np.float32)
    phase = np.empty((B, T, bins), np.float32)
    if before is None:
        draws = np.random.default_rng(0).uniform(0, 2 * math.pi, bins).astype(np.float32)
        before = PhaseState(phase=np.broadcast_to(draws, (B, bins)), step=step[:, 0] if T else np.zeros((B, bins)))
    last, last_step = before.phase, before.step
    for t in range(T):
        peak = nearest[:, t]
        advance = 0.5 * (step[:, t] + np.take_along_axis(last_step, peak, axis=1))
        last = (np.take_along_axis(last, peak, axis=1) + advance) % (2 * math.pi)
        phase[:, t], last_step = last, step[:, t]
    # Seen from the window's first sample, its spectrum alternates in sign from bin to bin around its peak.
    phase -= (math.pi * (here % 2)).astype(np.float32)
    return torch.from_numpy(phase).to(magnitudes.device), PhaseState(phase=last, step=last_step)


def griffin_lim(magnitudes: Tensor, phases: Tensor, *, n_fft: int, hop: int, iterations: int) -> Tensor:
    """Audio [B, N] with magnitudes [B, T, F], as of `frame_spectrum`, after `iterations` steps of fast Griffin-Lim that
    make the phases consistent.

    A step reaches n_fft / hop frames to either side, so that a frame farther than `iterations` times this distance from
    a border does not depend on the audio behind it.
    """
    spectrum, before = torch.polar(magnitudes, phases), None
    for _ in range(iterations):
        consistent = frame_spectrum(overlap_add(spectrum, n_fft=n_fft, hop=hop), n_fft=n_fft, hop=hop)
        target = consistent if before is None else consistent + MOMENTUM * (consistent - before)
        before = consistent
        spectrum = target * (magnitudes / target.abs().clamp(min=1e-12))
    return overlap_add(spectrum, n_fft=n_fft, hop=hop)


def _nearest_peaks(level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the peak nearest to every bin [B, T, F], and the frequency of this peak in bins; in a frame without a
    peak, each bin is its own peak."""
    bins = level.shape[-1]
    left, middle, right = level[..., :-2], level[..., 1:-1], level[..., 2:]
    peak = np.zeros(level.shape, bool)
    peak[..., 1:-1] = (middle > left) & (middle >= right)
    here = np.arange(bins, dtype=np.int64)
    below = np.maximum.accumulate(np.where(peak, here, -bins), axis=-1)
    above = np.minimum.accumulate(np.where(peak, here, 3 * bins)[..., ::-1], axis=-1)[..., ::-1]
    nearest = np.where(here - below <= above - here, below, above)
    nearest = np.where((nearest < 0) | (nearest >= bins), here, nearest)
    offset = np.zeros_like(level)
    curvature = np.minimum(left - 2 * middle + right, -1e-6)
    offset[..., 1:-1] = np.where(peak[..., 1:-1], np.clip(0.5 * (left - right) / curvature, -0.5, 0.5), 0)
    return nearest, np.take_along_axis(here + offset, nearest, axis=-1)


def _add(frames: Tensor, *, hop: int) -> Tensor:
    """The sum of frames [B, T, n_fft], each shifted by `hop` samples from the one before."""
    B, T, n_fft = frames.shape
    parts = -(-n_fft // hop)
    padded = F.pad(frames, (0, parts * hop - n_fft)).view(B, T, parts, hop)
    total = frames.new_zeros(B, T + parts - 1, hop)
    for part in range(parts):
        total[:, part : part + T] += padded[:, :, part]
    return total.flatten(1)


@lru_cache(maxsize=8)
def _window(n_fft: int, device: torch.device) -> Tensor:
    return torch.hann_window(n_fft, device=device)
