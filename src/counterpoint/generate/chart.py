"""Chords as people write them: a chart in one line, a .lab file, JSON; as musicians and as datasets spell them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from counterpoint.analysis.chords import NO_CHORD, chord_index, vocabulary
from counterpoint.config import UserError

HOW = 'write LABEL:SECONDS, such as "C:0 Am:2 F:4 G:6"'
NOT_ASKED = "X"
"""Harte's sign for a chord that cannot be named: nothing is asked for there."""
_SUFFIXES = (".lab", ".json", ".txt")
_SAME = {
    **dict.fromkeys(("maj", "M", "major"), ""),
    **dict.fromkeys(("min", "mi", "-", "minor"), "m"),
    **dict.fromkeys(("maj6", "M6", "add6"), "6"),
    **dict.fromkeys(("min6", "mi6", "-6"), "m6"),
    **dict.fromkeys(("dom7",), "7"),
    **dict.fromkeys(("M7", "ma7", "Maj7", "major7", "Δ", "Δ7"), "maj7"),
    **dict.fromkeys(("min7", "mi7", "-7", "minor7"), "m7"),
    **dict.fromkeys(("hdim7", "hdim", "min7b5", "-7b5", "ø", "ø7"), "m7b5"),
    **dict.fromkeys(("o", "°"), "dim"),
    **dict.fromkeys(("+", "+5"), "aug"),
}
"""Other names of a quality of ours; those of Harte et al. (2005) among them."""
_NEAR = {
    **dict.fromkeys(("add9", "add2"), ""),
    **dict.fromkeys(("69", "6/9"), "6"),
    **dict.fromkeys(("9", "11", "13", "7b9", "7#9", "7b5"), "7"),
    **dict.fromkeys(("maj9", "maj11", "maj13", "M9"), "maj7"),
    **dict.fromkeys(("minmaj7", "mmaj7", "mM7", "madd9"), "m"),
    **dict.fromkeys(("m9", "min9", "m11", "min11", "m13", "min13"), "m7"),
    **dict.fromkeys(("dim7", "o7", "°7"), "dim"),
    **dict.fromkeys(("aug7", "+7"), "aug"),
}
"""Richer chords, and the quality that each is taken for."""
_CHORD = re.compile(r"([A-G][#b]?):?([^/]*)(?:/([A-G][#b]?|[#b]?\d+))?")


@dataclass(frozen=True)
class Chart:
    """Chords over time.

    Attributes:
        spans: (start, end, label) in seconds, in order; the label is one of `analysis.chords` or `NOT_ASKED`, and
            the end of a last chord that has none is infinite.
        taken_for: labels as they were given, and the simpler ones of the 193 that they became.
        is_typed: given in words, not as a file, which may well describe a longer piece.
    """

    spans: tuple[tuple[float, float, str], ...]
    taken_for: dict[str, str]
    is_typed: bool


def read_chords(source: str | Path) -> Chart:
    """A chart `"C:0 Am:2 F:4 G:6"`, or a file: .lab (start, end and label a line), .json or a chart.

    A .json holds {"start_s", "label"} objects or [start, label] pairs, by themselves or under the key `chords`.

    Raises:
        UserError: no such file, no chord in it, an unknown label, times that are no numbers, negative or out of order.
    """
    path = Path(source)
    is_typed = not (path.suffix.lower() in _SUFFIXES or _is_file(path))
    name = "The chord chart" if is_typed else str(path)
    text = str(source) if is_typed else _text(path)
    given = list(_parse(text, is_json=path.suffix.lower() == ".json", name=name))
    if not given:
        raise UserError(f"{name} holds no chord; {HOW}.")
    _check_times(given, name=name)
    ends = [*(start for start, _, _ in given[1:]), math.inf]
    spans = [
        (start, following if end is None else min(end, following), label)
        for (start, end, label), following in zip(given, ends, strict=True)
    ]
    labels = {label: understand(label, source=name) for _, _, label in spans}
    return Chart(
        tuple((start, end, labels[label][0]) for start, end, label in spans),
        taken_for={label: known for label, (known, is_same) in labels.items() if not is_same},
        is_typed=is_typed,
    )


def understand(label: str, *, source: str) -> tuple[str, bool]:
    """The label among the 193, or `NOT_ASKED`, and whether it says all that was given.

    Raises:
        UserError: there is nothing like it among them.
    """
    text = label.strip().replace("♯", "#").replace("♭", "b")
    if text in (NOT_ASKED, "x"):
        return NOT_ASKED, True
    if text in (NO_CHORD, "NC", "N.C."):
        return NO_CHORD, True
    for spelled in (_bare(text), _without_additions(text)):
        found = _CHORD.fullmatch(spelled)
        if found is None or ("(" in text and found[2] in _NEAR):
            continue
        root, quality, bass = found.groups()
        chord = root + _SAME.get(quality, _NEAR.get(quality, quality))
        for label_of, keeps_bass in ((f"{chord}/{bass}", True), (chord, bass is None)):
            known = _index(label_of)
            if known is not None:
                is_same = keeps_bass and quality not in _NEAR and (spelled == _bare(text))
                return vocabulary()[known], is_same
    raise UserError(
        f"{source} has the chord {label!r}, which is none of the 193 that are known (such as C, F#m7, Bbmaj7, C/E or "
        f"N): write the nearest of them, or {NOT_ASKED} where nothing shall be asked for."
    )


def _bare(text: str) -> str:
    """`m7(b5)` is `m7b5`."""
    return text.replace("6/9", "69").translate(str.maketrans("", "", "() "))


def _without_additions(text: str) -> str:
    """`maj(9)` is taken for `maj`; `(1,5)`, which says all there is, for nothing."""
    return re.sub(r"(?<=[a-z0-9])\([^)]*\)", "", text)


def _index(label: str) -> int | None:
    try:
        return chord_index(label)
    except UserError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a chart can be longer than a file's name
        return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"There is no file of chords at {path}.") from None
    except (UnicodeDecodeError, IsADirectoryError):
        raise UserError(f"{path} is not a text file; give chords as .lab, .json, or {HOW}.") from None


def _parse(text: str, *, is_json: bool, name: str) -> Iterator[tuple[float, float | None, str]]:
    """(start, end or None, label) of every chord."""
    if is_json:
        yield from _parse_json(text, name=name)
        return
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if lines and all(_is_number(line[0]) for line in lines):
        for line in lines:
            if len(line) not in (2, 3):
                raise UserError(f"{name} has the line {' '.join(line)!r}; a line holds start, end and label.")
            yield _time(line[0], name=name), _time(line[1], name=name) if len(line) == 3 else None, line[-1]
        return
    for token in text.replace(",", " ").split():
        label, colon, start = token.rpartition(":")
        if not (colon and label):
            raise UserError(f"{name} has {token!r}, which says no chord and time: {HOW}.")
        yield _time(start, name=name), None, label


def _parse_json(text: str, *, name: str) -> Iterator[tuple[float, float | None, str]]:
    try:
        value: Any = json.loads(text)
        for item in value["chords"] if isinstance(value, dict) else value:
            start, label = (item["start_s"], item["label"]) if isinstance(item, dict) else item
            if isinstance(start, bool) or not isinstance(start, int | float) or not isinstance(label, str):
                raise TypeError
            yield float(start), None, label
    except (json.JSONDecodeError, KeyError, TypeError, ValueError):
        raise UserError(f'{name} is no list of [start, label] pairs or {{"start_s", "label"}} objects.') from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _time(text: str, *, name: str) -> float:
    if not _is_number(text):
        raise UserError(f"{name} has {text!r} where a time in seconds should be; {HOW}.")
    return float(text)


def _check_times(chords: list[tuple[float, float | None, str]], *, name: str) -> None:
    for start, end, label in chords:
        if not (math.isfinite(start) and start >= 0):
            raise UserError(f"{name} has the chord {label} at {start:g} s; times must be zero or later.")
        if end is not None and not end > start:
            raise UserError(f"{name} has the chord {label} end at {end:g} s, no later than it starts.")
    for (start, _, label), (following, _, next_label) in pairwise(chords):
        if following <= start:
            raise UserError(
                f"{name} has {next_label} at {following:g} s after {label} at {start:g} s; give the chords in order, "
                "each at a later time."
            )
