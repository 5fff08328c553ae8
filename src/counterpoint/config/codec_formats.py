"""The formats of codecs: how each is loaded, and how the shape of its latents follows from its config.json.

A format is named by the `model_type` (transformers and our own) or `_class_name` (diffusers) of its config.json.
Imports no torch: lists and plans know a codec's latents without loading it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from counterpoint.config.codec_training import SpectrogramArchitecture
from counterpoint.config.errors import UserError
from counterpoint.config.registry import Registry, load_object


@dataclass(frozen=True)
class LatentShape:
    """The shape of latents.

    Attributes:
        sample_rate: Hz, of the audio.
        frame_rate: Hz, of the latents.
        num_codebooks: 0 if there are none, and then `codebook_size` is 0 too.
        latent_dim: channels.
    """

    sample_rate: int
    frame_rate: float
    num_codebooks: int
    codebook_size: int
    latent_dim: int


@dataclass(frozen=True)
class CodecFormat:
    """The registry entry of a format.

    Attributes:
        loader: MODULE:FUNCTION, imported when a codec is loaded; (source, *, name, subfolder) to a `Codec`, where
            `source` is a folder or hub id, `name` is what the user typed, and `subfolder` is a part of the source.
        shape: from a parsed config.json; raises KeyError, TypeError or ValueError if it describes no codec.
    """

    loader: str
    shape: Callable[[Mapping[str, Any]], LatentShape]

    def load(self, source: str, *, name: str, subfolder: str = "") -> Any:
        """The codec; raises the errors of its loader."""
        return load_object(self.loader)(source, name=name, subfolder=subfolder)


FORMATS: Registry[CodecFormat] = Registry("counterpoint.codecs", noun="format of codecs", kind=CodecFormat)
"""All formats that are installed."""


def format_of(config: Any, *, source: str) -> CodecFormat:
    """The format that a parsed config.json names.

    Args:
        source: the codec or the file, for the message.

    Raises:
        UserError: it names no installed format.
    """
    kind = config.get("model_type") or config.get("_class_name") if isinstance(config, dict) else None
    if kind not in FORMATS:
        raise UserError(f"The codec {source} has the format {kind!r}; the installed formats are {', '.join(FORMATS)}.")
    return FORMATS[str(kind)]


def _encodec_shape(config: Mapping[str, Any]) -> LatentShape:
    """As transformers computes it: the bandwidth, kbit/s, is that of all codebooks."""
    rate, size = config["sampling_rate"], config["codebook_size"]
    frame_rate = rate / math.prod(config["upsampling_ratios"])
    books = int(1000 * max(config["target_bandwidths"]) // (math.ceil(frame_rate) * math.log2(size)))
    return LatentShape(rate, frame_rate, books, size, config["hidden_size"])


def _vae_shape(config: Mapping[str, Any]) -> LatentShape:
    rate = config["sampling_rate"]
    return LatentShape(rate, rate / math.prod(config["downsampling_ratios"]), 0, 0, config["decoder_input_channels"])


def _spectrogram_shape(config: Mapping[str, Any]) -> LatentShape:
    shape, rate = SpectrogramArchitecture(**config["architecture"]), config["sample_rate"]
    size = shape.codebook_size if shape.num_codebooks else 0
    return LatentShape(rate, rate / shape.samples_per_frame, shape.num_codebooks, size, shape.latent_dim)


ENCODEC = CodecFormat("counterpoint.codec.encodec:load_encodec", _encodec_shape)
VAE = CodecFormat("counterpoint.codec.vae:load_vae", _vae_shape)
SPECTROGRAM = CodecFormat("counterpoint.codec.spectrogram:load_spectrogram", _spectrogram_shape)
MUSICGEN = CodecFormat(
    "counterpoint.codec.encodec:load_encodec_of_musicgen", lambda config: _encodec_shape(config["audio_encoder"])
)
"""The EnCodec inside a MusicGen checkpoint."""
