"""Codecs: audio to latents and codes, and back.

Shapes: K codebooks, T latent frames, D latent channels, N audio samples.
"""

from __future__ import annotations

import os

from torch import Tensor

from counterpoint import codec
from counterpoint.audio import Sound, SoundLike
from counterpoint.codec import Codec, Encoding, View
from counterpoint.config import UserError
from counterpoint.config.device import find_device
from counterpoint.encode import require_view, usual_view


class LoadedCodec:
    """A codec; see `load_codec`. It is mono: channels are averaged before encoding.

    >>> import counterpoint as cp
    >>> import numpy as np
    >>> pocket = cp.load_codec("pocket")
    >>> tone = cp.Sound(0.3 * np.sin(2 * np.pi * 440 * np.arange(32000) / 32000), 32000)
    >>> encoding = pocket.encode(tone)
    >>> encoding.latents.shape[1:] == (pocket.frame_rate, pocket.latent_dim)
    True
    >>> pocket.decode(encoding).duration_s == pocket.reconstruct(tone).duration_s == 1.0
    True
    """

    def __init__(self, loaded: Codec):
        self.loaded = loaded

    @property
    def name(self) -> str:
        """The name from which it was loaded."""
        return self.loaded.name

    @property
    def sample_rate(self) -> int:
        """Hz."""
        return self.loaded.sample_rate

    @property
    def frame_rate(self) -> float:
        """Frame rate of latents and codes in Hz."""
        return self.loaded.frame_rate

    @property
    def device(self) -> str:
        """The device of the codec and of its results, except audio, which is a numpy array."""
        return str(self.loaded.device)

    @property
    def num_codebooks(self) -> int:
        """K; 0 without codes."""
        return self.loaded.num_codebooks

    @property
    def latent_dim(self) -> int:
        """D."""
        return self.loaded.latent_dim

    def encode(self, audio: SoundLike) -> Encoding:
        """Latents [1, T, D] and codes [1, K, T] of audio of any length and sample rate; codes are None if the codec has
        none.

        Raises:
            UserError: the audio cannot be read.
        """
        return codec.encode_audio(Sound.of(audio, sample_rate=self.sample_rate).mono, self.loaded)

    def decode(
        self,
        encoding: Encoding | None = None,
        *,
        latents: Tensor | None = None,
        codes: Tensor | None = None,
        view: View | None = None,
    ) -> Sound:
        """Audio of an encoding, or of latents [1, T, D] or codes [1, K, T] alone.

        Args:
            view: the view of an encoding to decode: by default the codes, or the latents if the codec has no codes.

        Raises:
            UserError: not exactly one of the three is given, the codec has no codes, or there are several pieces of
                music.
        """
        if sum(each is not None for each in (encoding, latents, codes)) != 1:
            raise UserError("decode needs exactly one of an encoding, latents or codes.")
        if encoding is not None:
            view = view or usual_view(self.loaded)
            require_view(self.loaded, view)
            drawn = encoding.view(view)
        else:
            view = "codes" if latents is None else "latents"
            require_view(self.loaded, view)
            drawn = codes if latents is None else latents
        assert drawn is not None
        if len(drawn) != 1:
            raise UserError(f"The {view} belong to {len(drawn)} pieces of music: decode them one by one.")
        return Sound(codec.decode(self.loaded, **{view: drawn}).numpy(), self.sample_rate)

    def reconstruct(self, audio: SoundLike, *, view: View | None = None) -> Sound:
        """Encode audio and decode it again, with its original length.

        Args:
            view: the view to decode, as for `decode`.
        """
        sound = Sound.of(audio, sample_rate=self.sample_rate)
        decoded = self.decode(self.encode(sound), view=view)
        return Sound(decoded.audio[:, : sound.audio.shape[1]], self.sample_rate)

    def __repr__(self) -> str:
        return f"LoadedCodec({self.name!r}, {self.frame_rate:g} Hz)"


def load_codec(name: str | os.PathLike[str], *, device: str = "auto") -> LoadedCodec:
    """Load a codec.

    Args:
        name: a codec of the package (see `counterpoint.codecs`), a folder, the run folder of a codec's training, or a
            hub id.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; by default a GPU if there is one.

    Raises:
        UserError: there is no such codec or device, the codec's kind is unknown, or its weights do not match its
            configuration.
    """
    found = find_device(device)
    return LoadedCodec(codec.load_codec(os.fspath(name)).to(found))
