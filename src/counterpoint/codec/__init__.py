"""Codecs: audio to continuous latents and codes, and back."""

from counterpoint.codec.base import Codec, Encoding
from counterpoint.codec.registry import load_codec, shipped_codecs

__all__ = ["Codec", "Encoding", "load_codec", "shipped_codecs"]
