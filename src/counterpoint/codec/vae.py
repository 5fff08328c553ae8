"""The VAE (3.1, App. E): the auto-encoder of Stable Audio, in the format of `diffusers`.

The networks are those of `diffusers.AutoencoderOobleck`, so that the VAE of `stabilityai/stable-audio-open-1.0` loads
unchanged and others can load what we train. A latent is the mean of its posterior; there are no codebooks.

Stereo checkpoints work in mono: the signal is fed to every channel, and the decoded channels are averaged.

Time. A frame covers `hop` samples, the product of the strides. T whole frames in give T frames out, but a transposed
convolution of odd stride s and padding ceil(s / 2) gives one sample too few: T frames decode to T * hop samples less
the product of the strides after it (31,968 of 32,000 at 25 Hz). Encoder and decoder are off the centre of a frame by
the same half sample of that layer, so that the output is aligned with the input, and only the last samples are
missing: they are filled with zeros.

Shapes: B batch, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from counterpoint.codec.base import Encoding, check_latents, whole_frames
from counterpoint.codec.layout import channels_last
from counterpoint.codec.loading import fingerprint, quietly, refuse_gaps, unreadable
from counterpoint.config import UserError, atomic_write, write_json

if TYPE_CHECKING:
    from diffusers import AutoencoderOobleck

KIND = "AutoencoderOobleck"
_FIELDS = (
    *("encoder_hidden_size", "downsampling_ratios", "channel_multiples", "decoder_channels", "decoder_input_channels"),
    *("audio_channels", "sampling_rate"),
)


def build_vae(config: Mapping[str, Any]) -> AutoencoderOobleck:
    """Build an untrained model.

    Args:
        config: fields of `diffusers.AutoencoderOobleck`, which may include those that a saved configuration adds
            (`_class_name`, ...).

    Raises:
        UserError: there are unknown fields, or fields that do not fit each other.
    """
    from diffusers import AutoencoderOobleck

    fields = {key: value for key, value in config.items() if not key.startswith("_")}
    if unknown := fields.keys() - set(_FIELDS):
        raise UserError(f"A VAE has no field {', '.join(sorted(unknown))}; its fields are {', '.join(_FIELDS)}.")
    with quietly():
        model = AutoencoderOobleck(**fields)
    _check(model.config)
    return model


class Vae:
    """A loaded VAE; see `codec.base.Codec` for the methods' contract. Evaluation mode, no gradients."""

    num_codebooks = 0
    codebook_size = 0
    keeps_phase = True

    def __init__(self, model: AutoencoderOobleck, *, name: str):
        """Wrap `model`, which is frozen, and whose weight normalisation is folded into plain weights."""
        config: Any = model.config
        _check(config)
        self.name = name
        self.sample_rate: int = config.sampling_rate
        self.samples_per_frame: int = math.prod(config.downsampling_ratios)
        self.frame_rate: float = self.sample_rate / self.samples_per_frame
        self.latent_dim: int = config.decoder_input_channels
        self.channels: int = config.audio_channels
        self.fingerprint = fingerprint({key: config[key] for key in _FIELDS}, model.state_dict())
        _fold_weight_norm(model)
        _fold_snakes(model)
        channels_last(model)
        self.model = model.eval().requires_grad_(False)
        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> Vae:
        """Move the codec to a device, in place."""
        self.device = torch.device(device)
        self.model.to(self.device)  # type: ignore[arg-type]
        return self

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Encoding:
        """Encode audio [B, N] in [-1, 1], padded with zeros to whole frames: T = ceil(N / samples per frame)."""
        audio = whole_frames(audio.to(self.device, torch.float32), samples_per_frame=self.samples_per_frame)
        moments = self.model.encoder(audio[:, None].expand(-1, self.channels, -1))
        return Encoding(latents=moments[:, : self.latent_dim].transpose(1, 2), codes=None)

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Decode latents [B, T, D] to audio [B, T * samples per frame]."""
        check_latents(latents, latent_dim=self.latent_dim)
        audio = self.model.decoder(latents.to(self.device, torch.float32).transpose(1, 2)).mean(dim=1)
        return nn.functional.pad(audio, (0, latents.shape[1] * self.samples_per_frame - audio.shape[-1]))

    def decode_codes(self, codes: Tensor) -> Tensor:
        """
        Raises:
            UserError: always; a VAE has no codes.
        """
        raise UserError(f"The codec {self.name!r} is a VAE and has no codes; decode its latents.")


def load_vae(source: str, *, name: str, subfolder: str = "") -> Vae:
    """Load a folder or hub id in `diffusers.AutoencoderOobleck` format; half precision becomes single.

    Args:
        source: folder or hub id.
        name: the name that the user gave.
        subfolder: folder within `source`, such as `vae` in a pipeline.

    Raises:
        UserError: there is no such model, it cannot be read, or its weights do not match its configuration.
    """
    from diffusers import AutoencoderOobleck

    try:
        with quietly():
            loaded: Any = AutoencoderOobleck.from_pretrained(
                source, subfolder=subfolder, torch_dtype=torch.float32, output_loading_info=True
            )
    except Exception as error:  # safetensors, diffusers and the hub raise their own kinds
        raise unreadable(error, name=name) from error
    model, found = loaded
    refuse_gaps(found, name=name)
    return Vae(model, name=name)


def save_vae(
    folder: Path, *, config: Mapping[str, Any], state: Mapping[str, Tensor], dtype: torch.dtype = torch.float32
) -> None:
    """Write `config.json` and `diffusion_pytorch_model.safetensors`, each atomically, in the format of `diffusers`.

    Args:
        config: as for `build_vae`.
        state: state of an `AutoencoderOobleck`.
        dtype: data type of the file; float16 halves its size.
    """
    from diffusers import __version__
    from safetensors.torch import save_file

    tensors = {key: value.detach().to("cpu", dtype).contiguous() for key, value in state.items()}
    weights = folder / "diffusion_pytorch_model.safetensors"
    atomic_write(weights, lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    fields = {key: config[key] for key in _FIELDS if key in config}
    write_json(folder / "config.json", {"_class_name": KIND, "_diffusers_version": __version__, **fields})


def _check(config: Any) -> None:
    if config.encoder_hidden_size != 2 * config.decoder_input_channels:
        raise UserError(
            f"A VAE's encoder_hidden_size ({config.encoder_hidden_size}) must be twice its decoder_input_channels "
            f"({config.decoder_input_channels}): the encoder gives a mean and a scale for each latent channel."
        )
    if len(config.channel_multiples) != len(config.downsampling_ratios):
        raise UserError("A VAE needs as many channel_multiples as downsampling_ratios.")


def _fold_weight_norm(model: nn.Module) -> None:
    """Replace each w = g v / |v| by its value: the output is the same, without recomputation at every call."""
    from torch.nn.utils import remove_weight_norm

    for module in model.modules():
        if hasattr(module, "weight_g"):
            remove_weight_norm(module)


class _Snake(nn.Module):
    """x + sin^2(a x) / b with precomputed a and b and one buffer: three times as fast as that of `diffusers`. It is for
    inference only."""

    def __init__(self, *, alpha: Tensor, beta: Tensor):
        super().__init__()
        self.frequency = nn.Parameter(alpha.detach().exp())
        self.height = nn.Parameter((beta.detach().exp() + 1e-9).reciprocal())

    def forward(self, x: Tensor) -> Tensor:
        wave = (x * self.frequency).sin_().square_()
        return torch.addcmul(x, wave, self.height, out=wave)


def _fold_snakes(model: nn.Module) -> None:
    from diffusers.models.autoencoders.autoencoder_oobleck import Snake1d

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, Snake1d):
                setattr(module, name, _Snake(alpha=child.alpha, beta=child.beta))
