"""Codecs by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from counterpoint.codec.base import Codec
from counterpoint.codec.encodec import load_encodec
from counterpoint.config import UserError, read_json

SHIPPED = Path(__file__).parent / "weights"
"""One folder a codec that comes with the package."""

FORMATS: dict[str, Callable[..., Codec]] = {"encodec": load_encodec}
"""Loader by the `model_type` in a codec's config.json."""


def load_codec(name: str) -> Codec:
    """Load a codec on the CPU.

    Args:
        name: a shipped codec (`pocket`), a folder, the run folder of a codec's training, or a hub id
            (`facebook/encodec_32khz`).

    Raises:
        UserError: no such codec, or one of a kind not known here.
    """
    source = _source(name)
    kind = read_json(_config_file(source, name=name)).get("model_type")
    if kind not in FORMATS:
        raise UserError(f"The codec {name!r} is of the kind {kind!r}; the kinds known here are {', '.join(FORMATS)}.")
    return FORMATS[kind](source, name=name)


def shipped_codecs() -> list[str]:
    """Names of the codecs that come with the package."""
    return sorted(folder.parent.name for folder in SHIPPED.glob("*/config.json"))


def _source(name: str) -> str:
    """Folder or hub id behind a name."""
    if (SHIPPED / name / "config.json").is_file():
        return str(SHIPPED / name)
    folder = Path(name).expanduser()
    if folder.is_dir():
        trained = folder / "codec"  # a run folder of `counterpoint codec train`
        return str(trained if (trained / "config.json").is_file() else folder)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(
            f"There is no codec {name!r}; the shipped ones are {', '.join(shipped_codecs()) or 'none'}, "
            "and a folder or a hub id such as facebook/encodec_32khz will do."
        )
    return name


def _config_file(source: str, *, name: str) -> Path:
    if Path(source).is_dir():
        return Path(source) / "config.json"
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(source, "config.json"))
    except Exception as error:  # no network, no such repository, no permission: one kind of exception each
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"The codec {name!r} is neither a folder nor a hub model that this machine can reach ({reason})."
        ) from error
