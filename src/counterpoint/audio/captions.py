"""Captions beside audio files: text or JSON files of the same name.

Common training tools write `a.txt`, `a.caption.txt`, `a.caption`, `a_prompt.txt`, `a.lab` or `a.json` beside `a.wav`,
and some `a.wav.txt`; case is ignored.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.config.documents import parse_json
from counterpoint.config.paths import shown
from counterpoint.config.tables import CAPTION_KEYS, LISTINGS, first_text, small_keys
from counterpoint.config.text import on_one_line, read_text

TEXT_ENDINGS = (".txt", ".caption.txt", ".caption", ".prompt.txt", "_prompt.txt", "_caption.txt", ".lab")
JSON_ENDINGS = (".json",)
CLASS_ENDINGS = (".cls",)
"""Suffixes after the name of an audio file, with or without its own suffix; earlier ones take precedence."""
SIDECAR_SUFFIXES = (".txt", ".caption", ".lab", ".json", ".cls")
_MOST_BYTES = 1 << 24
_TIMED = re.compile(r"\s*\d+(\.\d*)?\s+\S")
"""The beginning of a .lab file with times, such as those of chords, which is not a caption."""


class Sidecars:
    """Finds the files beside audio; every folder is listed only once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, tuple[str, ...]]] = {}
        self._unused: dict[Path, set[str]] = {}

    def find(self, audio: Path, endings: Iterable[str]) -> list[Path]:
        """The sidecars of an audio file that exist, in the order of `endings`; among names that differ in case the
        exact one is preferred."""
        names = self._listed(audio.parent)
        found: list[str] = []
        for ending in endings:
            wanted = (f"{audio.stem}{ending}", f"{audio.name}{ending}")
            alike = {name: None for each in wanted for name in sorted(names.get(_plain(each), ()), key=each.__ne__)}
            found += alike
        self._unused[audio.parent].difference_update(found)
        return [audio.parent / name for name in found]

    def unused(self) -> list[Path]:
        """Text or JSON files in the searched folders without an audio file of the same name, except tables."""
        return sorted(
            folder / name for folder, names in self._unused.items() for name in names if name.lower() not in LISTINGS
        )

    def _listed(self, folder: Path) -> dict[str, tuple[str, ...]]:
        """Names of text and JSON files in a folder by their normal form; empty if the folder cannot be listed."""
        if folder not in self._folders:
            names: dict[str, tuple[str, ...]] = {}
            for name in _texts_in(folder):
                plain = _plain(name)
                key = name if plain == name else plain  # one text in memory, if they are equal
                names[key] = (*names.get(key, ()), name)
            self._folders[folder] = names
            self._unused[folder] = {name for alike in names.values() for name in alike}
        return self._folders[folder]


def _texts_in(folder: Path) -> list[str]:
    """Names of text and JSON files in a folder, sorted; none if the folder cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.lower().endswith(SIDECAR_SUFFIXES)]
    except OSError:
        return []
    return sorted(name for name in names if not name.startswith("."))


def read_text_sidecar(path: Path, *, notes: list[str]) -> str:
    """The caption in a text file, on one line; "" for a .lab file with times.

    Args:
        notes: receives a sentence if the encoding was guessed.

    Raises:
        UserError: the path is not a regular file, or not text.
    """
    text = read_text(path, what="caption file", most_bytes=_MOST_BYTES, notes=notes)
    return "" if path.suffix.lower() == ".lab" and _TIMED.match(text) else on_one_line(text)


def read_json_sidecar(path: Path, *, notes: list[str]) -> Mapping[str, Any]:
    """The content of a JSON file, with keys in lower case; a single text is a caption.

    Raises:
        UserError: the path is not a regular file, or not JSON, or the content is a list or a number.
    """
    text = read_text(path, what="JSON file", most_bytes=_MOST_BYTES, notes=notes)
    try:
        value = parse_json(text)
    except ValueError as error:
        raise UserError(f"{shown(path)} {error}; correct it.") from None
    if isinstance(value, str):
        return {CAPTION_KEYS[0]: value}
    if not isinstance(value, dict):
        raise UserError(f"{shown(path)} is not an object of keys and values; correct it.")
    return small_keys(value)


def read_class_sidecar(path: Path, *, notes: list[str]) -> Mapping[str, Any]:
    """The class in a .cls file, as tars for `webdataset` have it, as a genre; a number names nothing.

    Raises:
        UserError: the path is not a regular file, or not text.
    """
    text = on_one_line(read_text(path, what="class file", most_bytes=_MOST_BYTES, notes=notes))
    return {} if text.isdecimal() else {"genre": text}


def caption_beside(audio: Path, sidecars: Sidecars, *, notes: list[str]) -> str:
    """The caption in the JSON file, or else the text file, beside an audio file; "" if neither has one.

    Args:
        notes: receives a sentence for each file that could not be read, or whose encoding was guessed.
    """
    for endings, read in ((JSON_ENDINGS, _json_caption), (TEXT_ENDINGS, read_text_sidecar)):
        for path in sidecars.find(audio, endings):
            try:
                if caption := read(path, notes=notes):
                    return caption
            except UserError as error:
                notes.append(str(error))
    return ""


def _json_caption(path: Path, *, notes: list[str]) -> str:
    return first_text(read_json_sidecar(path, notes=notes), CAPTION_KEYS)


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
