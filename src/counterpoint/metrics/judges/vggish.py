"""VGGish, the judge of the published Fréchet audio distance (Sec. 4.3).

Network: Hershey et al., "CNN architectures for large-scale audio classification" (ICASSP 2017), with the weights that
`torchvggish` converted from Google's. It has no PCA and no last ReLU, as in `fadtk`.

Shapes: N audio samples, P patches of 0.96 s, T = 96 frames of 10 ms, F = 64 mel bands, E = 128.

The rest after the last whole patch is ignored, as in Google's code; a clip shorter than one patch (0.975 s, because the
last window reaches beyond its frame) is padded with zeros to one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from counterpoint.audio import resample
from counterpoint.config import UserError
from counterpoint.config.fetched import Fetched
from counterpoint.config.weights import read_pickle
from counterpoint.metrics.base import JudgeOutput
from counterpoint.metrics.judges.loading import fill, once
from counterpoint.metrics.signals import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor, nn

_RATE = 16_000
_WINDOW, _HOP, _FFT, _BANDS = 400, 160, 512, 64
_LOW_HZ, _HIGH_HZ = 125.0, 7500.0
_OFFSET = 0.01
_FRAMES = 96
_SHORTEST = _WINDOW + (_FRAMES - 1) * _HOP
_PATCHES_AT_ONCE = 16
_CODE = 1
"""Version of the code in this file, for `Judge.version`."""


class VggishJudge:
    """Gives `embeddings` [P, 128].

    With `as_fadtk` it also rounds the audio to 16 bits and the embeddings to half precision, as fadtk does. The
    remaining difference is the resampling, which fadtk does with torchaudio.
    """

    def __init__(self, weights: Fetched, *, as_fadtk: bool = False):
        self.name = "vggish_fadtk" if as_fadtk else "vggish"
        self.version = f"{weights.sha256[:16]}-{_CODE}{'-fadtk' * as_fadtk}"
        self.checkpoint = f"VGGish {weights.label}{', 16-bit audio and embeddings as in fadtk' * as_fadtk}"
        self._weights = weights
        self.as_fadtk = as_fadtk

    def analyze(self, audio: np.ndarray, *, device: str = "cpu") -> JudgeOutput:
        """Analyse a clip; see `Judge`.

        Raises:
            UserError: the weights are missing or have changed since they were fetched.
        """
        import torch

        network = load(self._weights.verified(), device=device)
        low = resample(audio, own_rate=SAMPLE_RATE, sample_rate=_RATE)
        patches = torch.from_numpy(log_mel_patches(sixteen_bits(low) if self.as_fadtk else low))
        with torch.inference_mode():
            parts = [_embed(network, part.to(device)) for part in patches.split(_PATCHES_AT_ONCE)]
        embeddings = torch.cat(parts).cpu().numpy()
        return {"embeddings": embeddings.astype(np.float16).astype(np.float32) if self.as_fadtk else embeddings}


def sixteen_bits(audio: np.ndarray) -> np.ndarray:
    """Round [N] to 16 bits, as in a file: steps of 2^-15 in [-1, 1)."""
    return np.clip(np.round(audio * 32768.0), -32768, 32767) / 32768.0


def log_mel_patches(audio: np.ndarray) -> np.ndarray:
    """[N] audio at 16 kHz to [P, 96, 64] float32: log(mel + 0.01) of the magnitudes of periodic Hann windows."""
    audio = np.pad(audio.astype(np.float64), (0, max(0, _SHORTEST - len(audio))))
    frames = np.lib.stride_tricks.sliding_window_view(audio, _WINDOW)[::_HOP]
    window = 0.5 - 0.5 * np.cos(2 * np.pi / _WINDOW * np.arange(_WINDOW))
    mel = np.log(np.abs(np.fft.rfft(frames * window, _FFT)) @ mel_filters() + _OFFSET)
    whole = len(mel) // _FRAMES
    return mel[: whole * _FRAMES].reshape(whole, _FRAMES, _BANDS).astype(np.float32)


@cache
def mel_filters() -> np.ndarray:
    """Triangular filters [257, 64], linear in mel (not in Hz) with a peak of 1; mel = 1127 ln(1 + f / 700)."""
    mel = 1127.0 * np.log1p(np.linspace(0.0, _RATE / 2, _FFT // 2 + 1) / 700.0)[:, None]
    low, high = 1127.0 * np.log1p(np.array([_LOW_HZ, _HIGH_HZ]) / 700.0)
    edges = np.linspace(low, high, _BANDS + 2)
    rise, fall = (mel - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - mel) / np.diff(edges)[1:]
    return np.maximum(0.0, np.minimum(rise, fall))


@once
def load(checkpoint: Path, *, device: str = "cpu") -> nn.ModuleDict:
    """The network on a device, with the tensor names of the published checkpoint.

    Raises:
        UserError: the file is damaged or not a VGGish checkpoint.
    """
    import torch

    weights = read_pickle(checkpoint)
    if not isinstance(weights, dict) or not all(torch.is_tensor(value) for value in weights.values()):
        raise UserError(f"{checkpoint} is not a VGGish checkpoint; use one published by torchvggish.")
    with torch.device("meta"):
        network = _network()
    fill(network, weights, source=checkpoint, what="VGGish")
    return network.to(device)


def _network() -> nn.ModuleDict:
    """Convolutions of 3 x 3, max-pooling over 2 x 2, and three dense layers."""
    from torch import nn

    layers: list[nn.Module] = []
    before = 1
    for widths in ((64,), (128,), (256, 256), (512, 512)):
        for width in widths:
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        layers.append(nn.MaxPool2d(2))
    top = (nn.Linear(512 * 4 * 6, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 128))
    return nn.ModuleDict({"features": nn.Sequential(*layers), "embeddings": nn.Sequential(*top)})


def _embed(network: nn.ModuleDict, patches: Tensor) -> Tensor:
    """[P, 96, 64] to [P, 128]."""
    picture = network["features"](patches[:, None])
    return network["embeddings"](picture.permute(0, 2, 3, 1).flatten(1))  # channels last, as in TensorFlow
