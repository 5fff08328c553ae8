"""Folders of generated clips, or of any others."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.metrics.base import Clip

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".aif")
LISTINGS = ("metadata.jsonl", "metadata.csv")
_FILE, _CAPTION = ("file_name", "path", "audio"), ("caption", "text", "description")
"""What a listing may call them."""


def load_generated(place: Path, *, notes: list[str] | None = None) -> list[Clip]:
    """The clips that a folder's `metadata.jsonl` or `metadata.csv` lists; where it has none, all its audio files by
    name, each with the caption of the text file beside it (`000.wav`, `000.txt`), if there is one.

    Each line of a listing holds `file_name`, relative to it, and `caption` and `id` where they are known; `path` or
    `audio`, and `text` or `description`, serve as well.

    Args:
        place: a folder, or a listing of any name that ends in .jsonl or .csv.
        notes: told how many audio files of the folder the listing leaves out; they are not judged.

    Raises:
        UserError: nothing there, no audio in it, a line that cannot be read, names no file, one that is missing, or one
            that an earlier line names.
    """
    place = Path(place)
    if place.is_file() and place.suffix in (".jsonl", ".csv"):
        return _listed(place)
    if not place.is_dir():
        raise UserError(f"There is no folder of generated clips at {place}.")
    listing = next((place / name for name in LISTINGS if (place / name).is_file()), None)
    audio = [path for path in sorted(place.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES]
    clips = [Clip(audio=path, caption=_beside(path)) for path in audio] if listing is None else _listed(listing)
    if not clips:
        raise UserError(
            f"{place} holds no audio; put clips there, or generate some with `counterpoint generate ... --out {place}`."
        )
    listed = {clip.audio.resolve() for clip in clips}
    omitted = [path.name for path in audio if path.resolve() not in listed]
    if omitted and notes is not None and listing is not None:
        some = f"{omitted[0]}{', ...' if len(omitted) > 1 else ''}"
        notes.append(f"{len(omitted)} audio files in {place} are not judged: {listing.name} does not list {some}.")
    return clips


def _listed(listing: Path) -> list[Clip]:
    clips: list[Clip] = []
    lines: dict[Path, int] = {}
    for number, row in _rows(listing):
        source = f"{listing}, line {number}"
        clip = _clip(row, source=source, folder=listing.parent)
        if (earlier := lines.setdefault(clip.audio.resolve(), number)) != number:
            raise UserError(f"{source} names {clip.audio}, as line {earlier} does; delete the one that is wrong.")
        clips.append(clip)
    return clips


def _rows(listing: Path) -> Iterator[tuple[int, Any]]:
    """Number and content of each line."""
    try:
        text = listing.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{listing} is not UTF-8 text ({error}); save it as UTF-8.") from None
    if listing.suffix == ".csv":
        reader = csv.DictReader(text.splitlines())
        for row in reader:
            yield reader.line_num, row
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{listing}, line {number} is not JSON ({error}); mend or delete that line.") from None


def _clip(row: Any, *, source: str, folder: Path) -> Clip:
    name = _first(row, _FILE) if isinstance(row, dict) else ""
    if not name:
        raise UserError(f"{source} names no `file_name`; mend or delete that line.")
    audio = folder / name
    if not audio.is_file():
        raise UserError(f"{source} names {audio}, which does not exist; generate it again or delete that line.")
    identifier = row.get("id")
    return Clip(audio=audio, caption=_first(row, _CAPTION), id="" if identifier is None else str(identifier))


def _first(row: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    """The first of them that says something."""
    return next((str(row[key]) for key in keys if row.get(key)), "")


def _beside(audio: Path) -> str:
    """What the text file of the same name says."""
    text = audio.with_suffix(".txt")
    return " ".join(text.read_text(encoding="utf-8", errors="replace").split()) if text.is_file() else ""
