"""Drum tracks: constant over five frames, the nearest code to their mean, the same in windows or in one piece."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.codec import Codec, blurred_codes, load_codec, windows
from counterpoint.codec.blurred import BLURRED_FRAMES, codes_of_blurred
from counterpoint.codec.encodec import EnCodec
from counterpoint.codec.vae import Vae, build_vae
from counterpoint.config import UserError

HOP = 8


@pytest.fixture(scope="module")
def codec(checkpoint: Path) -> EnCodec:
    found = load_codec(str(checkpoint))
    assert isinstance(found, EnCodec)
    latents = found.encode(torch.from_numpy(music(400, seed=2))[None]).latents[0]
    means = torch.stack([group.mean(dim=0) for group in latents.split(BLURRED_FRAMES)])
    found.codebooks()[0].copy_(means[: found.codebook_size])  # an untrained codebook would give one code alone
    return found


def music(frames: int, *, seed: int = 0) -> np.ndarray:
    envelope = np.abs(np.sin(np.arange(frames * HOP) / 70))
    return (envelope * np.random.default_rng(seed).standard_normal(frames * HOP)).astype(np.float32)


@pytest.mark.parametrize("frames", [1, 4, 5, 6, 52])
def test_a_code_is_the_nearest_to_the_mean_of_its_five_frames(codec: EnCodec, frames: int) -> None:
    audio = music(frames)[: frames * HOP - 3]  # the last frame is not whole
    found = blurred_codes(codec, audio)
    assert found.shape == (frames,) and found.dtype == np.int16
    latents, book = codec.encode(torch.from_numpy(audio)[None]).latents[0], codec.codebooks()[0]
    for first in range(0, frames, BLURRED_FRAMES):
        group = latents[first : first + BLURRED_FRAMES]
        nearest = (group.mean(dim=0) - book).norm(dim=1).argmin().item()
        assert (found[first : first + BLURRED_FRAMES] == nearest).all()
    assert frames < 50 or len(set(found.tolist())) > 3


def test_what_was_blurred_already_keeps_its_codes(codec: EnCodec) -> None:
    latents = codec.encode(torch.from_numpy(music(9))[None]).latents[0]
    codes = codec.quantize(latents[None])[0, 0]
    repeated = codes_of_blurred(codec, latents.repeat_interleave(BLURRED_FRAMES, dim=0))
    np.testing.assert_array_equal(repeated, codes.repeat_interleave(BLURRED_FRAMES).numpy())


def test_long_audio_goes_through_in_windows(codec: EnCodec, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = music(2300, seed=1)
    whole = codes_of_blurred(codec, codec.encode(torch.from_numpy(audio)[None]).latents[0])
    monkeypatch.setattr(windows, "BLOCK_S", 4.0)
    longest = 0
    encode = EnCodec.encode

    def watched(self: EnCodec, block: torch.Tensor):
        nonlocal longest
        longest = max(longest, block.shape[-1])
        return encode(self, block)

    monkeypatch.setattr(EnCodec, "encode", watched)
    windowed = blurred_codes(codec, audio)
    assert longest < audio.size / 2 and (windowed == whole).mean() > 0.98


def test_a_codec_without_codebooks_is_refused() -> None:
    shape = {"downsampling_ratios": [2, 4], "channel_multiples": [1, 1], "sampling_rate": 800}
    fields = {"encoder_hidden_size": 4, "decoder_channels": 2, "decoder_input_channels": 2, "audio_channels": 1}
    vae: Codec = Vae(build_vae({**fields, **shape}), name="smooth")
    with pytest.raises(UserError, match=r"'smooth' has no codebooks.*'pocket'"):
        blurred_codes(vae, music(5))
