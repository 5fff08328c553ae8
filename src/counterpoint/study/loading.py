"""Codecs and models, each loaded once: many systems of a study share a model, and all of them share a codec."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import LatentSpec, parse
from counterpoint.config.paths import true_path
from counterpoint.runs.layout import MODEL_FILE
from counterpoint.runs.load import read_description

if TYPE_CHECKING:
    from counterpoint.codec import Codec
    from counterpoint.generate.model import LoadedModel

_codecs: dict[str, Codec] = {}


def read_codec(name: str) -> Codec:
    """Read the codec that is currently there, and keep it for `codec_of`.

    Raises:
        UserError: see `load_codec`.
    """
    from counterpoint.codec import load_codec

    codec = load_codec(name)
    return _codecs.setdefault(codec.fingerprint, codec)


def codec_of(identity: Mapping[str, Any], *, device: str) -> Codec:
    """The codec of a step's configuration, on a device, by its `fingerprint`, or else read from the place `codec`."""
    return (_codecs.get(identity["fingerprint"]) or read_codec(identity["codec"])).to(device)


def model_at(folder: Path, *, device: str) -> LoadedModel:
    """The model of a run folder or of the package, ready to draw on a device; the last one is kept."""
    stat = true_path(folder).stat()
    return _model(true_path(folder), stat.st_ino, stat.st_mtime_ns, device)


@lru_cache(maxsize=1)
def _model(folder: Path, inode: int, changed: int, device: str) -> LoadedModel:
    """`inode` and `changed` distinguish two models that were at the same place one after the other."""
    from counterpoint.generate.model import load_model

    latent = parse(read_description(folder)["latent"], LatentSpec, source=str(folder / MODEL_FILE))
    return load_model(folder, device=device, codec=_codecs.get(latent.fingerprint))


def forget() -> None:
    """Release everything that is loaded."""
    _codecs.clear()
    _model.cache_clear()
