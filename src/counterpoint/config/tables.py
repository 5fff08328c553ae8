"""The one reader of tables of clips: CSV in any dialect, and lines of JSON, as people and programs write them.

Ingesting, evaluating and admitting other systems all read tables by it. A row that cannot be read costs that row alone.
Imports no torch.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from counterpoint.config.documents import parse_json
from counterpoint.config.errors import UserError
from counterpoint.config.paths import MISSING, fault_of, shown
from counterpoint.config.text import on_one_line, read_text, split_lines

LISTINGS = tuple(f"{stem}{suffix}" for stem in ("metadata", "captions") for suffix in (".csv", ".tsv", ".jsonl"))
"""Names, in small letters, of tables that describe the files of a folder, in order of preference."""
TABLE_SUFFIXES = (".jsonl", ".csv", ".tsv")
FILE_KEYS = ("file_name", "path", "filename", "file", "audio")
CAPTION_KEYS = ("caption", "text", "prompt", "description")
"""Their names in a table or a JSON sidecar, in lower case; the first with a value counts."""
MOST_BYTES = 1 << 30
_DELIMITERS = ",;\t|"
_LONGEST_RECORD = 1_000
"""Lines that a row with line breaks in its cells may have; a quote not closed by then counts as never closed."""
_LONGEST_CELL = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        number: of its first line in the file, from 1.
        values: by column or key, in lower case.
    """

    number: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """The content of a table file.

    Attributes:
        rows: all that could be read, in order.
        faults: of the other lines (`line 3 is not valid JSON (...)`).
        notes: guesses about the file, a sentence each.
    """

    rows: list[Row] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_table(path: Path) -> Table:
    """The rows of a .csv, a .tsv or a file of JSON lines (.jsonl, .jsonl.gz).

    Raises:
        UserError: naming the file, when it cannot be opened, read, unpacked or decoded.
    """
    table = Table()
    lines = split_lines(read_text(path, what="table", most_bytes=MOST_BYTES, notes=table.notes))
    is_csv = path.suffix.lower() in (".csv", ".tsv")
    for number, found in _csv_rows(lines) if is_csv else _json_rows(lines):
        if isinstance(found, str):
            table.faults.append(f"line {number} {found}")
        else:
            table.rows.append(Row(number, found))
    return table


def require_clips(place: Path) -> None:
    """
    Raises:
        UserError: `place` is neither a folder, in which clips may lie, nor a table of them.
    """
    if not place.is_dir() and (place.suffix.lower() not in TABLE_SUFFIXES or fault_of(place)):
        fault = "is not a folder" if place.exists() else MISSING
        raise UserError(f"{shown(place)} {fault}; give a folder of generated clips.")


def small_keys(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The mapping with keys in lower case, stripped; of two equal keys the first counts."""
    small: dict[str, Any] = {}
    for key, value in values.items():
        small.setdefault(str(key).strip().lower(), value)
    return small


def first_text(values: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The first value that is not empty, on one line; for a list, its first such entry; or ""."""
    for key in keys:
        if words := texts_of(values.get(key)):
            return words[0]
    return ""


def texts_of(value: Any) -> list[str]:
    """A value, or the entries of a list, each on one line, without those that are neither text nor number."""
    parts = value if isinstance(value, list) else [value]
    return [text for part in parts if (text := one_line(part))]


def one_line(value: Any) -> str:
    """A text or a number on one line; "" for anything else."""
    return on_one_line(str(value)) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _json_rows(lines: list[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(number, row or fault of the line)."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except ValueError as error:
            yield number, str(error)
            continue
        yield number, small_keys(value) if isinstance(value, dict) else "is not an object of keys and values"


def _csv_rows(lines: list[str]) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """(number, row or its fault)."""
    records = _csv_records(lines)
    header = next((cells for _, cells in records if not isinstance(cells, str)), [])
    names = [name.strip().lower() for name in header]
    for number, cells in records:
        if isinstance(cells, str):
            yield number, cells
        elif len(cells) > len(names):
            yield number, f"has {len(cells)} cells under {len(names)} headings: quote cells that hold the delimiter"
        else:
            yield number, dict(zip(names, cells, strict=False))


def _csv_records(lines: list[str]) -> Iterator[tuple[int, list[str] | str]]:
    """(number, cells or fault) of each row that is not blank; empty cells at its end are left out.

    After a row with a quote that is not closed, reading continues at the next line.
    """
    csv.field_size_limit(_LONGEST_CELL)
    header = next((line for line in lines if line.strip()), "")
    delimiter = max(_DELIMITERS, key=header.count)  # spreadsheets in many countries write semicolons
    place = 0
    while place < len(lines):
        span = _LONGEST_RECORD if '"' in lines[place] else 1
        ended = (f"{line}\n" for line in lines[place : place + span])
        reader = csv.reader(ended, delimiter=delimiter, strict=True, skipinitialspace=True)
        number = place + 1
        try:
            cells = next(reader)
        except csv.Error:
            yield number, "has a quote that is not closed, or a quote in a cell that is not doubled"
            place += 1
            continue
        place += reader.line_num
        while cells and not cells[-1].strip():
            cells.pop()
        if cells:
            yield number, cells
