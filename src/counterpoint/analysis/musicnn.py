"""MusiCNN in PyTorch: 50 tag probabilities and a 200-d embedding of every 3 s of music.

Model: Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging" (2019), trained on
MagnaTagATune (`MTT_musicnn`). The weights are read from the installed `musicnn` wheel by path; that package itself
needs TensorFlow and is never imported.

Shapes: B patches, N audio samples, T = 187 mel frames a patch, F = 96 mel bands, E = 200, tags = 50.

Deviations from the original, all in the front of the network:
- the log-mel spectrogram is computed in float32 (the original casts to float16 before taking the logarithm, which
  overflows on loud audio);
- patches are spread evenly over the whole clip; the original drops what is left after the last whole patch;
- a clip shorter than 3 s is repeated up to 3 s; the original returns nothing for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from counterpoint.analysis.tf_checkpoint import read_checkpoint
from counterpoint.audio.librosa_import import import_librosa
from counterpoint.config import UserError
from counterpoint.config.borrowed import borrow, command_for

SAMPLE_RATE = 16_000
EMBEDDING_DIM = 200
_FFT, _HOP, _MELS = 512, 256, 96
_PATCH_FRAMES = 187  # 3 s
_BATCH_NORM_EPS = 1e-3  # TensorFlow's default
_PATCHES_AT_ONCE = 4
_FRAMES_AT_ONCE = 32  # keeps the responses of a layer in cache
_STEP = 8  # frames of a product in `_temporal`

TAGS: tuple[str, ...] = (
    *("guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano", "ambient"),
    *("beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing", "vocals", "no vocals"),
    *("harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal", "pop", "soft", "sitar", "solo"),
    *("man", "classic", "choir", "voice", "new age", "dance", "male voice", "female vocal", "beats", "harp", "cello"),
    *("no voice", "weird", "country", "metal", "female voice", "choral"),
)
"""The network's outputs in their order: the 50 most frequent tags of MagnaTagATune."""


@dataclass(frozen=True)
class MusicnnOutput:
    """The output of MusiCNN for one clip of P patches.

    Attributes:
        embeddings: [P, 200] float32, the normalised penultimate layer.
        logits: [P, 50] float32, log-odds of `TAGS`.
    """

    embeddings: np.ndarray
    logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """[50] probability of each tag, averaged over the patches."""
        return (1 / (1 + np.exp(-self.logits.astype(np.float64)))).mean(0)


class Musicnn:
    """The MTT_musicnn network. Make one with `load_musicnn`."""

    def __init__(self, weights: dict[str, np.ndarray], *, device: str = "cpu"):
        own = {name: value for name, value in weights.items() if "/Adam" not in name}
        self._weights = {name: torch.tensor(value, device=device) for name, value in own.items()}
        self._device = device
        self._spectral = {layer: self._spectral_kernel(layer) for layer in (0, 1)}
        self._banded = {layer: self._banded_kernel(layer) for layer in (2, 3, 4)}

    def __call__(self, audio: np.ndarray, *, sample_rate: int) -> MusicnnOutput:
        """Tag and embed one clip.

        Args:
            audio: [N] float in [-1, 1].
            sample_rate: Hz; must be `SAMPLE_RATE`.

        Raises:
            ValueError: the sample rate is not `SAMPLE_RATE`, or the clip is empty.
        """
        if sample_rate != SAMPLE_RATE or audio.ndim != 1 or not audio.size:
            raise ValueError(f"MusiCNN takes mono audio at {SAMPLE_RATE} Hz; got {audio.shape} at {sample_rate} Hz")
        patches = log_mel_patches(audio)
        with torch.inference_mode():
            parts = [self.forward(some.to(self._device)) for some in patches.split(_PATCHES_AT_ONCE)]
        embeddings, logits = (torch.cat(list(kind)).cpu().numpy() for kind in zip(*parts, strict=True))
        return MusicnnOutput(embeddings, logits)

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, F] log-mel patches to embeddings [B, 200] and logits [B, 50]."""
        features = self.feature_map(patches)  # [B, T, 753]
        # The original concatenates (max, mean) along a trailing axis before flattening, so they alternate.
        pooled = torch.stack([features.amax(1), features.mean(1)], dim=-1).flatten(1)  # [B, 1506]
        hidden = F.relu(self._dense(self._normalize(pooled, 9), "dense"))
        embeddings = self._normalize(hidden, 10)
        return embeddings, self._dense(embeddings, "dense_1")

    def feature_map(self, patches: Tensor) -> Tensor:
        """[B, T, F] to [B, T, 561 + 3 * 64]: the front-end's channels and the three mid-end layers'."""
        x = self._normalize(patches[..., None], 0)[..., 0]
        front = torch.cat(
            [self._timbral(x, 0), self._timbral(x, 1), *(self._temporal(x, layer) for layer in (2, 3, 4))], dim=-1
        )
        first = self._middle(front, 5)
        second = first + self._middle(first, 6)
        third = second + self._middle(second, 7)
        return torch.cat([front, first, second, third], dim=-1)

    def _timbral(self, x: Tensor, layer: int) -> Tensor:
        """Kernels of 7 frames by most of the bands, then the maximum over frequency: [B, T, F] to [B, T, 204].

        The correlation along the bands is the inverse Fourier transform of Fourier(x) conj(Fourier(kernel)), and takes
        a third of the multiplications. Each coefficient is a matrix product, and so is the inverse transform.
        """
        kernel, inverse, flip, bias = self._spectral[layer]
        taps = kernel.shape[1] // 2
        spectrum = torch.fft.rfft(F.pad(x, (0, 0, taps // 2, taps // 2)), dim=-1)  # [B, T + taps - 1, F / 2 + 1]
        windows = torch.cat((spectrum.real.unfold(1, taps, 1), spectrum.imag.unfold(1, taps, 1)), dim=-1)
        highest = []
        for some in windows.flatten(0, 1).transpose(0, 1).split(_FRAMES_AT_ONCE, dim=1):  # [F / 2 + 1, frames, 2 taps]
            coefficients = torch.bmm(some.repeat(2, 1, 1), kernel).transpose(0, 1)  # [frames, F + 2, 204]
            # Product by product, each of which stays in a cache, and not one product for all frames.
            highest.append(torch.bmm(inverse.expand(len(coefficients), -1, -1), coefficients).amax(1))
        response = torch.cat(highest).unflatten(0, x.shape[:2])
        return self._normalize(F.relu((response + bias) * flip), layer + 1)

    def _spectral_kernel(self, layer: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The kernels of `_timbral` in the frequency domain.

        Returns:
            Conjugate transforms [F + 2, 2 taps, 204] of the kernels, which take the real and the imaginary parts of the
            frames' transforms to the real parts of the responses' and then to their imaginary parts; the inverse
            transform [positions, F + 2]; and sign and bias of `_flipped`.
        """
        kernel = self._weights[_conv(layer) + "/kernel"]  # [7, bands, 1, 204]
        _, bands, _, channels = kernel.shape
        flat, flip, bias = self._flipped(kernel.reshape(-1, channels), layer)
        transform = torch.fft.rfft(flat.view(-1, bands, channels).cpu().double(), n=_MELS, dim=1).transpose(0, 1)
        real = torch.cat((transform.real, transform.imag), dim=1)
        imaginary = torch.cat((-transform.imag, transform.real), dim=1)
        coefficient = torch.arange(_MELS // 2 + 1, dtype=torch.double)
        angles = 2 * torch.pi / _MELS * torch.arange(_MELS - bands + 1)[:, None] * coefficient
        weight = torch.where((coefficient == 0) | (coefficient == _MELS // 2), 1.0, 2.0) / _MELS
        inverse = torch.cat((weight * angles.cos(), -weight * angles.sin()), dim=1)
        both = torch.cat((real, imaginary)).float().contiguous()
        return both.to(self._device), inverse.float().to(self._device), flip, bias

    def _temporal(self, x: Tensor, layer: int) -> Tensor:
        """Kernels of many frames by one band, then the maximum over frequency: [B, T, F] to [B, T, 51].

        The responses of `_STEP` frames are one matrix product with all frames that they depend on.
        """
        matrix, flip, bias = self._banded[layer]
        frames, span = x.shape[1], matrix.shape[1]
        taps = span - _STEP + 1
        padded = F.pad(x, (0, 0, (taps - 1) // 2, taps // 2 + -frames % _STEP))  # TensorFlow's "same", and whole steps
        windows = padded.unfold(1, span, _STEP).transpose(2, 3)  # [B, steps, span, F]
        response = torch.matmul(matrix, windows.flatten(0, 1)).amax(2).view(len(x), -1, len(bias))[:, :frames]
        return self._normalize(F.relu((response + bias) * flip), layer + 1)

    def _banded_kernel(self, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """The kernels of `_temporal`, once for each of `_STEP` frames, as a matrix [_STEP 51, span], and the sign and
        bias of `_flipped`."""
        kernel = self._weights[_conv(layer) + "/kernel"]  # [taps, 1, 1, 51]
        taps, _, _, channels = kernel.shape
        kernel, flip, bias = self._flipped(kernel.reshape(taps, channels), layer)
        shifted = [F.pad(kernel.T, (frame, _STEP - 1 - frame)) for frame in range(_STEP)]
        return torch.cat(shifted), flip, bias

    def _middle(self, x: Tensor, layer: int) -> Tensor:
        """Kernels of 7 frames by all channels: [B, T, channels] to [B, T, 64]."""
        kernel = self._weights[_conv(layer) + "/kernel"]  # [7, channels, 1, 64]
        response = F.conv1d(x.transpose(1, 2), kernel[:, :, 0].permute(2, 1, 0), padding=kernel.shape[0] // 2)
        return self._normalize(F.relu(response.transpose(1, 2) + self._weights[_conv(layer) + "/bias"]), layer + 1)

    def _flipped(self, kernel: Tensor, layer: int) -> tuple[Tensor, Tensor, Tensor]:
        """Kernel and bias with the sign that lets a maximum over frequency be taken before ReLU and batch norm.

        max(gamma relu(c)) is gamma relu(max c) where gamma >= 0, and gamma relu(-max(-c)) where it is negative.
        """
        flip = torch.where(self._weights[_norm(layer + 1) + "/gamma"] < 0, -1.0, 1.0)
        return kernel * flip, flip, self._weights[_conv(layer) + "/bias"] * flip

    def _dense(self, x: Tensor, name: str) -> Tensor:
        return x @ self._weights[name + "/kernel"] + self._weights[name + "/bias"]

    def _normalize(self, x: Tensor, layer: int) -> Tensor:
        """Batch normalisation with the stored statistics, over the last axis."""
        gamma, beta, mean, variance = (
            self._weights[f"{_norm(layer)}/{part}"] for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (x - mean) * (gamma * torch.rsqrt(variance + _BATCH_NORM_EPS)) + beta


@cache
def load_musicnn(device: str = "cpu") -> Musicnn:
    """The network, on a device, with the weights that the `musicnn` wheel carries.

    Raises:
        UserError: that wheel is missing and could not be fetched, or it lacks the weights.
    """
    index = borrow("musicnn") / "MTT_musicnn" / ".index"
    if not index.is_file():
        raise UserError(f"MusiCNN's weights are not in {index.parent}; run `{command_for('musicnn')}`.")
    return Musicnn(read_checkpoint(index), device=device)


def log_mel_patches(audio: np.ndarray) -> Tensor:
    """[N] audio at 16 kHz to [B, T, F]: log10(10000 mel power + 1), cut into 3 s patches spread over the whole clip."""
    if len(audio) < _PATCH_FRAMES * _HOP:
        audio = np.resize(audio, _PATCH_FRAMES * _HOP)  # repeats the clip
    signal = torch.from_numpy(np.ascontiguousarray(audio, dtype=np.float32))
    spectrum = torch.stft(signal, _FFT, _HOP, window=torch.hann_window(_FFT), center=True, return_complex=True)
    mel = _mel_filters() @ spectrum.abs().square()
    frames = torch.log10(10_000 * mel + 1).T  # [frames, F]
    last = len(frames) - _PATCH_FRAMES
    # A remainder of a few frames (less than 0.15 s) after the last whole patch is ignored rather than given a patch.
    count = ceil(len(frames) / _PATCH_FRAMES - 0.05)
    starts = np.linspace(0, last, max(count, 1)).round().astype(int)
    return torch.stack([frames[start : start + _PATCH_FRAMES] for start in starts])


@cache
def _mel_filters() -> Tensor:
    return torch.from_numpy(import_librosa().filters.mel(sr=SAMPLE_RATE, n_fft=_FFT, n_mels=_MELS))


def _conv(layer: int) -> str:
    return f"conv2d_{layer}" if layer else "conv2d"


def _norm(layer: int) -> str:
    return f"batch_normalization_{layer}" if layer else "batch_normalization"
