"""Codecs: audio to continuous latents and codes, and back."""

from counterpoint.codec.base import Codec, Encoding, View, latent_spec
from counterpoint.codec.blurred import blurred_codes
from counterpoint.codec.chunked import decode, encode_audio
from counterpoint.codec.registry import load_codec, shipped_codecs

__all__ = [
    "Codec",
    "Encoding",
    "View",
    "blurred_codes",
    "decode",
    "encode_audio",
    "latent_spec",
    "load_codec",
    "shipped_codecs",
]
