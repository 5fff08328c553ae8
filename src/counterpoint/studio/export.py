"""Export of a take: in another format, or as a zip with everything that is needed to generate it again."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from counterpoint.audio.files import open_audio, writing
from counterpoint.config import UserError

REQUEST_FILE = "request.json"
_README = """The music is {clip}. The following command generates it again, bit for bit on the same kind of machine:

    counterpoint generate --request {request} --out again{suffix}
"""
_FLAC_TYPES = {"PCM_16": "PCM_16", "PCM_S8": "PCM_S8", "PCM_24": "PCM_24"}
_BLOCK = 1 << 18


def as_flac(source: Path, out: Path) -> None:
    """Write the same music as FLAC, which is lossless up to 24 bits.

    Raises:
        UserError: the source cannot be read, or FLAC does not support its sample rate or channels.
        OSError: the disk is full.
    """
    with open_audio(source) as file:
        rate, channels, subtype = file.samplerate, file.channels, _FLAC_TYPES.get(file.subtype, "PCM_24")
    try:
        written = soundfile.SoundFile(out, "w", rate, channels, subtype, format="FLAC")
    except soundfile.LibsndfileError:
        raise UserError(
            f"FLAC does not support {rate} Hz with {channels} channel(s); download the music unchanged."
        ) from None
    with written:
        for block in _blocks(source):
            with writing(out):
                written.write(block)


def _blocks(source: Path) -> Iterator[np.ndarray]:
    """The samples of a file as int32 [N, C], part by part."""
    with open_audio(source) as file:
        while len(block := file.read(_BLOCK, dtype="int32", always_2d=True)):
            yield block


def as_zip(take: dict[str, Any], *, sound_of: Callable[[str], Path], out: Path) -> None:
    """Write a zip with the sound of a take, its request, and the files that it needs.

    Args:
        take: a row of the library's takes.
        sound_of: gives the file of a sound by its stored name, as `Library.sound`.
    """
    recipe = json.loads(take["recipe"])
    clip = f"clip{Path(take['stored']).suffix}"
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.write(sound_of(take["stored"]), clip)
        for field in ("source", "melody", "drums"):
            if field in recipe:
                name = f"{field}{Path(recipe[field]).suffix}"
                archive.write(sound_of(recipe[field]), name)
                recipe[field] = name
        if recipe:
            archive.writestr(REQUEST_FILE, json.dumps(recipe, indent=2, ensure_ascii=False))
            archive.writestr(
                "README.txt", _README.format(clip=clip, request=REQUEST_FILE, suffix=Path(take["stored"]).suffix)
            )
