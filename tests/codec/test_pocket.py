"""The shipped codecs: small enough, and good enough that melodies, chords and drums survive them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from counterpoint.codec import Codec, chunked, decode, encode_audio, load_codec, shipped_codecs
from counterpoint.codec.measures import (
    chord_agreement_viterbi25,
    chroma_agreement,
    log_spectral_distance,
    onset_f1,
    perplexity,
    si_snr,
)
from counterpoint.codec.registry import SHIPPED
from counterpoint.config import read_json
from counterpoint.data.compose import render_clip

ENCODECS = ("pocket_encodec_25hz", "pocket_encodec_50hz")
COARSE = ("pocket_vae_25hz", "pocket_vae_50hz")
"""Too few numbers a second to keep a tune: their cards say so."""
NAMES = ("pocket", *ENCODECS, "pocket_vae_100hz")
RECIPES = (*ENCODECS, "pocket_vae_100hz", *COARSE)


@pytest.fixture(scope="module")
def codecs() -> dict[str, Codec]:
    return {name: load_codec(name) for name in (*NAMES, *COARSE)}


@pytest.fixture(scope="module")
def music() -> torch.Tensor:
    """[4, 256000]: clips of a seed that no codec was trained on."""
    return torch.from_numpy(np.stack([render_clip(2024, index, duration_s=8.0).audio for index in range(4)]))


@pytest.mark.parametrize(
    ("name", "frame_rate", "num_codebooks", "latent_dim"),
    [
        ("pocket", 25, 4, 128),
        ("pocket_encodec_25hz", 25, 4, 128),
        ("pocket_encodec_50hz", 50, 4, 128),
        ("pocket_vae_100hz", 100, 0, 16),
        ("pocket_vae_25hz", 25, 0, 16),
        ("pocket_vae_50hz", 50, 0, 16),
    ],
)
def test_ships_at_the_promised_shape_and_size(codecs, name, frame_rate, num_codebooks, latent_dim) -> None:
    codec = codecs[name]
    assert (codec.sample_rate, codec.frame_rate, codec.latent_dim) == (32_000, frame_rate, latent_dim)
    assert (codec.num_codebooks, codec.codebook_size) == (num_codebooks, 2048 if num_codebooks else 0)
    assert sum(file.stat().st_size for file in (SHIPPED / name).iterdir()) < 12_000_000
    assert name in shipped_codecs()


@pytest.mark.parametrize("name", RECIPES)
def test_its_card_tells_what_it_reaches_and_how_it_was_made(name) -> None:
    measures = read_json(SHIPPED / name / "measures.json")
    assert measures["held_out_clips"] >= 16 and measures["latents"]["chroma_agreement"] > 0.3  # chance is 0.09
    assert {path.name for path in (SHIPPED / name).iterdir()} >= {"README.md", "training.jsonl", "config.json"}
    assert f"configs/codec/{name}.yaml" in (SHIPPED / name / "README.md").read_text()


def test_fifty_frames_a_second_keep_the_waveform_and_more_of_the_spectrum_than_twenty_five(codecs, music) -> None:
    back = {name: codecs[name].decode_latents(codecs[name].encode(music).latents) for name in ENCODECS}
    assert si_snr(back["pocket_encodec_50hz"], music).mean() > 5
    distances = [log_spectral_distance(back[name], music).mean() for name in ENCODECS]
    assert distances[1] < distances[0]


def test_chords_and_drums_survive_the_codes(codecs, music) -> None:
    codec = codecs["pocket_encodec_50hz"]
    back = codec.decode_codes(codec.encode(music).codes)
    chords = chord_agreement_viterbi25(back, music, sample_rate=32_000)
    assert chords.mean() >= 0.8
    assert chord_agreement_viterbi25(back.flip(0), music, sample_rate=32_000).mean() < 0.4  # the measure can fail
    assert onset_f1(back, music, sample_rate=32_000).mean() > onset_f1(back.flip(0), music, sample_rate=32_000).mean()


@pytest.mark.parametrize("name", NAMES)
def test_melodies_survive_the_latents(codecs, music, name) -> None:
    back = codecs[name].decode_latents(codecs[name].encode(music).latents)
    assert chroma_agreement(back, music, sample_rate=32_000).mean() > 0.5  # chance is 0.09


@pytest.mark.parametrize("name", ENCODECS)
def test_all_codebooks_are_in_use(codecs, music, name) -> None:
    codes = codecs[name].encode(music).codes
    assert (perplexity(codes, codebook_size=2048) > 60).all()  # of 800 vectors or more


@pytest.mark.parametrize("name", NAMES)
def test_latents_suit_flow_matching(codecs, music, name) -> None:
    latents = codecs[name].encode(music).latents
    assert 0.3 < latents.std(dim=1).mean() < 3 and latents.mean().abs() < 0.3


@pytest.mark.parametrize("name", NAMES)
def test_blocks_equal_the_whole(codecs, music, monkeypatch: pytest.MonkeyPatch, name) -> None:
    codec, audio = codecs[name], music.flatten()[: 32_000 * 12].numpy()
    whole = codec.encode(torch.from_numpy(audio)[None])
    monkeypatch.setattr(chunked, "BLOCK_S", 3.0)
    blocks = encode_audio(audio, codec)
    tolerance = 1e-3 * whole.latents.std().item()
    torch.testing.assert_close(blocks.latents, whole.latents, atol=tolerance, rtol=0)
    back = codec.decode_latents(whole.latents)
    torch.testing.assert_close(decode(codec, latents=whole.latents), back, atol=1e-3 * back.std().item(), rtol=0)
