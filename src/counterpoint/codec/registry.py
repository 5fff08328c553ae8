"""Codecs by name."""

from __future__ import annotations

from pathlib import Path

from counterpoint.codec.audiocraft import COMPRESSION_FILE, load_audiocraft, read_package
from counterpoint.codec.base import Codec
from counterpoint.codec.loading import unreadable
from counterpoint.config import UserError, read_json
from counterpoint.config.codec_formats import format_of
from counterpoint.config.nearest import did_you_mean
from counterpoint.config.network import hub
from counterpoint.config.weights import SHIPPED_ALIASES

SHIPPED = Path(__file__).parent / "weights"
"""One folder a codec that comes with the package, with its card, measures and loss log.

They lie in git, in half precision: some 37 MB in all, so that a clone or a wheel works at once and offline. They are
replaced as a whole and seldom, since every replacement stays in the history. Larger codecs belong on a hub, which
`load_codec` reaches by id.
"""

PLACES = ("", "vae")
"""Where in a folder or hub repository a codec may lie: a pipeline of diffusers keeps its own in `vae`."""


def load_codec(name: str) -> Codec:
    """Load a codec on the CPU.

    Args:
        name: a shipped codec (`pocket`), a folder, the run folder of a codec's training, or a hub id
            (`facebook/encodec_32khz`, `stabilityai/stable-audio-open-1.0`); a MusicGen checkpoint has one inside.

    Raises:
        UserError: no such codec, one of a kind not known here, or one whose weights are not those of its configuration.
    """
    source = _source(name)
    config_file, place = _config_file(source, name=name)
    if config_file.name == COMPRESSION_FILE:
        package = read_package(config_file)
        return load_codec(package["pretrained"]) if "pretrained" in package else load_audiocraft(package, name=name)
    return format_of(read_json(config_file), source=repr(name)).load(source, name=name, subfolder=place)


def shipped_codecs() -> list[str]:
    """Names of the codecs that come with the package, the shorter one of a codec that has two."""
    short = {folder: alias for alias, folder in SHIPPED_ALIASES.items()}
    names = [folder.parent.name for folder in SHIPPED.glob("*/config.json")]
    return sorted(short.get(name, name) for name in names)


def _source(name: str) -> str:
    """Folder or hub id behind a name."""
    shipped = SHIPPED / SHIPPED_ALIASES.get(name, name)
    if (shipped / "config.json").is_file():
        return str(shipped)
    folder = Path(name).expanduser()
    if folder.is_dir():
        trained = folder / "codec"  # a run folder of `counterpoint codec train`
        return str(trained if (trained / "config.json").is_file() else folder)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        names = shipped_codecs()
        raise UserError(
            f"There is no codec {name!r}{did_you_mean(name, names)}; the shipped ones are "
            f"{', '.join(names) or 'none'}, and a folder or a hub id such as facebook/encodec_32khz will do."
        )
    return name


def _config_file(source: str, *, name: str) -> tuple[Path, str]:
    """A codec's config.json, and the place of `PLACES` where it lies; or audiocraft's one file for all."""
    if not Path(source).is_dir():
        return _config_from_hub(source, name=name)
    for place in PLACES:
        if (found := Path(source) / place / "config.json").is_file():
            return found, place
    if (found := Path(source) / COMPRESSION_FILE).is_file():
        return found, ""
    raise UserError(f"{name} is no codec: it has no config.json; give a folder that `counterpoint codec train` wrote.")


def _config_from_hub(source: str, *, name: str) -> tuple[Path, str]:
    from huggingface_hub.errors import LocalEntryNotFoundError

    download = hub().hf_hub_download
    failed: Exception | None = None
    cut_off = False  # from the hub: what follows is sought in its cache alone, without waiting for it again
    for place, file in (*((place, "config.json") for place in PLACES), ("", COMPRESSION_FILE)):
        try:
            return Path(download(source, file, subfolder=place or None, local_files_only=cut_off)), place
        except Exception as error:  # no network, no such repository, no permission: one kind of exception each
            failed = failed or error
            cut_off = cut_off or isinstance(error, LocalEntryNotFoundError)
    assert failed is not None
    raise unreadable(failed, name=name) from failed
