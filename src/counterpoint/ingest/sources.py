"""The audio files of a source, and their captions and metadata.

A file's caption is the first non-empty one of
  1. its row in a table: `metadata.csv`, `captions.csv`, or either as .tsv or .jsonl (HF audiofolder: `file_name` beside
     `caption`), or an audiocraft manifest `data.jsonl[.gz]` (`path`), where tables in the file's own folder precede
     those further up; or `musiccaps-public.csv`, whose rows belong to the files with their `ytid` anywhere in the name;
  2. its JSON sidecar: the same stem with `.json`, or the file that a manifest's `info_path` names;
  3. its text sidecar, as `audio.captions` finds it: the same stem with `.txt`, `.caption.txt`, `.caption` and others;
  4. a sentence composed from title, genre, moods, keywords, instruments, tempo and key of a table, JSON sidecar or
     class sidecar (`.cls`).
Artist and track come from the tables and sidecars, too, in the same order.

Any fault while a file, row or sidecar is read becomes a problem of that file, row or sidecar.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from counterpoint.audio.captions import (
    CLASS_ENDINGS,
    JSON_ENDINGS,
    TEXT_ENDINGS,
    Sidecars,
    read_class_sidecar,
    read_json_sidecar,
    read_text_sidecar,
)
from counterpoint.audio.files import FOREIGN, readable
from counterpoint.config import UserError
from counterpoint.config.paths import MISSING, fault_of, is_file, resolve_spelling, shown, true_path
from counterpoint.config.tables import CAPTION_KEYS, FILE_KEYS, LISTINGS, first_text, read_table, texts_of
from counterpoint.ingest.archives import id_in, is_archive, named_archives, unpack_all
from counterpoint.ingest.report import SKIPPED, Problem

_TABLES = (*LISTINGS, "data.jsonl", "data.jsonl.gz", "musiccaps-public.csv")
T = TypeVar("T")
_YOUTUBE_KEYS = ("ytid",)
_YOUTUBE_ID = 11
"""Length of an id in characters, which may include - or _, so that its start in a name is not marked."""
_LONGEST_NAME = 200
"""Greatest number of characters of a name that a problem quotes."""
_ARTIST_KEYS = ("artist", "artists", "artist_name")
_TRACK_KEYS = ("track", "track_id")
_NOBODY = {"", "unknown", "unknown artist", "various", "various artists", "n/a", "none", "-"}


@dataclass(frozen=True, slots=True)
class About:
    """The metadata of one file.

    Attributes:
        caption: "" without one.
        source: the source of the caption, for the report.
        artist: normalised, "" if unknown.
        track: an explicit track name or number, "" without one.
        missed: fields that were found instead of a caption, "" without any.
    """

    caption: str
    source: str
    artist: str
    track: str
    missed: str = ""


@dataclass(frozen=True)
class Sources:
    """All files found in one source.

    Attributes:
        root: folder to which ids are relative.
        audio: paths of the audio files to decode, in order, as text, which takes a fifth of the memory of a `Path`.
        problems: broken lines, missing files, formats that cannot be decoded.
        sidecars: sidecars of the audio.
        unpacked: folder of the contents of tars.
        archives: folder of the content of each tar, below `unpacked`.
    """

    root: Path
    audio: list[str]
    problems: list[Problem]
    sidecars: Sidecars
    unpacked: Path
    archives: list[Path]
    _tables: dict[str, list[tuple[str, Mapping[str, Any]]]]

    @property
    def found(self) -> int:
        """Number of audio files, including those that are skipped without decoding."""
        return len(self.audio) + sum(problem.kind in SKIPPED for problem in self.problems)

    def id(self, path: Path) -> str:
        """Path relative to the root, or name in a tar, or the whole path of a file that a manifest lists elsewhere."""
        if path.is_relative_to(self.unpacked):
            return id_in(path, self.unpacked)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def about(self, path: Path, *, problems: list[Problem]) -> About:
        """Caption, artist and track of a file; a sidecar that cannot be read is added to `problems`.

        Each file may be asked about once: its rows of tables, which take more memory than the answer, are freed.
        """
        described = self._tables.pop(_key(path), [])
        infos = _info_files(path, [row for _, row in described], problems=problems)
        sidecars = [*infos, *self.sidecars.find(path, JSON_ENDINGS)][:1]
        described += [("sidecar .json", _read(read_json_sidecar, each, {}, problems=problems)) for each in sidecars]
        for each in self.sidecars.find(path, CLASS_ENDINGS):
            described.append(("sidecar .cls", _read(read_class_sidecar, each, {}, problems=problems)))
        captions = [(name, first_text(row, CAPTION_KEYS)) for name, row in described]
        for text in self.sidecars.find(path, TEXT_ENDINGS):
            captions.append((f"sidecar {_ending(text)}", _read(read_text_sidecar, text, "", problems=problems)))
        captions += [(f"composed from {name}", compose_caption(row)) for name, row in described]
        source, caption = next((pair for pair in captions if pair[1]), ("", ""))
        rows = [row for _, row in described]
        artists = (normalize_artist(first_text(row, _ARTIST_KEYS)) for row in rows)
        tracks = (first_text(row, _TRACK_KEYS) for row in rows)
        return About(
            caption=caption,
            source=sys.intern(source),  # one text for all files
            artist=next(filter(None, artists), ""),
            track=next(filter(None, tracks), ""),
            missed="" if caption else _missed(described),
        )

    def unused_text(self) -> list[Problem]:
        """A problem for each folder with text or JSON files whose names match no audio file."""
        folders: dict[Path, list[str]] = {}
        for path in self.sidecars.unused():
            if path.name.lower() not in _TABLES:
                folders.setdefault(path.parent, []).append(shown(path.name))
        return [
            Problem(shown(folder), "unused text", f"{names[0]}{f' and {len(names) - 1} more' if names[1:] else ''}")
            for folder, names in folders.items()
        ]


@dataclass
class _Found:
    """Results collected during the search."""

    audio: dict[str, str] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)
    archives: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def find_sources(src: Path, *, unpacked: Path) -> Sources:
    """List the audio and the captions in a folder, in the tars in it, in tars alone, or those that an audiocraft
    manifest lists.

    Args:
        src: a folder; a tar or the URL of one, or of several in braces; a manifest.
        unpacked: the folder that receives the contents of tars, or has them already (see `archives`).

    Raises:
        UserError: `src` is missing, or none of these, or a tar cannot be reached.
    """
    found, unpacked = _Found(), Path(os.path.abspath(unpacked))  # noqa: PTH100 - as below
    if tars := named_archives(str(src)):
        found.archives = {re.split(r"[?#]", tar)[0].rpartition("/")[2]: tar for tar in tars}
    else:
        src = _walked(src, found)
    archives = list(unpack_all(found.archives, unpacked, problems=found.problems).values())
    for folder in archives:
        _walk(folder, found)
    tables: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for table in sorted(found.tables, key=lambda path: (-len(path.parts), _rank(path))):
        _attach_rows(table, found, tables)
    return Sources(
        root=src if src.is_dir() else src.parent,
        audio=sorted(found.audio.values(), key=_in_slashes),
        problems=found.problems,
        sidecars=Sidecars(),
        unpacked=unpacked,
        archives=archives,
        _tables=tables,
    )


def _walked(src: Path, found: _Found) -> Path:
    """Sort a folder or a manifest into `found`; returns its absolute path."""
    fault = fault_of(src)
    if fault == MISSING:
        raise UserError(f"{src} does not exist; give the folder of your music.")
    src = Path(os.path.abspath(src))  # noqa: PTH100 - keep symlinks as the user named them
    if src.is_dir():
        _walk(src, found)
        found.archives = {Path(tar).relative_to(src).as_posix(): tar for tar in found.archives}
    elif fault:
        raise UserError(f"{shown(src)} {fault}; give the folder of your music.")
    elif src.name.endswith((".jsonl", ".jsonl.gz")):
        found.tables.append(src)
    else:
        raise UserError(
            f"{src} is neither a folder, nor a tar, nor an audiocraft manifest (.jsonl, .jsonl.gz); give a folder of "
            "music."
        )
    return src


def _rank(table: Path) -> int:
    name = table.name.lower()
    return _TABLES.index(name) if name in _TABLES else 0


def _walk(src: Path, found: _Found) -> None:
    """Sort every file below `src` into `found`; hidden names are skipped.

    Links to folders are followed wherever they lead, after the folders themselves, so that a file is found at its own
    place first. A link to a folder that is read already, or that contains `src`, would be a repetition or a loop: it
    becomes a problem.
    """

    def closed(error: OSError) -> None:
        place = shown(error.filename or src)
        found.problems.append(Problem(place, "closed folder", error.strerror or str(error)))

    seen = {str(folder) for folder in true_path(src).parents}
    links = deque([src])
    while links:
        for place, folders, files in os.walk(links.popleft(), onerror=closed):
            true = os.path.realpath(place)
            if true in seen:
                found.problems.append(Problem(shown(place), "repeated folder", f"leads to {shown(true)}"))
                folders.clear()
                continue
            seen.add(true)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            links += [path for path in (Path(place, name) for name in folders) if path.is_symlink()]
            for name in sorted(files):
                if not name.startswith("."):  # such as macOS's ._track.wav, which contains no audio
                    _sort_in(Path(place, name), found)


def _sort_in(path: Path, found: _Found) -> None:
    suffix = path.suffix.lower()
    if path.name.lower() in _TABLES:
        found.tables.append(path)
    elif suffix in readable():
        if shown(path) != str(path):
            found.problems.append(Problem(shown(path), "unreadable", fault_of(path)))
        elif (other := _add(path, found)) != str(path):
            reason = f"its name equals that of {other} except for the encoding of accents; rename one"
            found.problems.append(Problem(str(path), "unreadable", reason))
    elif suffix in FOREIGN:
        found.problems.append(_foreign(path))
    elif is_archive(path.name):
        found.archives[str(path)] = str(path)


def _add(path: Path, found: _Found) -> str:
    """Add a file to the audio; returns its path, or that of the file that was added by this name before."""
    text, key = str(path), _key(path)
    return found.audio.setdefault(key, key if key == text else text)  # one text in memory, if they are equal


def _foreign(path: Path) -> Problem:
    return Problem(
        shown(path),
        "unreadable",
        f"{path.suffix.lower()} cannot be decoded without ffmpeg; install it, or convert it to flac",
    )


def _attach_rows(table: Path, found: _Found, tables: dict[str, list[tuple[str, Mapping[str, Any]]]]) -> None:
    """Attach each row of a table to its file; files that only the table lists are added to the audio."""
    try:
        read = read_table(table)
    except UserError as error:
        found.problems.append(Problem(shown(table), "broken metadata", _reason(error, table)))
        return
    found.problems += [Problem(shown(table), "broken metadata", fault) for fault in read.faults]
    found.problems += [Problem(shown(table), "guessed encoding", "") for _ in read.notes]
    nowhere = absent = 0
    by_id: dict[str, str] | None = None
    for row in read.rows:
        name = first_text(row.values, FILE_KEYS)
        if name:
            if path := _named(name, table, row.number, found):
                tables.setdefault(_key(path), []).append((table.name, row.values))
        elif clip := first_text(row.values, _YOUTUBE_KEYS):
            by_id = _by_youtube_id(found) if by_id is None else by_id
            if clip in by_id:
                tables.setdefault(_key(Path(by_id[clip])), []).append((table.name, row.values))
            absent += clip not in by_id
        else:
            nowhere += 1
    if absent:
        reason = f"{absent} rows belong to missing clips: no file has their ytid in its name"
        found.problems.append(Problem(str(table), "missing file", reason))
    if nowhere:
        reason = f"{nowhere} rows name no file (expected a column {' or '.join(FILE_KEYS[:2])})"
        found.problems.append(Problem(str(table), "broken metadata", reason))


def _named(name: str, table: Path, number: int, found: _Found) -> Path | None:
    """The file that a row lists, added to the audio; None if it is missing or cannot be decoded."""
    path = _locate(name, table)
    if path is None:
        said = f"listed in {table.name}, line {number}, but {_why_missing(name, table)}"
        found.problems.append(Problem(name[:_LONGEST_NAME], "missing file", said))
    elif path.suffix.lower() not in FOREIGN - readable():
        _add(path, found)
    elif not any(problem.path == str(path) for problem in found.problems):
        found.problems.append(_foreign(path))
    return path


def _why_missing(name: str, table: Path) -> str:
    place = table.parent / name
    fault = fault_of(place)
    if fault != MISSING:
        return fault
    meant = resolve_spelling(place)
    return f"missing; did you mean {os.path.relpath(meant, table.parent)}?" if meant else "missing"


def _by_youtube_id(found: _Found) -> dict[str, str]:
    """The audio by every part of its name that may be an id."""
    return {
        stem[start : start + _YOUTUBE_ID]: path
        for path in found.audio.values()
        for stem in [Path(path).stem]
        for start in range(len(stem) - _YOUTUBE_ID + 1)
    }


def _locate(name: str, table: Path) -> Path | None:
    """A table's file: relative to the table, else to the working folder, as in audiocraft's paths."""
    for base in (table.parent, Path.cwd()):
        path = Path(os.path.normpath(base / name))
        for form in ("NFC", "NFD"):  # archives made on macOS decompose accents
            spelled = Path(unicodedata.normalize(form, str(path)))
            if is_file(spelled):
                return spelled
    return None


def _info_files(path: Path, rows: Iterable[Mapping[str, Any]], *, problems: list[Problem]) -> list[Path]:
    """The files listed as `info_path` in a manifest's rows; missing ones are added to `problems`."""
    found = []
    for row in rows:
        if not row.get("info_path"):
            continue
        place = first_text(row, ("info_path",))
        fault = fault_of(place) if place else "is not text"
        if fault:
            said = f"its info_path {place[:_LONGEST_NAME]} {fault}" if place else f"its info_path {fault}"
            problems.append(Problem(shown(path), "broken metadata", said))
        else:
            found.append(Path(place))
    return found


def _read(read: Callable[..., T], path: Path, default: T, *, problems: list[Problem]) -> T:
    """The content of a sidecar; its faults and guesses are added to `problems`."""
    notes: list[str] = []
    try:
        return read(path, notes=notes)
    except UserError as error:
        problems.append(Problem(shown(path), "broken metadata", _reason(error, path)))
        return default
    finally:
        problems += [Problem(shown(path), "guessed encoding", "") for _ in notes]


def _reason(error: UserError, path: Path) -> str:
    """The message about a file without its path."""
    return str(error).removeprefix(f"{shown(path)} ").rstrip(".")


def _ending(sidecar: Path) -> str:
    """`.caption.txt`, for the report."""
    name = sidecar.name.lower()
    return max((each for each in TEXT_ENDINGS if name.endswith(each)), key=len)


def _missed(described: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Fields of tables and sidecars that are not a caption."""
    keys = {key: None for _, row in described for key, value in row.items() if texts_of(value) and key not in FILE_KEYS}
    if not keys:
        return ""
    return f"has {', '.join(list(keys)[:5])}, and none of {', '.join(CAPTION_KEYS)}"


def compose_caption(row: Mapping[str, Any]) -> str:
    """A caption composed from metadata, such as `Night Drive: synthwave, dark, driving, bass, drums, 110 bpm, A
    minor`."""
    keys = ("genre", "genres", "moods", "mood", "keywords", "tags", "instruments", "instrument")
    words = [word for key in keys for word in texts_of(row.get(key))]
    if tempo := first_text(row, ("bpm", "tempo")):
        words.append(f"{tempo.removesuffix('.0')} bpm")
    words += texts_of(row.get("key"))
    title = first_text(row, ("title", "name"))
    facts = ", ".join(dict.fromkeys(words))
    return f"{title}: {facts}" if title and facts else title or facts


def normalize_artist(name: str) -> str:
    """An artist's name without case and spacing; "" for names that mean an unknown artist."""
    name = " ".join(name.casefold().split())
    return "" if name in _NOBODY else name


def _key(path: Path) -> str:
    """Normal form of a path for comparisons, with composed accents."""
    return unicodedata.normalize("NFC", os.path.normpath(path))


def _in_slashes(path: str) -> str:
    return path.replace(os.sep, "/")
