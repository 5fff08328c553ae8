"""The latents of codecs that are not loaded: by their configuration, their recipe, or their name."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest

import counterpoint
from counterpoint.runs.latents import RECIPES, known_latent


def test_shipped_codecs_are_known_without_being_loaded() -> None:
    from counterpoint.codec import load_codec

    known, codec = known_latent("pocket"), load_codec("pocket")
    assert not known.assumed and not known.missing
    for field in ("sample_rate", "frame_rate", "num_codebooks", "codebook_size", "latent_dim"):
        assert getattr(known.spec, field) == getattr(codec, field), field
    vae = known_latent("pocket_vae_100hz").spec
    assert (vae.frame_rate, vae.num_codebooks, vae.codebook_size, vae.latent_dim) == (100, 0, 0, 16)


def test_codecs_to_be_trained_are_known_by_their_recipe_from_any_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for rate in (25, 50, 100):
        encodec, vae = known_latent(f"runs/codecs/encodec_{rate}hz"), known_latent(f"runs/codecs/vae_{rate}hz")
        assert encodec.spec.frame_rate == vae.spec.frame_rate == rate
        assert (encodec.spec.latent_dim, vae.spec.latent_dim) == (128, 64)
        assert (encodec.spec.num_codebooks, vae.spec.num_codebooks) == (4, 0)
        assert (
            vae.missing
            == f"counterpoint codec train {RECIPES.resolve()}/vae_{rate}hz.yaml --out runs/codecs/vae_{rate}hz"
        )
        assert not vae.assumed


def test_recipes_of_codecs_are_packaged() -> None:
    """An installed wheel knows them as a checkout does: package data are found through the link, as setuptools does."""
    root = Path(counterpoint.__file__).parent
    packaged = glob.glob("**/*.yaml", root_dir=root, recursive=True)  # noqa: PTH207
    assert "runs/recipes/encodec_50hz.yaml" in packaged


def test_other_codecs_are_known_by_their_name_and_what_is_assumed_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    vae = known_latent("somewhere/my_vae_12.5Hz")
    assert vae.spec.frame_rate == 12.5 and not vae.spec.num_codebooks
    assert "as its name says" in vae.assumed
    nameless = known_latent("someone/codec")
    assert nameless.spec.frame_rate == 50 and "like the paper" in nameless.assumed and nameless.missing
    published = known_latent("facebook/encodec_32khz")
    assert published.spec.frame_rate == 50 and not published.assumed and "hub" in published.missing
