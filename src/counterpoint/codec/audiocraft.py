"""EnCodecs exported by audiocraft: `compression_state_dict.bin`, the networks of `codec.encodec` under other names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.codec.encodec import EnCodec, encodec_config, wrap_weights
from counterpoint.config import UserError
from counterpoint.config.documents import parse_yaml
from counterpoint.config.weights import check_tensors, read_pickle

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import EncodecConfig

COMPRESSION_FILE = "compression_state_dict.bin"
_SEANET = {
    "dimension": "hidden_size",
    "n_filters": "num_filters",
    "n_residual_layers": "num_residual_layers",
    "ratios": "upsampling_ratios",
    "norm": "norm_type",
    "kernel_size": "kernel_size",
    "last_kernel_size": "last_kernel_size",
    "residual_kernel_size": "residual_kernel_size",
    "dilation_base": "dilation_growth_rate",
    "pad_mode": "pad_mode",
    "compress": "compress",
    "lstm": "num_lstm_layers",
}
"""Fields of audiocraft's `seanet`, and their names in `transformers.EncodecConfig`."""
_NAMES = (
    (r"^(encoder|decoder)\.model\.", r"\1.layers."),
    (r"\.conv\.conv\.", ".conv."),
    (r"\.convtr\.convtr\.", ".conv."),
    (r"^quantizer\.vq\.layers\.(\d+)\._codebook\.", r"quantizer.layers.\1.codebook."),
)
"""Substitutions from audiocraft's tensor names to those of `transformers`, in this order."""


@dataclass(frozen=True)
class Package:
    """A file that audiocraft exported.

    Attributes:
        pretrained: name of the codec that it refers to; "" for a file with weights.
        config: its configuration.
        weights: tensors by audiocraft's names.
    """

    pretrained: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)


def read_package(path: Path) -> Package:
    """Read a file that audiocraft exported: `best_state` and `xp.cfg`, or a `pretrained` name.

    Raises:
        UserError: there is no such file, or it is not such an export.
    """
    package = read_pickle(path)
    values = package if isinstance(package, dict) else {}
    if isinstance(values.get("pretrained"), str):
        return Package(pretrained=values["pretrained"])
    if not {"best_state", "xp.cfg"} <= values.keys():
        raise UserError(f"{path} is not a checkpoint exported by audiocraft: it has no best_state with its xp.cfg.")
    check_tensors(values["best_state"], source=path)
    config = parse_yaml(str(values["xp.cfg"]), source=f"The configuration in {path}")
    if not isinstance(config, dict):
        raise UserError(f"The configuration in {path} has no settings by name; export the checkpoint again.")
    return Package(config=config, weights=values["best_state"])


def load_audiocraft(package: Package, *, name: str) -> EnCodec:
    """Build the EnCodec of a package with weights.

    Raises:
        UserError: the codec is not an EnCodec, or a tensor is missing or of another shape.
    """
    from transformers import EncodecModel

    config = _config(package.config, name=name)
    return wrap_weights(EncodecModel, config, {_name(key): value for key, value in package.weights.items()}, name=name)


def _config(cfg: Mapping[str, Any], *, name: str) -> EncodecConfig:
    """The configuration from audiocraft's, in which repeated values are references; these are not read."""
    try:
        seanet, rvq = cfg["seanet"], cfg["rvq"]
        config = encodec_config(
            sample_rate=cfg["sample_rate"],
            num_codebooks=rvq["n_q"],
            codebook_size=rvq["bins"],
            strides=seanet["ratios"],
            activation=seanet["activation"].lower(),
        )
        for theirs, ours in _SEANET.items():
            setattr(config, ours, seanet[theirs])
        config.codebook_dim = seanet["dimension"]
        config.audio_channels = cfg["channels"]
        config.use_causal_conv = cfg["encodec"]["causal"]
        config.normalize = cfg["encodec"]["renormalize"]
        config.use_conv_shortcut = not seanet["true_skip"]
        config.trim_right_ratio = seanet["decoder"]["trim_right_ratio"]
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"The codec in {name} is not an EnCodec that can be read: its xp.cfg lacks a setting ({error})."
        ) from None
    return config


def _name(theirs: str) -> str:
    for pattern, ours in _NAMES:
        theirs = re.sub(pattern, ours, theirs)
    return theirs
