"""Folders of generated clips, or of other audio to evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.audio import stream_audio
from counterpoint.audio.captions import Sidecars, caption_beside
from counterpoint.audio.files import readable
from counterpoint.config import UserError
from counterpoint.config.paths import MISSING, fault_of, resolve_spelling, shown, true_path
from counterpoint.config.tables import (
    CAPTION_KEYS,
    FILE_KEYS,
    LISTINGS,
    TABLE_SUFFIXES,
    first_text,
    read_table,
    require_clips,
)
from counterpoint.metrics.base import Clip

_SAMPLE_RATE = 32_000
_MOST_NOTES = 20
"""Greatest number of separate remarks about one folder."""


def load_generated(place: Path, *, notes: list[str] | None = None) -> list[Clip]:
    """The clips that a folder's table lists (`metadata.csv`, `captions.jsonl`, ...); where it has none, all its audio
    files by name, each with the caption of the file beside it (`000.wav`, `000.txt`), if there is one.

    Each row of a table holds `file_name`, relative to it, and `caption` and `id` if they are known; other column names
    are accepted as well, see `config.tables`.

    Args:
        place: a folder, or a table of any name that ends in .jsonl, .csv or .tsv.
        notes: receives a sentence for each row or file that cannot be judged and is left out, and one on the audio
            files that the table does not list. Without it the first unusable clip is an error.

    Raises:
        UserError: there is no folder or no audio in it; without `notes` also: a row cannot be read, names no file, a
            missing or undecodable file, or the file of an earlier row.
    """
    place = Path(place)
    problems: list[str] = []
    remarks: list[str] = [] if notes is None else notes
    if place.suffix.lower() in TABLE_SUFFIXES and not fault_of(place):
        return _kept(_listed(place, problems=problems, remarks=remarks), problems, place=place, notes=notes)
    require_clips(place)
    names = {path.name.lower(): path for path in sorted(place.iterdir(), reverse=True)}
    listing = next((names[name] for name in LISTINGS if name in names), None)
    suffixes = readable()
    audio = [path for path in sorted(place.iterdir()) if path.suffix.lower() in suffixes]
    clips = _beside(audio, remarks=remarks) if listing is None else _listed(listing, problems=problems, remarks=remarks)
    clips = _kept(clips, problems, place=place, notes=notes)
    listed = {true_path(clip.audio) for clip in clips}
    omitted = [path.name for path in audio if true_path(path) not in listed]
    if omitted and notes is not None and listing is not None:
        some = f"{shown(omitted[0])}{', ...' if len(omitted) > 1 else ''}"
        notes.append(f"{len(omitted)} audio files in {place} are not judged: {listing.name} does not list {some}.")
    return clips


def match_clips(folders: Mapping[str, Path]) -> dict[str, dict[str, Clip]]:
    """Clips of several systems that belong together: by item, the clip of every system.

    Items are matched by their ids (a file's name without its ending), else by captions; those that a system lacks are
    left out.

    Args:
        folders: of audio, by system; see `load_generated`.

    Raises:
        UserError: a folder cannot be read, or the folders share no item.
    """
    clips = {key: load_generated(folder) for key, folder in folders.items()}
    by_id = {key: {clip.key: clip for clip in found} for key, found in clips.items()}
    by_caption = {key: {clip.caption: clip for clip in found if clip.caption} for key, found in clips.items()}
    matched = _matched(by_id) or _matched(by_caption)
    if not matched:
        raise UserError(
            f"No clip of {next(iter(folders.values()))} has a clip of the same id or caption in every other folder; "
            "name the files of one item alike."
        )
    return matched


def _matched(clips: Mapping[str, Mapping[str, Clip]]) -> dict[str, dict[str, Clip]]:
    first, *others = clips.values()
    shared = [key for key in first if all(key in other for other in others)]
    return {key: {name: of_system[key] for name, of_system in clips.items()} for key in shared}


def _kept(clips: Sequence[Clip], problems: list[str], *, place: Path, notes: list[str] | None) -> list[Clip]:
    """The clips that can be decoded; `notes` are as in `load_generated`."""
    if notes is None:
        if problems:
            raise UserError(problems[0])
        kept = list(clips)
    else:
        kept = [clip for clip in clips if _is_sound(clip, problems)]
        notes += [f"{problem.rstrip('.')}; it is not judged." for problem in problems[:_MOST_NOTES]]
        if len(problems) > _MOST_NOTES:
            notes.append(f"{len(problems) - _MOST_NOTES} more lines or files of {place} are not judged.")
    if not kept and problems:
        raise UserError(problems[0])
    if not kept:
        raise UserError(f"{place} contains no audio; generate clips with `counterpoint generate ... --out {place}`.")
    return kept


def _is_sound(clip: Clip, problems: list[str]) -> bool:
    """Whether a whole clip can be decoded."""
    try:
        for _ in stream_audio(clip.audio, sample_rate=_SAMPLE_RATE):
            pass
    except UserError as error:
        problems.append(str(error))
        return False
    return True


def _listed(listing: Path, *, problems: list[str], remarks: list[str]) -> list[Clip]:
    table = read_table(listing)
    remarks += table.notes
    problems += [f"{listing}, {fault}; correct or delete that line." for fault in table.faults]
    clips: list[Clip] = []
    lines: dict[Path, int] = {}
    for row in table.rows:
        source = f"{listing}, line {row.number}"
        try:
            clip = _clip(row.values, source=source, folder=listing.parent)
            if (earlier := lines.setdefault(true_path(clip.audio), row.number)) != row.number:
                raise UserError(f"{source} names {clip.audio}, as line {earlier} does; delete the one that is wrong.")
        except UserError as error:
            problems.append(str(error))
        else:
            clips.append(clip)
    return clips


def _clip(row: Mapping[str, Any], *, source: str, folder: Path) -> Clip:
    name = first_text(row, FILE_KEYS)
    if not name:
        raise UserError(f"{source} names no `file_name`; correct or delete that line.")
    audio = folder / name
    if fault := fault_of(audio):
        meant = resolve_spelling(audio) if fault == MISSING else None
        hint = f" (did you mean {meant}?)" if meant else ""
        raise UserError(
            f"{source} names {shown(audio)[:400]}, which {fault}{hint}; generate it again or delete that line."
        )
    return Clip(audio=audio, caption=first_text(row, CAPTION_KEYS), id=first_text(row, ("id",)))


def _beside(audio: Sequence[Path], *, remarks: list[str]) -> list[Clip]:
    """Every file, with the caption in the text file beside it."""
    sidecars = Sidecars()
    return [Clip(audio=path, caption=caption_beside(path, sidecars, notes=remarks)) for path in audio]
