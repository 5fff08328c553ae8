"""Which audio files there are, and what is written about them.

A file's caption is the first that is not empty of
  1. its row in a table: `metadata.csv` or `metadata.jsonl` (HF audiofolder: `file_name` beside `caption`), or an
     audiocraft manifest `data.jsonl[.gz]` (`path`), tables in the file's own folder before those further up; or
     `musiccaps-public.csv`, whose rows are of the files with their `ytid` anywhere in the name;
  2. its JSON sidecar: the same stem with `.json`, or what a manifest's `info_path` names;
  3. its text sidecar: the same stem with `.txt`;
  4. a sentence composed from title, genre, moods, keywords, instruments, tempo and key of a table or JSON sidecar.
Artist and track come from the tables and sidecars too, in the same order.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.ingest.report import Problem

AUDIO = frozenset(
    (".wav", ".flac", ".ogg", ".oga", ".mp3", ".aiff", ".aif", ".aifc", ".opus", ".caf", ".au", ".w64", ".rf64")
)
"""Suffixes that libsndfile decodes."""
FOREIGN = frozenset(
    (".m4a", ".aac", ".wma", ".ape", ".wv", ".mpc", ".alac", ".m4b", ".mka", ".ac3", ".amr", ".dsf", ".webm")
)
"""Suffixes of audio that it does not; such files are named, not passed over in silence."""
_TABLES = ("metadata.csv", "metadata.jsonl", "data.jsonl", "data.jsonl.gz", "musiccaps-public.csv")
_FILE_KEYS = ("file_name", "path", "filename", "file", "audio")
_CAPTION_KEYS = ("caption", "description", "text")
_YOUTUBE_KEYS = ("ytid",)
_YOUTUBE_ID = 11
"""Characters, of which some may be - or _, so that nothing tells where in a name an id begins."""
_ARTIST_KEYS = ("artist", "artists", "artist_name")
_TRACK_KEYS = ("track", "track_id")
_NOBODY = {"", "unknown", "unknown artist", "various", "various artists", "n/a", "none", "-"}


@dataclass(frozen=True)
class About:
    """What is written about one file.

    Attributes:
        caption: "" where there is none.
        source: where the caption comes from, for the report.
        artist: normalised, "" where unknown.
        track: an explicit track name or number, "" where none is given.
    """

    caption: str
    source: str
    artist: str
    track: str


@dataclass(frozen=True)
class Sources:
    """Everything found below one source.

    Attributes:
        root: folder that ids are relative to.
        audio: files to listen to, in order.
        problems: broken lines, missing files, formats that cannot be decoded.
    """

    root: Path
    audio: list[Path]
    problems: list[Problem]
    _tables: dict[str, list[tuple[str, Mapping[str, Any]]]]
    _sidecars: dict[str, Path]

    @property
    def found(self) -> int:
        """Audio files there are, those in formats that cannot be decoded included."""
        return len(self.audio) + sum(problem.kind == "unreadable" for problem in self.problems)

    def id(self, path: Path) -> str:
        """Path below the root, or the whole path of a file that a manifest names elsewhere."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.as_posix()

    def about(self, path: Path, *, problems: list[Problem]) -> About:
        """Caption, artist and track of a file; a sidecar that cannot be read goes to `problems`."""
        described = list(self._tables.get(_key(path), ()))
        infos = [Path(row["info_path"]) for _, row in described if row.get("info_path")]
        sidecar = next((info for info in infos if info.is_file()), None) or self._sidecar(path, ".json")
        if sidecar:
            described.append(("sidecar .json", _read_sidecar(sidecar, problems)))
        captions = [(name, _first(row, _CAPTION_KEYS)) for name, row in described]
        if text := self._sidecar(path, ".txt"):
            captions.append(("sidecar .txt", _one_line(read_text(text))))
        captions += [(f"composed from {name}", compose_caption(row)) for name, row in described]
        source, caption = next((pair for pair in captions if pair[1]), ("", ""))
        rows = [row for _, row in described]
        artists = (normalize_artist(_first(row, _ARTIST_KEYS)) for row in rows)
        tracks = (_first(row, _TRACK_KEYS) for row in rows)
        return About(
            caption=caption, source=source, artist=next(filter(None, artists), ""), track=next(filter(None, tracks), "")
        )

    def _sidecar(self, path: Path, suffix: str) -> Path | None:
        beside = path.with_suffix(suffix)
        if path.is_relative_to(self.root) and _key(beside) in self._sidecars:
            return self._sidecars[_key(beside)]
        return beside if beside.is_file() else None  # of a file that only a manifest names


@dataclass
class _Found:
    """Collects while walking."""

    audio: dict[str, Path] = field(default_factory=dict)
    sidecars: dict[str, Path] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def find_sources(src: Path) -> Sources:
    """List the audio and the captions below a folder, or those that an audiocraft manifest names.

    Raises:
        UserError: when `src` is missing, or neither a folder nor a manifest.
    """
    if not src.exists():
        raise UserError(f"There is nothing at {src}; give the folder that holds your music.")
    src = Path(os.path.abspath(src))  # noqa: PTH100 - keep symlinks as the user named them
    found = _Found()
    if src.is_dir():
        _walk(src, found)
    elif src.name.endswith((".jsonl", ".jsonl.gz")):
        found.tables.append(src)
    else:
        raise UserError(
            f"{src} is neither a folder nor an audiocraft manifest (.jsonl, .jsonl.gz); give a folder of music."
        )
    root = src if src.is_dir() else src.parent
    tables: dict[str, list[tuple[str, Mapping[str, Any]]]] = {}
    for table in sorted(
        found.tables, key=lambda path: (-len(path.parts), _TABLES.index(path.name) if path.name in _TABLES else 0)
    ):
        _read_table(table, found, tables)
    audio = sorted(found.audio.values(), key=lambda path: path.as_posix())
    return Sources(root=root, audio=audio, problems=found.problems, _tables=tables, _sidecars=found.sidecars)


def _walk(src: Path, found: _Found) -> None:
    """Sort every file below `src` into `found`; links are followed, each folder once, hidden names passed over."""
    seen: set[str] = set()
    for place, folders, files in os.walk(src, followlinks=True):
        seen.add(os.path.realpath(place))
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and os.path.realpath(Path(place, name)) not in seen
        )
        for name in sorted(files):
            path = Path(place, name)
            suffix = path.suffix.lower()
            if name.startswith("."):
                continue  # among them macOS's ._track.wav, which holds no audio
            if name in _TABLES:
                found.tables.append(path)
            elif suffix in AUDIO:
                found.audio[_key(path)] = path
            elif suffix in (".json", ".txt"):
                found.sidecars[_key(path.with_suffix(suffix))] = path
            elif suffix in FOREIGN:
                found.problems.append(_foreign(path))


def _foreign(path: Path) -> Problem:
    return Problem(str(path), "unreadable", f"{path.suffix.lower()} cannot be decoded; convert it to flac")


def _read_table(table: Path, found: _Found, tables: dict[str, list[tuple[str, Mapping[str, Any]]]]) -> None:
    """Attach each row of a table to its file; files that only the table knows of join the audio."""
    nowhere = absent = 0
    by_id: dict[str, Path] | None = None
    for number, row in _table_rows(table, found.problems):
        name = _first(row, _FILE_KEYS)
        if not name:
            if not (clip := _first(row, _YOUTUBE_KEYS)):
                nowhere += 1
                continue
            by_id = _by_youtube_id(found) if by_id is None else by_id
            if clip in by_id:
                tables.setdefault(_key(by_id[clip]), []).append((table.name, row))
            absent += clip not in by_id
            continue
        path = _locate(name, table)
        if path is None:
            found.problems.append(Problem(name, "missing file", f"named by {table.name}, line {number}, but not there"))
            continue
        key = _key(path)
        tables.setdefault(key, []).append((table.name, row))
        if path.suffix.lower() in FOREIGN and key not in found.audio:
            if not any(problem.path == str(path) for problem in found.problems):
                found.problems.append(_foreign(path))
        else:
            found.audio.setdefault(key, path)
    if absent:
        reason = f"{absent} rows are of clips that are not there: no file has their ytid in its name"
        found.problems.append(Problem(str(table), "missing file", reason))
    if nowhere:
        reason = f"{nowhere} rows name no file (expected a column {' or '.join(_FILE_KEYS[:2])})"
        found.problems.append(Problem(str(table), "broken metadata", reason))


def _by_youtube_id(found: _Found) -> dict[str, Path]:
    """The audio by everything in its name that may be an id."""
    return {
        path.stem[start : start + _YOUTUBE_ID]: path
        for path in found.audio.values()
        for start in range(len(path.stem) - _YOUTUBE_ID + 1)
    }


def _locate(name: str, table: Path) -> Path | None:
    """A table's file: beside the table, else from the working folder, as audiocraft writes its paths."""
    for base in (table.parent, Path.cwd()):
        path = Path(os.path.normpath(base / name))
        for form in ("NFC", "NFD"):  # archives made on macOS spell accents apart
            spelled = Path(unicodedata.normalize(form, str(path)))
            if spelled.is_file():
                return spelled
    return None


def _table_rows(table: Path, problems: list[Problem]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """(line number, row) for each row that can be read."""
    try:
        text = read_text(table)
    except (OSError, EOFError) as error:
        problems.append(Problem(str(table), "broken metadata", f"cannot be read ({error})"))
        return
    if table.suffix == ".csv":
        yield from _csv_rows(text)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problems.append(Problem(str(table), "broken metadata", f"line {number} is not JSON ({error.msg})"))
            continue
        if isinstance(row, dict):
            yield number, row
        else:
            problems.append(
                Problem(str(table), "broken metadata", f"line {number} is not an object of keys and values")
            )


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    header = text.partition("\n")[0]
    delimiter = max(",;\t", key=header.count)  # spreadsheets of half the world write semicolons
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=False)
    reader.fieldnames = [name.strip().lower() for name in reader.fieldnames or []]
    for row in reader:
        yield reader.line_num, row


def _read_sidecar(path: Path, problems: list[Problem]) -> Mapping[str, Any]:
    try:
        value = json.loads(read_text(path))
    except (OSError, json.JSONDecodeError) as error:
        problems.append(Problem(str(path), "broken metadata", f"is not valid JSON ({error})"))
        return {}
    if isinstance(value, str):
        return {"caption": value}
    if not isinstance(value, dict):
        problems.append(Problem(str(path), "broken metadata", "is not an object of keys and values"))
        return {}
    return value


def read_text(path: Path) -> str:
    """Text of a file that people's programs wrote: UTF-8 with or without mark, UTF-16 with mark, else Windows-1252."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def compose_caption(row: Mapping[str, Any]) -> str:
    """A caption from a track's facts, as in: `Night Drive: synthwave, dark, driving, bass, drums, 110 bpm, A minor`."""
    keys = ("genre", "genres", "moods", "mood", "keywords", "tags", "instruments", "instrument")
    words = [word for key in keys for word in _words(row.get(key))]
    if tempo := _first(row, ("bpm", "tempo")):
        words.append(f"{tempo.removesuffix('.0')} bpm")
    words += _words(row.get("key"))
    title = _first(row, ("title", "name"))
    facts = ", ".join(dict.fromkeys(words))
    return f"{title}: {facts}" if title and facts else title or facts


def normalize_artist(name: str) -> str:
    """An artist's name without case and spacing; "" for the names that stand for nobody."""
    name = " ".join(name.casefold().split())
    return "" if name in _NOBODY else name


def _words(value: Any) -> list[str]:
    parts = value if isinstance(value, list) else [value]
    return [word for part in parts if (word := _one_line(part))]


def _first(row: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first value that is not empty; of a list, its first entry that is not."""
    for key in keys:
        if words := _words(row.get(key)):
            return words[0]
    return ""


def _one_line(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _key(path: Path) -> str:
    """How paths are compared: normal form, accents composed."""
    return unicodedata.normalize("NFC", os.path.normpath(path))
