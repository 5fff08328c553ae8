"""The shipped codecs: small enough, and good enough that melodies, chords and drums survive them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from counterpoint.codec import Codec, decode, encode_audio, load_codec, shipped_codecs, windows
from counterpoint.codec.measures import (
    chord_agreement_viterbi25,
    chroma_agreement,
    log_mel_distance,
    onset_f1,
    perplexity,
    si_snr,
)
from counterpoint.codec.registry import SHIPPED
from counterpoint.compose import render_clip
from counterpoint.config import read_json
from counterpoint.config.weights import SHIPPED_ALIASES

SHAPES = {
    "pocket": (25, True, 64),
    "pocket_rvq_50hz": (50, True, 64),
    "pocket_rvq_100hz": (100, True, 64),
    "pocket_kl_25hz": (25, False, 64),
    "pocket_kl_50hz": (50, False, 64),
    "pocket_kl_100hz": (100, False, 64),
    "pocket_encodec_50hz": (50, True, 128),
    "pocket_vae_100hz": (100, False, 16),
}
"""Frame rate, whether there are codes, and channels of the latents."""
QUANTIZED = [name for name, (_, quantized, _) in SHAPES.items() if quantized]
ANEW = [name for name in SHAPES if name.startswith(("pocket_rvq", "pocket_kl")) or name == "pocket"]
"""Those that make phases anew."""


@dataclass(frozen=True)
class Trip:
    """A codec, its latents and codes of `music`, and what comes back from either, [B, N]."""

    codec: Codec
    latents: Tensor
    codes: Tensor | None
    from_latents: Tensor
    from_codes: Tensor | None


@pytest.fixture(scope="module")
def music() -> Tensor:
    """[4, 192000]: clips of a seed that no codec was trained on."""
    return torch.from_numpy(np.stack([render_clip(2024, index, duration_s=6.0).audio for index in range(4)]))


@pytest.fixture(scope="module")
def trip(music: Tensor):
    """By name, each made once."""
    known: dict[str, Trip] = {}

    def make(name: str) -> Trip:
        if name not in known:
            codec = load_codec(name)
            encoding = codec.encode(music)
            back = codec.decode_latents(encoding.latents)[:, : music.shape[1]]
            coded = None if encoding.codes is None else codec.decode_codes(encoding.codes)[:, : music.shape[1]]
            known[name] = Trip(codec, encoding.latents, encoding.codes, back, coded)
        return known[name]

    return make


def test_all_of_them_ship() -> None:
    assert set(shipped_codecs()) == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_ships_at_the_promised_shape_and_size(trip, name: str) -> None:
    codec, (frame_rate, quantized, latent_dim) = trip(name).codec, SHAPES[name]
    assert (codec.sample_rate, codec.frame_rate, codec.latent_dim) == (32_000, frame_rate, latent_dim)
    assert (codec.num_codebooks > 0) == (codec.codebook_size > 0) == quantized
    assert codec.keeps_phase == (name not in ANEW)
    folder = SHIPPED / SHIPPED_ALIASES.get(name, name)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 13_000_000


@pytest.mark.parametrize("name", SHAPES)
def test_its_card_tells_what_it_reaches_and_how_it_was_made(name: str) -> None:
    folder = SHIPPED / SHIPPED_ALIASES.get(name, name)
    measures = read_json(folder / "measures.json")
    assert measures["held_out_clips"] >= 16 and measures["latents"]["chroma_agreement"] > 0.3  # chance is 0.09
    assert ("si_snr_db" in measures["latents"]) == (name not in ANEW)
    assert {path.name for path in folder.iterdir()} >= {"README.md", "training.jsonl", "config.json"}
    assert f"configs/codec/{folder.name}.yaml" in (folder / "README.md").read_text()


@pytest.mark.parametrize("name", SHAPES)
def test_melodies_chords_and_spectra_survive_the_latents(trip, music: Tensor, name: str) -> None:
    back = trip(name).from_latents
    assert chroma_agreement(back, music, sample_rate=32_000).mean() > (0.7 if name in ANEW else 0.5)  # chance: 0.09
    assert chord_agreement_viterbi25(back, music, sample_rate=32_000).mean() > 0.6
    distance, another = (log_mel_distance(each, music, sample_rate=32_000).mean() for each in (back, music.flip(0)))
    assert distance < 0.8 * another


@pytest.mark.parametrize("name", QUANTIZED)
def test_melodies_chords_and_spectra_survive_the_codes(trip, music: Tensor, name: str) -> None:
    back = trip(name).from_codes
    assert chroma_agreement(back, music, sample_rate=32_000).mean() > 0.6
    assert chord_agreement_viterbi25(back, music, sample_rate=32_000).mean() > 0.6
    distance, another = (log_mel_distance(each, music, sample_rate=32_000).mean() for each in (back, music.flip(0)))
    assert distance < 0.9 * another


def test_the_measures_can_fail(music: Tensor) -> None:
    other = music.flip(0)
    assert chroma_agreement(other, music, sample_rate=32_000).mean() < 0.4
    assert chord_agreement_viterbi25(other, music, sample_rate=32_000).mean() < 0.4


def test_attacks_and_drums_survive_the_codes(trip, music: Tensor) -> None:
    found = trip("pocket")
    for back in (found.from_latents, found.from_codes):
        assert onset_f1(back, music, sample_rate=32_000).mean() > 0.9  # another clip's: 0.85


@pytest.mark.parametrize("name", SHAPES)
def test_waveforms_are_followed_or_not_as_it_says(trip, music: Tensor, name: str) -> None:
    ratio = si_snr(trip(name).from_latents, music).mean()
    assert ratio < -10 if name in ANEW else ratio > 1


@pytest.mark.parametrize("name", QUANTIZED)
def test_all_codebooks_are_in_use(trip, name: str) -> None:
    found = trip(name)
    assert (perplexity(found.codes, codebook_size=found.codec.codebook_size) > 30).all()  # of 600 vectors or more


@pytest.mark.parametrize("name", SHAPES)
def test_latents_suit_flow_matching(trip, name: str) -> None:
    latents = trip(name).latents
    assert 0.3 < latents.std(dim=1).mean() < 3 and latents.mean().abs() < 0.3


@pytest.mark.parametrize("name", ["pocket", "pocket_kl_50hz", "pocket_encodec_50hz", "pocket_vae_100hz"])
def test_blocks_equal_the_whole(trip, music: Tensor, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    codec, audio = trip(name).codec, music.flatten()[: 32_000 * 12].numpy()
    whole = codec.encode(torch.from_numpy(audio)[None])
    monkeypatch.setattr(windows, "BLOCK_S", 3.0)
    blocks = encode_audio(audio, codec)
    tolerance = 1e-3 * whole.latents.std().item()
    torch.testing.assert_close(blocks.latents, whole.latents, atol=tolerance, rtol=0)
    back = codec.decode_latents(whole.latents)
    torch.testing.assert_close(decode(codec, latents=whole.latents), back, atol=1e-3 * back.std().item(), rtol=0)


@pytest.mark.parametrize("name", ANEW)
def test_silence_stays_silent(trip, music: Tensor, name: str) -> None:
    codec = trip(name).codec
    back = codec.decode_latents(codec.encode(torch.zeros(1, 64_000)).latents)
    assert back.isfinite().all()
    assert back.square().mean() < 1e-4 * music.square().mean(), "40 dB below music"
