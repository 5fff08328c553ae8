"""The shape of a codec's latents without its weights, a network or torch, which is enough to estimate costs.

All assumptions are stated.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from counterpoint.config import CodecTrainingConfig, LatentSpec, load_yaml, read_json
from counterpoint.config.codec_formats import format_of
from counterpoint.config.codec_training import EncodecArchitecture, SpectrogramArchitecture, VaeArchitecture
from counterpoint.config.paths import true_path
from counterpoint.config.weights import CONFIG_FILE, SHIPPED_ALIASES
from counterpoint.runs.codecs import SHIPPED_CODECS

RECIPES = Path(__file__).parent / "recipes"
"""Folder with one file for each codec that can be trained, of the same name: `configs/codec` of the repository."""
_ENCODEC: dict[str, Any] = {"sample_rate": 32_000, "num_codebooks": 4, "codebook_size": 2048, "latent_dim": 128}
_VAE: dict[str, Any] = {"sample_rate": 32_000, "num_codebooks": 0, "codebook_size": 0, "latent_dim": 64}
_STABLE_AUDIO = {**_VAE, "sample_rate": 44_100, "frame_rate": 44_100 / 2048}
PUBLISHED: dict[str, dict[str, Any]] = {
    "facebook/encodec_32khz": {**_ENCODEC, "frame_rate": 50},
    "facebook/musicgen-small": {**_ENCODEC, "frame_rate": 50},
    "stabilityai/stable-audio-open-1.0": _STABLE_AUDIO,
}
"""Published codecs, by hub id."""


@dataclass(frozen=True)
class KnownLatent:
    """A codec's latents.

    Attributes:
        spec: the shape of the latents.
        assumed: what was assumed, a sentence; "" if everything is known.
        missing: how to get the codec, a command or a sentence; "" if it is available.
    """

    spec: LatentSpec
    assumed: str = ""
    missing: str = ""


def known_latent(codec: str) -> KnownLatent:
    """The latents of a codec by name: in the package, in a folder, published, or still to be trained (App. E.1)."""
    config = _config_here(codec)
    if config is not None:
        return KnownLatent(LatentSpec(codec=codec, **config))
    if codec in PUBLISHED:
        return KnownLatent(
            LatentSpec(codec=codec, **PUBLISHED[codec]), missing="the study fetches it from the hub when it starts."
        )
    recipe = RECIPES / f"{Path(codec).name}.yaml"
    if recipe.is_file():
        command = f"counterpoint codec train {_from_here(true_path(recipe))} --out {codec}"
        return KnownLatent(LatentSpec(codec=codec, **_planned(recipe)), missing=command)
    named = re.search(r"(\d+(?:\.\d+)?) ?hz", Path(codec).name, flags=re.IGNORECASE)
    vae = "vae" in Path(codec).name.lower()
    rate = float(named[1]) if named else 50.0
    what = f"a VAE of {_VAE['latent_dim']} channels" if vae else "an EnCodec of 4 x 2048 codes and 128 channels"
    return KnownLatent(
        LatentSpec(codec=codec, **(_VAE if vae else _ENCODEC), frame_rate=rate),
        assumed=f"{codec} is taken for {what} at {rate:g} Hz, {'as its name says' if named else 'like the paper’s'}.",
        missing="use a folder, a hub id or the name of a codec in the package.",
    )


def _from_here(path: Path) -> Path:
    """The path as a user would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _config_here(codec: str) -> dict[str, Any] | None:
    """The shape in the codec's own config.json, if there is one."""
    folder = Path(codec).expanduser()
    places = (SHIPPED_CODECS / SHIPPED_ALIASES.get(codec, codec), folder / "codec", folder, folder / "vae")
    found = next((place / CONFIG_FILE for place in places if (place / CONFIG_FILE).is_file()), None)
    if found is None:
        return None
    config = read_json(found)
    return asdict(format_of(config, source=str(found)).shape(config))


def _planned(recipe: Path) -> dict[str, Any]:
    """The shape of the codec that a configuration would train."""
    config = load_yaml(recipe, CodecTrainingConfig)
    return _shape(config.codec, sample_rate=config.sample_rate)


def _shape(
    codec: EncodecArchitecture | VaeArchitecture | SpectrogramArchitecture, *, sample_rate: int
) -> dict[str, Any]:
    books = 0 if isinstance(codec, VaeArchitecture) else codec.num_codebooks
    return {
        "sample_rate": sample_rate,
        "frame_rate": sample_rate / codec.samples_per_frame,
        "num_codebooks": books,
        "codebook_size": 0 if isinstance(codec, VaeArchitecture) or not books else codec.codebook_size,
        "latent_dim": codec.latent_dim,
    }
