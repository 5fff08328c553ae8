"""EnCodecs exported by audiocraft: `compression_state_dict.bin`, the networks of `codec.encodec` under other names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from counterpoint.codec.encodec import EnCodec, encodec_config, wrap_weights
from counterpoint.config import UserError
from counterpoint.config.weights import read_pickle

if TYPE_CHECKING:
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


def read_package(path: Path) -> dict[str, Any]:
    """Read a file that audiocraft exported: `best_state` and `xp.cfg`, or a `pretrained` name.

    Raises:
        UserError: there is no such file, or it is not such an export.
    """
    package = read_pickle(path)
    if not isinstance(package, dict) or not ({"best_state", "xp.cfg"} <= package.keys() or "pretrained" in package):
        raise UserError(f"{path} is not a checkpoint exported by audiocraft: it has no best_state with its xp.cfg.")
    return package


def load_audiocraft(package: Mapping[str, Any], *, name: str) -> EnCodec:
    """Build the EnCodec of a package with weights.

    Raises:
        UserError: the codec is not an EnCodec, or a tensor is missing or of another shape.
    """
    from transformers import EncodecModel

    config = _config(yaml.safe_load(package["xp.cfg"]), name=name)
    return wrap_weights(
        EncodecModel, config, {_name(key): value for key, value in package["best_state"].items()}, name=name
    )


def _config(cfg: dict[str, Any], *, name: str) -> EncodecConfig:
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
        raise UserError(f"The codec in {name} is not an EnCodec that can be read: its xp.cfg lacks {error}.") from None
    return config


def _name(theirs: str) -> str:
    for pattern, ours in _NAMES:
        theirs = re.sub(pattern, ours, theirs)
    return theirs
