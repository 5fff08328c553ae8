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
"""One folder for each codec in the package, with its card, measures and training log.

They are kept in git, in half precision: some 37 MB in all, so that a clone or a wheel works at once and offline. They
are replaced as a whole and seldom, since every replacement stays in the history. Larger codecs belong on a hub, from
which `load_codec` loads them by id.
"""

PLACES = ("", "vae")
"""Places of a codec in a folder or hub repository: a pipeline of diffusers keeps its codec in `vae`."""


def load_codec(name: str, *, referred_by: str = "") -> Codec:
    """Load a codec on the CPU.

    Args:
        name: a shipped codec (`pocket`), a folder, the run folder of a codec's training, or a hub id
            (`facebook/encodec_32khz`, `stabilityai/stable-audio-open-1.0`); a MusicGen checkpoint contains one.
        referred_by: the file of audiocraft that only names this codec, if one does.

    Raises:
        UserError: there is no such codec, its kind is unknown, or its weights do not match its configuration.
    """
    source = _source(name)
    config_file, place = _config_file(source, name=name)
    if config_file.name == COMPRESSION_FILE:
        package = read_package(config_file)
        if not package.pretrained:
            return load_audiocraft(package, name=name)
        if referred_by:
            raise UserError(f"{referred_by} refers to the codec {name}, which refers to another one; name that one.")
        return load_codec(package.pretrained, referred_by=name)
    return format_of(read_json(config_file), source=repr(name)).load(source, name=name, subfolder=place)


def shipped_codecs() -> list[str]:
    """Names of the codecs in the package, the shorter one if a codec has two."""
    short = {folder: alias for alias, folder in SHIPPED_ALIASES.items()}
    names = [folder.parent.name for folder in SHIPPED.glob("*/config.json")]
    return sorted(short.get(name, name) for name in names)


def _source(name: str) -> str:
    """Folder or hub id of a name."""
    if not name.strip():
        raise UserError(f"The name of the codec is empty; the shipped ones are {', '.join(shipped_codecs())}.")
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
            f"{', '.join(names) or 'none'}; a folder or a hub id such as facebook/encodec_32khz is also accepted."
        )
    return name


def _config_file(source: str, *, name: str) -> tuple[Path, str]:
    """A codec's config.json and its place among `PLACES`; or audiocraft's single file."""
    if not Path(source).is_dir():
        return _config_from_hub(source, name=name)
    for place in PLACES:
        if (found := Path(source) / place / "config.json").is_file():
            return found, place
    if (found := Path(source) / COMPRESSION_FILE).is_file():
        return found, ""
    raise UserError(f"{name} is not a codec: it has no config.json; use a run folder of `counterpoint codec train`.")


def _config_from_hub(source: str, *, name: str) -> tuple[Path, str]:
    from huggingface_hub.errors import LocalEntryNotFoundError

    download = hub().hf_hub_download
    failed: Exception | None = None
    cut_off = False  # once cut off from the hub, only its cache is searched, without waiting again
    for place, file in (*((place, "config.json") for place in PLACES), ("", COMPRESSION_FILE)):
        try:
            return Path(download(source, file, subfolder=place or None, local_files_only=cut_off)), place
        except Exception as error:  # no network, no such repository, no permission: one kind of exception each
            failed = failed or error
            cut_off = cut_off or isinstance(error, LocalEntryNotFoundError)
    assert failed is not None
    raise unreadable(failed, name=name) from failed
