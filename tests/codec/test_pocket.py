"""The shipped codec: small enough, and good enough that a melody survives it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoint.codec import Codec, chunked, decode, encode_audio, load_codec, shipped_codecs
from counterpoint.codec.measures import chroma_agreement, perplexity, si_snr
from counterpoint.codec.registry import SHIPPED
from counterpoint.config import read_json
from counterpoint.data.compose import render_clip


@pytest.fixture(scope="module")
def codec() -> Codec:
    return load_codec("pocket")


@pytest.fixture(scope="module")
def music() -> torch.Tensor:
    """[4, 128000]: clips of a seed that the codec was not trained on."""
    return torch.from_numpy(np.stack([render_clip(2024, index, duration_s=4.0).audio for index in range(4)]))


def test_it_ships_at_the_promised_shape_and_size(codec: Codec) -> None:
    assert "pocket" in shipped_codecs()
    shape = (codec.sample_rate, codec.frame_rate, codec.num_codebooks, codec.codebook_size, codec.latent_dim)
    assert shape == (32_000, 25.0, 4, 2048, 128)
    assert sum(file.stat().st_size for file in (SHIPPED / "pocket").iterdir()) < 10_000_000


def test_its_card_tells_what_it_reaches() -> None:
    measures = read_json(SHIPPED / "pocket" / "measures.json")
    assert measures["finished"] and measures["held_out_clips"] >= 16
    for view in ("latents", "codes"):
        assert {"si_snr_db", "log_spectral_distance_db", "chroma_agreement"} <= measures[view].keys()


def test_melody_and_waveform_survive_the_round_trip(codec: Codec, music: torch.Tensor) -> None:
    encoding = codec.encode(music)
    silence = si_snr(1e-3 * torch.randn(music.shape, generator=torch.Generator().manual_seed(0)), music).mean()
    for decoded, least_db in (
        (codec.decode_latents(encoding.latents), 0.5),
        (codec.decode_codes(encoding.codes), -1.5),
    ):
        assert chroma_agreement(decoded, music, sample_rate=32_000).mean() > 0.5  # chance is 0.09
        assert si_snr(decoded, music).mean() > least_db > silence + 20
    shuffled = codec.decode_latents(encoding.latents.flip(0))
    assert chroma_agreement(shuffled, music, sample_rate=32_000).mean() < 0.4  # the measure can fail


def test_all_codebooks_are_in_use(codec: Codec, music: torch.Tensor) -> None:
    used = perplexity(codec.encode(music).codes, codebook_size=codec.codebook_size)
    assert (used > 60).all()  # of at most 400 vectors


def test_latents_suit_flow_matching(codec: Codec, music: torch.Tensor) -> None:
    latents = codec.encode(music).latents
    assert 0.3 < latents.std(dim=1).mean() < 3 and latents.mean().abs() < 0.3


def test_blocks_equal_the_whole(codec: Codec, music: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = music.flatten()[: 32_000 * 12].numpy()
    whole = codec.encode(torch.from_numpy(audio)[None])
    monkeypatch.setattr(chunked, "BLOCK_S", 3.0)
    blocks = encode_audio(audio, codec)
    tolerance = 1e-4 * whole.latents.std().item()
    torch.testing.assert_close(blocks.latents, whole.latents, atol=tolerance, rtol=0)
    assert (blocks.codes == whole.codes).float().mean() > 0.999
    torch.testing.assert_close(
        decode(codec, latents=whole.latents), codec.decode_latents(whole.latents), atol=1e-4, rtol=0
    )
