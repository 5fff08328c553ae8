"""The spectrogram codec: log magnitudes in, latents without phase, magnitudes out, with synthesised phases.

A codec of waveforms includes phase in its latents, which is noise to a small model: from the preceding frame, a linear
predictor explains a third of a latent frame of our small EnCodec, but three quarters of one of this codec. The encoder
sees only levels; the decoder predicts levels, and `dsp.phase` finds phases that fit them. It is trained by regression,
without discriminators, in minutes to hours on a CPU.

Features: Hann windows of 2048 samples every 320 (100 per second at 32 kHz), reduced by root mean square to 448 bands:
single bins up to 4 kHz, pairs up to 8 kHz, groups of eight above. A latent frame covers one, two or four such frames
(100, 50 or 25 Hz). Encoder and decoder are a linear map, which may be initialised with principal components, and a
parallel residual network.

Decoding in blocks carries the phases across the borders of blocks (`decode_stream`), so that long files have no
seams.

Shapes: B batch, K codebooks, T latent frames, S = r T STFT frames, M bands, V codebook size, D latent channels, C
width, N audio samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from counterpoint.codec.base import Encoding, View, check_latents, whole_frames
from counterpoint.codec.loading import fingerprint, refuse_gaps, unreadable
from counterpoint.codec.quantize import dequantize, quantize
from counterpoint.codec.windows import Map, Window, windows
from counterpoint.config import UserError, atomic_write, read_json, write_json
from counterpoint.config.codec_training import SpectrogramArchitecture
from counterpoint.config.weights import fetch_folder
from counterpoint.dsp.phase import PhaseState, frame_spectrum, griffin_lim, peak_phases

KIND = "counterpoint-spectrogram"
WEIGHTS = "model.safetensors"
HOP, N_FFT = 320, 2048
BANDS = 256 + 128 + 64
_FINE, _PAIRED = 256, 512
"""Bins below the first frequency stay single, bins up to the second are paired, the others are grouped by eight."""
_FLOOR, _CENTRE, LEVEL_NEPERS = 2e-4, -6.7, 1.7
"""A level is (ln(magnitude + floor) - centre) / scale: approximately standardised for music at -20 dBFS."""
_SILENT = 1.15
"""A band decoded to less than this many floors is set to silence: near the floor a decoder errs by a tenth of it, and
in decibels a hiss at -90 dB is as far from silence as a wrong note is from a right one."""
GRIFFIN_LIM_STEPS = 3
"""Griffin-Lim steps: more hardly improve the spectrum, and each costs as much as the network."""
BEAM = 4
"""Beam width of quantisation: the residual is a sixth smaller than with the nearest code in each codebook (0.081 of the
variance against 0.096); a beam of 8 leaves 0.077 and takes twice the time."""
_REACH = GRIFFIN_LIM_STEPS * -(-N_FFT // HOP)
"""STFT frames on either side on which the waveform of a frame depends, for given phases."""


class SpectrogramCodec:
    """A loaded spectrogram codec; see `codec.base.Codec` for the methods' contract. No gradients."""

    keeps_phase = False

    def __init__(self, network: SpectrogramNetwork, *, sample_rate: int, name: str):
        """Wrap `network`, which is frozen."""
        shape = network.shape
        self.name = name
        self.sample_rate = sample_rate
        self.samples_per_frame = shape.samples_per_frame
        self.frame_rate = sample_rate / shape.samples_per_frame
        self.num_codebooks = shape.num_codebooks
        self.codebook_size = shape.codebook_size if shape.num_codebooks else 0
        self.latent_dim = shape.latent_dim
        self.fingerprint = fingerprint({**shape.model_dump(), "sample_rate": sample_rate}, network.state_dict())
        self.model = network.eval().requires_grad_(False)
        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> SpectrogramCodec:
        """Move the codec to a device, in place."""
        self.device = torch.device(device)
        self.model.to(self.device)
        return self

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Encoding:
        """Encode audio [B, N] in [-1, 1], padded with zeros to whole frames: T = ceil(N / samples per frame)."""
        audio = whole_frames(audio.to(self.device, torch.float32), samples_per_frame=self.samples_per_frame)
        latents = self.model.encode(compress(band_magnitudes(audio)))
        return Encoding(latents=latents, codes=self.quantize(latents) if self.num_codebooks else None)

    def quantize(self, latents: Tensor) -> Tensor:
        """Quantise latents [B, T, D] to codes [B, K, T]."""
        return quantize(latents.to(self.device, torch.float32), codebooks=self.codebooks(), beam=BEAM)

    def dequantize(self, codes: Tensor) -> Tensor:
        """Sum the code vectors of [B, K, T] to latents [B, T, D]; a smaller K uses only the first codebooks.

        Raises:
            UserError: the codec has no codebooks.
        """
        if not self.num_codebooks:
            raise UserError(f"The codec {self.name!r} has no codes; decode its latents.")
        return dequantize(codes.to(self.device), codebooks=self.codebooks()[: codes.shape[1]])

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]."""
        return list(self.model.codebooks)

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Decode unquantised latents [B, T, D] to audio [B, T * samples per frame]."""
        magnitudes = self._magnitudes(latents)
        phases, _ = peak_phases(magnitudes, n_fft=N_FFT, hop=HOP)
        return griffin_lim(magnitudes, phases, n_fft=N_FFT, hop=HOP, iterations=GRIFFIN_LIM_STEPS)

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Decode codes [B, K, T] to audio [B, T * samples per frame]."""
        return self.decode_latents(self.dequantize(codes))

    def decode_stream(self, pieces: Iterable[Tensor], *, view: View, apply: Map = map) -> Iterator[Tensor]:
        """Decode consecutive latents [B, T, D] or codes [B, K, T] to audio as if in one piece.

        The network processes blocks in their context, the phases are computed through all of them in order, and
        Griffin-Lim again processes blocks, each with as many surrounding frames as it depends on.
        """
        blocks = windows(pieces, dim=1 if view == "latents" else 2, frame_rate=self.frame_rate)
        spectra = self._with_phases(apply(partial(self._block_magnitudes, view), blocks))
        return apply(_audio_of_block, windows(spectra, dim=1, frame_rate=self.sample_rate / HOP, context=_REACH))

    def _with_phases(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Add phases to consecutive magnitudes [B, S, F]: magnitudes and phases as [B, S, 2, F]."""
        state: PhaseState | None = None
        for magnitudes in blocks:
            phases, state = peak_phases(magnitudes, n_fft=N_FFT, hop=HOP, before=state)
            yield torch.stack((magnitudes, phases), dim=2)

    def _block_magnitudes(self, view: View, window: Window) -> Tensor:
        latents = window.content if view == "latents" else self.dequantize(window.content)
        frames = self.model.shape.frames_per_latent
        return self._magnitudes(latents)[:, window.start * frames : window.stop * frames]

    @torch.no_grad()
    def _magnitudes(self, latents: Tensor) -> Tensor:
        """Magnitudes [B, S, F] of latents [B, T, D]."""
        check_latents(latents, latent_dim=self.latent_dim)
        return unfold(self.model.decode_magnitudes(latents.to(self.device, torch.float32))) * (N_FFT / 2)


class SpectrogramNetwork(nn.Module):
    """Levels [B, S, M] to latents [B, T, D] and back, with fixed codebooks."""

    def __init__(self, shape: SpectrogramArchitecture):
        super().__init__()
        self.shape = shape
        r, D, C, fine = shape.frames_per_latent, shape.latent_dim, shape.width, shape.fine_width
        self.encode_linear = nn.Linear(r * BANDS, D)
        self.encode_in = nn.Linear(r * BANDS, C)
        self.encode_blocks = nn.Sequential(*(Block(C, dilation=d) for d in (1, 2, 4)))
        self.encode_out = nn.Sequential(nn.LayerNorm(C), nn.Linear(C, D))
        self.decode_linear = nn.Linear(D, r * BANDS)
        self.decode_in = nn.Linear(D, C)
        self.decode_blocks = nn.Sequential(*(Block(C, dilation=d) for d in (1, 2, 4, 1)))
        self.decode_up = nn.Linear(C, r * fine)
        self.decode_fine = nn.Sequential(*(Block(fine, dilation=d) for d in (1, 2)))
        self.decode_out = nn.Sequential(
            nn.LayerNorm(fine), nn.Linear(fine, 3 * fine), nn.GELU(), nn.Linear(3 * fine, BANDS)
        )
        self.register_buffer("mean", torch.zeros(D))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("gain", torch.ones(BANDS))
        self.register_buffer("codebooks", torch.zeros(shape.num_codebooks, shape.codebook_size, D))
        for last in (self.encode_out[-1], self.decode_out[-1]):  # the residual networks start small
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.bias)
            with torch.no_grad():
                last.weight.mul_(0.1)

    mean: Tensor
    """Mean of the raw latents, by channel."""
    scale: Tensor
    """Root of the latents' mean variance, one number for all channels, so that latents have a mean variance of 1."""
    gain: Tensor
    """Factors [M] of decoded magnitudes: regression towards the mean makes bands too quiet, the more so the less
    predictable they are."""
    codebooks: Tensor

    def raw_latents(self, levels: Tensor) -> tuple[Tensor, Tensor]:
        """Raw latents [B, T, D] of levels [B, S, M], before `standardize`, and the hidden states [B, T, C] behind
        them."""
        patches = levels.unflatten(1, (-1, self.shape.frames_per_latent)).flatten(2)
        hidden = self.encode_out[0](self.encode_blocks(self.encode_in(patches)))
        return self.encode_linear(patches) + self.encode_out[1](hidden), hidden

    def encode(self, levels: Tensor) -> Tensor:
        """Encode levels [B, S, M] to latents [B, T, D]."""
        return self.standardize(self.raw_latents(levels)[0])

    def standardize(self, raw: Tensor) -> Tensor:
        """Scale raw latents [B, T, D] to mean 0 and mean variance 1; the variances of channels still differ."""
        return (raw - self.mean) / self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Decode latents [B, T, D] to levels [B, S, M]."""
        r = self.shape.frames_per_latent
        hidden = self.decode_up(self.decode_blocks(self.decode_in(latents)))
        fine = self.decode_fine(hidden.unflatten(-1, (r, -1)).flatten(1, 2))
        linear = self.decode_linear(latents).unflatten(-1, (r, -1)).flatten(1, 2)
        return linear + self.decode_out(fine)

    def decode_magnitudes(self, latents: Tensor) -> Tensor:
        """Decode latents [B, T, D] to band magnitudes [B, S, M], each band as loud as in the training music."""
        return expand(self.decode(latents)) * self.gain


class Block(nn.Module):
    """x + W_2 gelu(W_1 [n(t - d), n(t), n(t + d)]), n the normalised x, zeros beyond the ends; x is [B, T, C]."""

    def __init__(self, width: int, *, dilation: int):
        super().__init__()
        self.dilation = dilation
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(3 * width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        nn.init.zeros_(self.down.bias)
        with torch.no_grad():
            self.down.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        d = self.dilation
        padded = F.pad(self.norm(x), (0, 0, d, d))
        around = torch.cat((padded[:, : -2 * d], padded[:, d:-d], padded[:, 2 * d :]), dim=-1)
        return x + self.down(F.gelu(self.up(around)))


def band_magnitudes(audio: Tensor) -> Tensor:
    """Band magnitudes [B, S, M] of audio [B, N], N a multiple of 320; a full-scale sine has 0.5."""
    magnitudes = frame_spectrum(audio, n_fft=N_FFT, hop=HOP).abs() * (2 / N_FFT)
    return fold(magnitudes)


def fold(magnitudes: Tensor) -> Tensor:
    """Bands [..., M] of bins [..., F], as the root of the mean power; the bin at half the sample rate is left out."""
    paired = magnitudes[..., _FINE:_PAIRED].unflatten(-1, (-1, 2))
    coarse = magnitudes[..., _PAIRED:-1].unflatten(-1, (-1, 8))
    return torch.cat(
        (magnitudes[..., :_FINE], *(part.square().mean(dim=-1).sqrt() for part in (paired, coarse))), dim=-1
    )


def unfold(bands: Tensor) -> Tensor:
    """Bins [..., F] of bands [..., M], equal within a band, with zero at half the sample rate."""
    paired = bands[..., _FINE : _FINE + 128].repeat_interleave(2, dim=-1)
    coarse = bands[..., _FINE + 128 :].repeat_interleave(8, dim=-1)
    return F.pad(torch.cat((bands[..., :_FINE], paired, coarse), dim=-1), (0, 1))


def compress(bands: Tensor) -> Tensor:
    """Levels of magnitudes."""
    return ((bands + _FLOOR).log() - _CENTRE) / LEVEL_NEPERS


def expand(levels: Tensor) -> Tensor:
    """Magnitudes of levels, from 0 to the greatest possible at full scale."""
    return ((levels * LEVEL_NEPERS + _CENTRE).clamp(max=1.0).exp() - _SILENT * _FLOOR).clamp(min=0)


def load_spectrogram(source: str, *, name: str, subfolder: str = "") -> SpectrogramCodec:
    """Load a folder that `save_spectrogram` wrote, or a hub repository of one; half precision becomes single.

    Args:
        source: folder or hub id.
        name: the name that the user gave.
        subfolder: folder within `source`.

    Raises:
        UserError: there is no such model, it cannot be read, or its weights do not match its configuration.
    """
    from safetensors.torch import load_file

    try:
        folder = Path(fetch_folder(source)) / subfolder
        config = read_json(folder / "config.json")
        shape = SpectrogramArchitecture(**config["architecture"])
        network = SpectrogramNetwork(shape)
        sample_rate = int(config["sample_rate"])
        state = {key: tensor.float() for key, tensor in load_file(folder / WEIGHTS).items()}
    except Exception as error:  # safetensors, pydantic and the hub raise their own kinds
        raise unreadable(error, name=name) from error
    own = network.state_dict()
    refuse_gaps(
        {
            "missing_keys": sorted(own.keys() - state.keys()),
            "unexpected_keys": sorted(state.keys() - own.keys()),
            "mismatched_keys": sorted(k for k in own.keys() & state.keys() if own[k].shape != state[k].shape),
        },
        name=name,
    )
    if broken := [key for key, tensor in state.items() if not tensor.isfinite().all()]:
        raise UserError(f"The weights of the codec {name!r} are not finite ({broken[0]}); use an undamaged copy.")
    network.load_state_dict(state)
    return SpectrogramCodec(network, sample_rate=sample_rate, name=name)


def save_spectrogram(
    folder: Path,
    *,
    architecture: SpectrogramArchitecture,
    sample_rate: int,
    state: Mapping[str, Tensor],
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write `config.json` and `model.safetensors`, each atomically.

    Args:
        state: state of a `SpectrogramNetwork`; other tensors are left out.
        dtype: data type of the file; float16 halves its size.
    """
    from safetensors.torch import save_file

    wanted = SpectrogramNetwork(architecture).state_dict()
    tensors = {key: state[key].detach().to("cpu", dtype).contiguous() for key in wanted}
    atomic_write(folder / WEIGHTS, lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    config: dict[str, Any] = {"model_type": KIND, "sample_rate": sample_rate, "architecture": architecture.model_dump()}
    write_json(folder / "config.json", config)


def _audio_of_block(window: Window) -> Tensor:
    """Audio [B, N] of a block of magnitudes and phases [B, S, 2, F]."""
    magnitudes, phases = window.content.unbind(dim=2)
    audio = griffin_lim(magnitudes, phases, n_fft=N_FFT, hop=HOP, iterations=GRIFFIN_LIM_STEPS)
    return audio[:, window.start * HOP : window.stop * HOP].cpu()
