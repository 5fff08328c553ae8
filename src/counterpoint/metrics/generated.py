"""Folders of generated clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.metrics.base import Clip

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus", ".aiff", ".aif")


def load_generated(folder: Path) -> list[Clip]:
    """The clips of a folder: those its `metadata.jsonl` lists, or, where it has none, all audio files by name.

    Each line of `metadata.jsonl` holds `file_name`, and `caption` (or `text`) and `id` where they are known.

    Raises:
        UserError: no such folder, no audio in it, a line that is not JSON or names no file, or a file that is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"There is no folder of generated clips at {folder}.")
    listing = folder / "metadata.jsonl"
    if listing.is_file():
        lines = enumerate(listing.read_text(encoding="utf-8").splitlines(), start=1)
        clips = [
            _clip(line, source=f"{listing}, line {number}", folder=folder) for number, line in lines if line.strip()
        ]
    else:
        clips = [Clip(audio=path) for path in sorted(folder.iterdir()) if path.suffix.lower() in AUDIO_SUFFIXES]
    if not clips:
        raise UserError(f"{folder} holds no audio; generate into it with `counterpoint generate ... --out {folder}`.")
    return clips


def _clip(line: str, *, source: str, folder: Path) -> Clip:
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{source} is not JSON ({error}); mend or delete that line.") from None
    if not isinstance(row, dict) or not isinstance(row.get("file_name"), str):
        raise UserError(f"{source} names no `file_name`; mend or delete that line.")
    audio = folder / row["file_name"]
    if not audio.is_file():
        raise UserError(f"{source} names {audio}, which does not exist; generate it again or delete that line.")
    identifier = row.get("id")
    return Clip(
        audio=audio,
        caption=str(row.get("caption") or row.get("text") or ""),
        id="" if identifier is None else str(identifier),
    )
