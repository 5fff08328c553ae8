"""EnCodec (3.1, App. E): a SEANet auto-encoder with residual vector quantisation, in the format of `transformers`.

The networks are those of `transformers`, so that `facebook/encodec_32khz` loads unchanged and others can load what we
train.

Shapes: B batch, K codebooks, T latent frames, V codebook size, D latent channels, N audio samples.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from counterpoint.codec.base import Encoding, check_latents, whole_frames
from counterpoint.codec.layout import Convolution, channels_last, pad
from counterpoint.codec.loading import fingerprint, quietly, refuse_gaps, unreadable
from counterpoint.codec.quantize import dequantize, quantize
from counterpoint.config import UserError, atomic_write, write_json
from counterpoint.config.weights import fetch_folder, read_part, read_weights

if TYPE_CHECKING:
    from transformers import EncodecConfig, EncodecModel

_TRAINING_ONLY = (".cluster_size", ".embed_avg", ".inited")
"""Buffers of a transformers codebook that inference never reads; left out of files."""
_SHAPE = (
    *("sampling_rate", "audio_channels", "upsampling_ratios", "hidden_size", "num_filters", "num_residual_layers"),
    *("kernel_size", "last_kernel_size", "residual_kernel_size", "dilation_growth_rate", "compress", "norm_type"),
    *("use_causal_conv", "use_conv_shortcut", "pad_mode", "trim_right_ratio", "num_lstm_layers", "activation"),
    *("codebook_size", "codebook_dim"),
)
"""Fields of a configuration that determine the function of the weights."""


def encodec_config(
    *,
    sample_rate: int = 32_000,
    strides: Sequence[int] = (8, 8, 5, 4),
    filters: int = 64,
    latent_dim: int = 128,
    num_codebooks: int = 4,
    codebook_size: int = 2048,
    lstm_layers: int = 2,
    activation: str = "elu",
) -> EncodecConfig:
    """The `transformers` configuration of an EnCodec like `facebook/encodec_32khz`.

    Args:
        strides: decoder order, as the paper lists them; samples per frame is their product.
        filters: channels of the first layer; every stage doubles them.
        activation: `elu` (released weights) or `gelu` (Table of App. E); `transformers` supports only ELU, so ours is
            an additional field of its configuration.
    """
    from transformers import EncodecConfig

    hop = math.prod(strides)
    frame_rate = -(-sample_rate // hop)  # as transformers rounds it
    bits_per_code = (codebook_size - 1).bit_length()
    config = EncodecConfig(
        sampling_rate=sample_rate,
        audio_channels=1,
        normalize=False,
        hidden_size=latent_dim,
        codebook_dim=latent_dim,
        num_filters=filters,
        num_residual_layers=1,
        upsampling_ratios=list(strides),
        norm_type="weight_norm",
        use_causal_conv=False,
        use_conv_shortcut=False,
        num_lstm_layers=lstm_layers,
        codebook_size=codebook_size,
        target_bandwidths=[
            (num_codebooks * frame_rate * bits_per_code + 0.5) / 1000
        ],  # from which it counts K, rounding down
    )
    config.activation = activation
    return config


def build_encodec(config: EncodecConfig) -> EncodecModel:
    """Build an untrained model with the activation of the configuration."""
    from transformers import EncodecModel

    model = EncodecModel(config)
    _set_activation(model, getattr(config, "activation", "elu"))
    return model


def _set_activation(model: EncodecModel, name: str) -> None:
    if name == "elu":
        return
    if name != "gelu":
        raise UserError(f"Unknown codec activation {name!r}; use elu or gelu.")
    for module in model.modules():
        if isinstance(module, nn.ModuleList):
            for index, layer in enumerate(module):
                if isinstance(layer, nn.ELU):
                    module[index] = nn.GELU()


class EnCodec:
    """A loaded EnCodec; see `codec.base.Codec` for the methods' contract. Evaluation mode, no gradients."""

    keeps_phase = True

    def __init__(self, model: EncodecModel, *, name: str):
        """Wrap `model`, which is frozen, and whose weight normalisation is folded into plain weights."""
        config = model.config
        if config.audio_channels != 1:
            raise UserError(f"The codec {name!r} has {config.audio_channels} audio channels; only mono codecs work.")
        if config.normalize or config.chunk_length_s:
            raise UserError(
                f"The codec {name!r} scales or chunks its input (normalize, chunk_length_s); use one without."
            )
        self.name = name
        self.sample_rate: int = config.sampling_rate
        self.samples_per_frame: int = math.prod(config.upsampling_ratios)
        self.frame_rate: float = self.sample_rate / self.samples_per_frame
        self.num_codebooks: int = len(model.quantizer.layers)
        self.codebook_size: int = config.codebook_size
        self.latent_dim: int = config.hidden_size
        self.fingerprint = _fingerprint(model)
        self.model = model.eval().requires_grad_(False)
        _fold_weight_norm(self.model)
        channels_last(self.model)
        _keep_layout(self.model)
        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> EnCodec:
        """Move the codec to a device, in place."""
        self.device = torch.device(device)
        self.model.to(self.device)  # type: ignore[arg-type]
        return self

    @torch.no_grad()
    def encode(self, audio: Tensor) -> Encoding:
        """Encode audio [B, N] in [-1, 1], padded with zeros to whole frames: T = ceil(N / samples per frame)."""
        audio = whole_frames(audio.to(self.device, torch.float32), samples_per_frame=self.samples_per_frame)
        latents = self.model.encoder(audio[:, None]).transpose(1, 2)
        return Encoding(latents=latents, codes=self.quantize(latents))

    @torch.no_grad()
    def quantize(self, latents: Tensor) -> Tensor:
        """Quantise [B, T, D] to codes [B, K, T]: each codebook takes the code nearest to the residual of the ones
        before."""
        return quantize(latents.to(self.device), codebooks=self.codebooks())

    @torch.no_grad()
    def dequantize(self, codes: Tensor) -> Tensor:
        """Sum the code vectors of [B, K, T] to latents [B, T, D]; a smaller K uses only the first codebooks."""
        return dequantize(codes.to(self.device), codebooks=self.codebooks()[: codes.shape[1]])

    @torch.no_grad()
    def decode_latents(self, latents: Tensor) -> Tensor:
        """Decode unquantised latents [B, T, D] to audio [B, T * samples per frame]."""
        check_latents(latents, latent_dim=self.latent_dim)
        return self.model.decoder(latents.to(self.device, torch.float32).transpose(1, 2))[:, 0]

    def decode_codes(self, codes: Tensor) -> Tensor:
        """Decode codes [B, K, T] to audio [B, T * samples per frame]."""
        return self.decode_latents(self.dequantize(codes))

    def codebooks(self) -> list[Tensor]:
        """K tensors [V, D]."""
        layers: Any = self.model.quantizer.layers
        return [layer.codebook.embed for layer in layers]

    def export(self) -> EncodecModel:
        """A copy in the form of `transformers`: its own convolutions, weights normalised as w = g v / |v| with v =
        w."""
        from torch.nn.utils import parametrize

        model = build_encodec(self.model.config)
        ours = dict(self.model.named_modules())
        with torch.no_grad():
            for name, module in model.named_modules():
                if parametrize.is_parametrized(module, "weight"):
                    folded = cast(Convolution, ours[name])
                    module.weight = folded.weight[:, :, 0].contiguous()  # the parametrisation computes g and v
                    cast(Tensor, module.bias).copy_(cast(Tensor, folded.bias))
            own = {key: value for key, value in self.model.state_dict().items() if key in model.state_dict()}
            model.load_state_dict({**model.state_dict(), **own})
        return model.eval()


def load_encodec(source: str, *, name: str, subfolder: str = "") -> EnCodec:
    """Load a folder or hub id in `transformers.EncodecModel` format; half precision becomes single.

    Args:
        source: folder or hub id.
        name: the name that the user gave.
        subfolder: folder within `source`.

    Raises:
        UserError: there is no such model, it cannot be read, or its weights do not match its configuration.
    """
    from transformers import EncodecModel

    try:
        with quietly():
            loaded: Any = EncodecModel.from_pretrained(
                source, subfolder=subfolder, dtype=torch.float32, output_loading_info=True
            )
    except Exception as error:  # safetensors and the hub raise their own kinds
        raise unreadable(error, name=name) from error
    model, found = loaded
    refuse_gaps(found, name=name, unread=_TRAINING_ONLY)
    _set_activation(model, getattr(model.config, "activation", "elu"))
    return EnCodec(model, name=name)


def load_encodec_of_musicgen(source: str, *, name: str, subfolder: str = "") -> EnCodec:
    """Load the EnCodec inside a MusicGen checkpoint in the format of `transformers`; see `load_encodec`."""
    from transformers import AutoConfig, EncodecModel

    folder = fetch_folder(source)
    with quietly():
        config = AutoConfig.from_pretrained(folder).audio_encoder
    return wrap_weights(EncodecModel, config, read_weights(folder, prefix="audio_encoder."), name=name)


def wrap_weights(kind: Any, config: Any, weights: Mapping[str, Tensor], *, name: str) -> EnCodec:
    """Build an EnCodec from a configuration and weights that have been read."""
    with quietly():
        model = read_part(kind, config, weights, source=name, unread=_TRAINING_ONLY)
    _set_activation(model, getattr(config, "activation", "elu"))
    return EnCodec(model, name=name)


def save_encodec(
    folder: Path, *, config: EncodecConfig, state: Mapping[str, Tensor], dtype: torch.dtype = torch.float32
) -> None:
    """Write `config.json` and `model.safetensors`, each atomically, in `transformers.EncodecModel` format.

    Args:
        state: state of an `EncodecModel`; tensors used only in training are left out.
        dtype: data type of the file; float16 halves its size.
    """
    from safetensors.torch import save_file

    tensors = {
        key: value.detach().to("cpu", dtype).contiguous()
        for key, value in state.items()
        if not key.endswith(_TRAINING_ONLY)
    }
    atomic_write(folder / "model.safetensors", lambda path: save_file(tensors, path, metadata={"format": "pt"}))
    write_json(folder / "config.json", {"architectures": ["EncodecModel"], **config.to_diff_dict()})


def _fingerprint(model: EncodecModel) -> str:
    """Digest of the weights used in inference and of their configuration."""
    config = {key: getattr(model.config, key, None) for key in _SHAPE}
    config["activation"] = config["activation"] or "elu"  # missing in released checkpoints
    state = model.state_dict()
    return fingerprint(config, {key: value for key, value in state.items() if not key.endswith(_TRAINING_ONLY)})


def _fold_weight_norm(model: nn.Module) -> None:
    """Replace each w = g v / |v| by its value: the output is the same, without recomputation at every call."""
    from torch.nn.utils import parametrize

    for module in model.modules():
        if parametrize.is_parametrized(module, "weight"):
            parametrize.remove_parametrizations(module, "weight", leave_parametrized=True)  # type: ignore[arg-type]


def _keep_layout(model: nn.Module) -> None:
    """Make the convolutions of `transformers` pad without leaving the layout of `codec.layout`."""
    from transformers.models.encodec.modeling_encodec import EncodecConv1d

    original = EncodecConv1d._pad1d

    def pad1d(hidden_states: Tensor, paddings: tuple[int, int], mode: str = "zero", value: float = 0.0) -> Tensor:
        if hidden_states.shape[-1] <= max(paddings):  # too short to be reflected
            return original(hidden_states, paddings, mode, value)
        return pad(hidden_states, paddings, mode, value)

    for module in model.modules():
        if isinstance(module, EncodecConv1d):
            module._pad1d = pad1d
