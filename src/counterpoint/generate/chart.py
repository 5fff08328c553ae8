"""Chord charts in text: a chart in one line, in bars, a .lab file, Chordino's table, JSON.

- `C:0 Am:2 F:4 G:6`: label and time of each chord. A time is in seconds or in minutes as `1:05`.
- `120 bpm 3/4 | C | Am F | % | G |`: bars with a tempo, which counts beats of the metre's lower number (4/4 if none
  is given). The chords of a bar share it evenly; `%` repeats the bar before, `/` holds the chord for another share.
- A table, one chord a line: start and label, or start, end and label; with spaces, tabs, commas or semicolons, as .lab
  files, Audacity's labels and Chordino's tables have them.

In a table a chord lasts until its end or until the next one begins, whichever comes first: if two overlap, the later
one counts from its start. An interval of zero or negative length is left out, with a remark; if two chords begin
together, the later line counts. Lines need not be in order.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from counterpoint.config import UserError
from counterpoint.config.paths import is_file
from counterpoint.config.text import read_text, split_lines
from counterpoint.generate.chord_symbols import understand, writes_minor_small

HOW = 'write LABEL:SECONDS, such as "C:0 Am:2 F:4 G:6"'
_SUFFIXES = (".lab", ".json", ".txt", ".csv", ".tsv")
_LARGEST_BYTES = 4 << 20
"""Greatest size of a file of chords; a longer one is something else."""
_SECONDS = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|nan|inf", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,4}):([0-5]\d(?:\.\d+)?)")
_TOKEN_CLOCK = re.compile(r"(.+?):(\d{1,4}:[0-5]\d(?:\.\d+)?)")
_QUALITY_MINUTES = ("5", "6", "7", "9", "11", "13")
"""Numbers of minutes that Harte's syntax has as qualities: `G:7:12` is G7 at 12 s, unless other times have minutes."""
_TEMPO = re.compile(r"(?:tempo\s*=?\s*)?(\d+(?:\.\d+)?)\s*(?:bpm)?(?:[\s,]+(\d+)/(\d+))?", re.IGNORECASE)
_TYPED_TOKEN = re.compile(r"(?:\([^)]*\)|[^\s,(])+")
"""Commas separate the chords of a chart, but not inside brackets, as in `C:maj(9,11)`."""


@dataclass(frozen=True)
class Chart:
    """Chords over time.

    Attributes:
        spans: (start, end, label) in seconds, in order; the label is one of `analysis.chords` or `NOT_REQUESTED`, and
            the end of a last chord without one is infinite.
        taken_for: labels as they were given, and the simpler ones among the 193 that replaced them.
        is_typed: whether it was given as text instead of as a file, which may describe a longer piece.
        left_out: number of intervals of a table without positive length.
    """

    spans: tuple[tuple[float, float, str], ...]
    taken_for: dict[str, str]
    is_typed: bool
    left_out: int = 0


@dataclass(frozen=True)
class _Entry:
    """A chord as written: an end of None is the start of the next."""

    start_s: float
    end_s: float | None
    label: str


def read_chords(source: str | Path) -> Chart:
    """Read a chart from text, or from a file: .lab, .csv, .txt (a table or a chart) or .json.

    A .json contains {"start_s", "label"} objects or [start, label] pairs, either directly or under the key `chords`.

    Raises:
        UserError: there is no such file, it has no chords, a label is unknown, or times are negative or not numbers,
            or, in a text chart, out of order.
    """
    path = Path(source)
    is_typed = not (path.suffix.lower() in _SUFFIXES or is_file(path))
    name = "The chord chart" if is_typed else str(path)
    text = str(source) if is_typed else read_text(path, what="file of chords", most_bytes=_LARGEST_BYTES)
    form, given = _parse(text, is_json=path.suffix.lower() == ".json" and not is_typed, name=name)
    _check_times(given, name=name, in_order=form != "table")
    entries = _lasting(given) if form == "table" else given
    if not entries:
        raise UserError(f"{name} contains no chord; {HOW}.")
    small_is_minor = writes_minor_small([entry.label for entry in entries])
    labels = {entry.label: understand(entry.label, source=name, small_is_minor=small_is_minor) for entry in entries}
    return Chart(
        tuple((start, end, labels[label][0]) for start, end, label in _spans(entries)),
        taken_for={label: known for label, (known, is_same) in labels.items() if not is_same},
        is_typed=is_typed,
        left_out=sum(entry.end_s is not None and entry.end_s <= entry.start_s for entry in given),
    )


def _lasting(given: Sequence[_Entry]) -> list[_Entry]:
    """The entries of a table with positive length, in order; if several begin together, the last one."""
    lasting = [entry for entry in given if entry.end_s is None or entry.end_s > entry.start_s]
    by_start = {entry.start_s: entry for entry in lasting}
    return [by_start[start] for start in sorted(by_start)]


def _spans(entries: Sequence[_Entry]) -> Iterator[tuple[float, float, str]]:
    ends = [*(entry.start_s for entry in entries[1:]), math.inf]
    for entry, following in zip(entries, ends, strict=True):
        yield entry.start_s, following if entry.end_s is None else min(entry.end_s, following), entry.label


def _parse(text: str, *, is_json: bool, name: str) -> tuple[str, list[_Entry]]:
    """The format of a text (json, bars, table or tokens), and its chords."""
    if is_json:
        return "json", list(_parse_json(text, name=name))
    lines = [line for line in split_lines(text) if line.strip() and line.lstrip()[0] not in "#\\"]
    if any("|" in line for line in lines):
        return "bars", list(_parse_bars(" ".join(lines), name=name))
    rows = [_fields(line) for line in lines]
    if rows and _seconds(rows[0][0]) is None and len(rows) > 1 and _seconds(rows[1][0]) is not None:
        rows = rows[1:]  # the first line names the columns
    if rows and all(_seconds(row[0]) is not None for row in rows):
        return "table", [_row(row, name=name) for row in rows]
    return "tokens", list(_parse_tokens(" ".join(lines), name=name))


def _fields(line: str) -> list[str]:
    """The cells of a line of a table; a first cell without a time, such as the name of the music, is left out."""
    separator = next((sign for sign in "\t;," if sign in line), None)
    spaced = line.split()
    if separator is None or (separator != "\t" and _seconds(spaced[0]) is not None):
        return spaced
    cells = [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True))]
    if separator == ";":  # in files with commas as decimal points
        cells = [cell.replace(",", ".") if re.fullmatch(r"\d+,\d+", cell) else cell for cell in cells]
    starts_late = len(cells) > 2 and _seconds(cells[0]) is None and _seconds(cells[1]) is not None
    return cells[1:] if starts_late else cells


def _row(cells: Sequence[str], *, name: str) -> _Entry:
    if len(cells) not in (2, 3):
        raise UserError(f"{name} has the line {' '.join(cells)!r}; a line needs start, end and label.")
    end_s = _time(cells[1], name=name) if len(cells) == 3 else None
    return _Entry(_time(cells[0], name=name), end_s, cells[-1])


def _parse_tokens(text: str, *, name: str) -> Iterator[_Entry]:
    """`C:0 Am:2`, in seconds, or in minutes and seconds."""
    tokens = _TYPED_TOKEN.findall(text)
    clocks = [_TOKEN_CLOCK.fullmatch(token) for token in tokens]
    has_minutes = any(clock and clock[2].partition(":")[0] not in _QUALITY_MINUTES for clock in clocks)
    for token, clock in zip(tokens, clocks, strict=True):
        label, colon, start = (clock[1], ":", clock[2]) if clock and has_minutes else token.rpartition(":")
        if not (colon and label):
            raise UserError(f"{name} has {token!r}, which is not a chord with a time: {HOW}.")
        yield _Entry(_time(start, name=name), None, label)


def _parse_bars(text: str, *, name: str) -> Iterator[_Entry]:
    """`120 bpm 3/4 | C | Am F | % |`."""
    head, *bars = text.split("|")
    tempo = _TEMPO.fullmatch(head.strip())
    if tempo is None or not float(tempo[1]) or tempo[2] == "0":
        raise UserError(f'{name} is in bars, so it must begin with a tempo, such as "120 bpm 4/4 | C | Am F | G |".')
    if any(bar.strip().startswith(":") or bar.strip().endswith(":") for bar in bars):
        raise UserError(f"{name} has repeat signs (|: and :|), which are not supported; write out the bars.")
    bar_s = int(tempo[2] or 4) * 60 / float(tempo[1])
    cells: list[str] = []
    label: str | None = None
    filled = [written for bar in bars if (written := bar.split())]
    for index, written in enumerate(filled):
        cells = cells if written == ["%"] else written
        share_s = bar_s / max(1, len(cells))
        for place, cell in enumerate(cells):
            if cell != "/":
                label = cell
            if label is None:
                raise UserError(f"{name} begins with {cell!r}, but there is no chord before it to continue.")
            start_s = index * bar_s + place * share_s
            yield _Entry(start_s, start_s + share_s, label)


def _parse_json(text: str, *, name: str) -> Iterator[_Entry]:
    try:
        value: Any = json.loads(text)
        for item in value["chords"] if isinstance(value, dict) else value:
            start, label = (item["start_s"], item["label"]) if isinstance(item, dict) else item
            if isinstance(start, bool) or not isinstance(start, int | float) or not isinstance(label, str):
                raise TypeError
            yield _Entry(float(start), None, label)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise UserError(f'{name} is not a list of [start, label] pairs or {{"start_s", "label"}} objects.') from None


def _seconds(text: str) -> float | None:
    """A time as 65, 65.0, 1:05 or 0:01:05; None if it is not a time."""
    if _SECONDS.fullmatch(text):
        return float(text)
    if clock := _CLOCK.fullmatch(text):
        return 3600 * int(clock[1] or 0) + 60 * int(clock[2]) + float(clock[3])
    return None


def _time(text: str, *, name: str) -> float:
    time_s = _seconds(text)
    if time_s is None:
        raise UserError(f"{name} has {text!r} where a time in seconds should be; {HOW}.")
    return time_s


def _check_times(chords: Sequence[_Entry], *, name: str, in_order: bool) -> None:
    for chord in chords:
        if not (math.isfinite(chord.start_s) and chord.start_s >= 0):
            raise UserError(f"{name} has the chord {chord.label} at {chord.start_s:g} s; times must be zero or later.")
        if chord.end_s is not None and not math.isfinite(chord.end_s):
            raise UserError(f"{name} has {chord.end_s:g} s as the end of the chord {chord.label}, which is not a time.")
    for chord, following in pairwise(chords if in_order else ()):
        if following.start_s <= chord.start_s:
            raise UserError(
                f"{name} has {following.label} at {following.start_s:g} s after {chord.label} at {chord.start_s:g} s; "
                "give the chords in order, each at a later time."
            )
