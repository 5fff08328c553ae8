"""Drum tracks: codes of blurred latents, which keep the beat and lose the detail (App. C).

Latents are averaged over a few frames, so that the beat stays and timbre and pitch mostly go; the first codebook
alone makes integers of them. The paper averages five frames of a codec at 50 Hz, 0.1 s. The latents of a codec without
phase are smooth as they are and come at 25 Hz, where five frames leave nothing of a beat: of the strength of onsets in
drum stems, the codes of this frame and the one before explain 2% after averages of five frames (0.2 s), 22% of two and
53% of one. So such a codec averages over 40 ms.

Shapes: T latent frames, D latent channels, V codebook size, N audio samples.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from counterpoint.codec.base import Codec, QuantizedCodec
from counterpoint.codec.chunked import encode_audio
from counterpoint.codec.quantize import nearest_code
from counterpoint.config import UserError

BLURRED_FRAMES = 5
"""Frames averaged in the paper, for codecs of waveforms."""
_BLUR_S = 0.04
"""Seconds averaged for codecs without phase."""


def blurred_frames(codec: Codec) -> int:
    """Number of latent frames of a codec that are averaged."""
    return BLURRED_FRAMES if codec.keeps_phase else max(1, round(_BLUR_S * codec.frame_rate))


def blurred_codes(codec: Codec, audio: np.ndarray) -> np.ndarray:
    """Compute the drum track of audio of any length.

    Args:
        codec: a codec with codebooks.
        audio: [N] float at the codec's sample rate, N > 0.

    Returns:
        [T] int16 codes, T = ceil(N / samples per frame).

    Raises:
        UserError: the codec has no codebooks.
    """
    _require_codebooks(codec)
    return codes_of_blurred(codec, encode_audio(audio, codec).latents[0])


@torch.no_grad()
def codes_of_blurred(codec: Codec, latents: Tensor) -> np.ndarray:
    """Compute the drum track of existing latents [T, D], T > 0; otherwise as `blurred_codes`.

    With n of `blurred_frames`, z'_t is the mean of z over the frames n k ... n k + n - 1, k = floor(t / n), or over the
    remaining frames at the end; the code of frame t is that of the vector nearest to z'_t in the first codebook.
    """
    book, count = _require_codebooks(codec).codebooks()[0], blurred_frames(codec)
    groups = latents.to(book.device, torch.float32).split(count)
    codes = nearest_code(torch.stack([group.mean(dim=0) for group in groups]), book)
    return codes.repeat_interleave(count)[: len(latents)].to("cpu", torch.int16).numpy()


def _require_codebooks(codec: Codec) -> QuantizedCodec:
    if not codec.num_codebooks or not isinstance(codec, QuantizedCodec):
        raise UserError(
            f"The codec {codec.name!r} has no codebooks, and drums are codes; use a codec with codebooks, such as "
            "'pocket'."
        )
    return codec
