"""Exchange with other tools: tests are exported to them, and ratings are imported from them.

OUT/configs/TEST.yaml      webMUSHRA's configuration (github.com/audiolabs/webMUSHRA, doc/experimenter.md)
OUT/configs/audio/*.wav    every clip, in one folder, under its blind name
OUT/trials.csv             one line per trial, for survey tools and recruiting platforms
"""

from __future__ import annotations

import csv
import html
import io
import json
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from sqlite3 import Connection
from typing import Any

import yaml

from counterpoint.config import UserError, atomic_folder
from counterpoint.config.documents import quoted
from counterpoint.config.paths import true_path
from counterpoint.config.tables import one_line, read_table
from counterpoint.listen.answers import Answers
from counterpoint.listen.assignment import LAYOUTS, Cell
from counterpoint.listen.design import Question
from counterpoint.listen.folder import Item, ListeningTest

_AUDIO = "configs/audio"
_LONGEST_NAME = 200
_COLUMNS = ("rater", "item", "system", "question", "value")


def export_test(test: ListeningTest, out: Path) -> Path:
    """Write the test for other tools into a new folder; returns webMUSHRA's configuration.

    `key.json` is not exported, since it names the system of each clip.

    Raises:
        UserError: `out` is not empty, or a clip is missing or was changed.
    """
    test.check_files()
    name = true_path(test.folder).name

    def fill(place: Path) -> None:
        (place / _AUDIO).mkdir(parents=True)
        for item in test.manifest.items:
            for clip in item.files:
                copyfile(test.folder / clip.file, place / _AUDIO / Path(clip.file).name)
        text = yaml.safe_dump(webmushra(test), sort_keys=False, allow_unicode=True, width=110)
        (place / "configs" / f"{name}.yaml").write_text(text, encoding="utf-8")
        (place / "trials.csv").write_text(trials_csv(test), encoding="utf-8")

    atomic_folder(out, fill)
    return out / "configs" / f"{name}.yaml"


def _clip(file: str) -> str:
    return f"{_AUDIO}/{Path(file).name}"


def webmushra(test: ListeningTest) -> dict[str, Any]:
    """The test as webMUSHRA's configuration."""
    make_page = _PAGES[test.design.presentation]
    pages = [
        page
        for item in test.manifest.items
        for number, cell in enumerate(LAYOUTS[test.design.presentation].cells(test, item), start=1)
        for page in make_page(test, item, number, cell)
    ]
    instructions = "".join(f"<p>{html.escape(text)}</p>" for text in test.design.instructions)
    first = test.manifest.items[0]
    level = _clip(test.files_of(first).get(test.key.hidden_reference, first.files[0].file))
    return {
        "testname": test.design.title,
        "testId": true_path(test.folder).name,
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [
            {"type": "generic", "id": "instructions", "name": test.design.title, "content": instructions},
            {
                "type": "volume",
                "id": "volume",
                "name": "Volume",
                "content": html.escape(test.design.texts()["headphones_level"]),
                "stimulus": level,
                "defaultVolume": 0.5,
            },
            ["random", *pages],
            {"type": "finish", "name": "Thank you", "content": "", "showResults": False, "writeResults": True},
        ],
    }


def _named(files: Sequence[str]) -> dict[str, str]:
    """The path of each clip by its blind name, so that results can be decoded with `key.json`."""
    return {Path(file).stem: _clip(file) for file in files}


def _content(item: Item, question: Question) -> str:
    caption = f"<p>{html.escape(item.caption)}</p>" if item.caption else ""
    span = f"<p>{item.span_s[0]:.2f} to {item.span_s[1]:.2f} s</p>" if item.span_s else ""
    return f"{caption}{span}<p>{html.escape(question.text)}</p>"


def _single(test: ListeningTest, item: Item, number: int, cell: Cell) -> list[dict[str, Any]]:
    return [
        {
            "type": "likert_single_stimulus",
            "id": f"{item.id}_{number}_{question.id}",
            "name": question.name,
            "content": _content(item, question),
            "mustRate": True,
            "mustPlayback": "ended",
            "showWaveform": test.design.waveform == "shown",
            "stimuli": _named(cell),
            "response": [
                {"value": value, "label": _label(question, value)} for value in range(question.low, question.high + 1)
            ],
        }
        for question in test.design.questions
    ]


def _label(question: Question, value: int) -> str:
    values = question.high - question.low + 1
    ends = dict(zip((question.low, question.high), question.labels, strict=True)) if len(question.labels) == 2 else {}
    words = question.labels[value - question.low] if len(question.labels) == values else ends.get(value, "")
    return f"{value} {words}".strip()


def _pair(test: ListeningTest, item: Item, number: int, cell: Cell) -> list[dict[str, Any]]:
    """One page on which raters mark each of both clips as preferred or not preferred.

    webMUSHRA's own `paired_comparison` cannot be used, since it asks which clip is the reference.
    """
    question = test.design.questions[0]
    tie = "Mark both clips the same if you prefer neither." if test.design.ties else "Mark exactly one as preferred."
    return [
        {
            "type": "likert_multi_stimulus",
            "id": f"{item.id}_{number}",
            "name": question.name,
            "content": f"{_content(item, question)}<p>{tie}</p>",
            "mustRate": True,
            "mustPlayback": "ended",
            "stimuli": _named(cell),
            "response": [{"value": 1, "label": "preferred"}, {"value": 0, "label": "not preferred"}],
        }
    ]


def _together(test: ListeningTest, item: Item, number: int, cell: Cell) -> list[dict[str, Any]]:
    reference = test.files_of(item).get(test.key.hidden_reference, "")
    if not test.design.open_reference or not reference:
        raise UserError(
            "webMUSHRA needs an open reference, which this design does not have; serve it with `counterpoint listen "
            "serve` instead."
        )
    return [
        {
            "type": "mushra",
            "id": f"{item.id}_{question.id}",
            "name": question.name,
            "content": _content(item, question),
            "showWaveform": test.design.waveform == "shown",
            "enableLooping": True,
            "strict": False,
            "reference": _clip(reference),
            "createAnchor35": False,
            "createAnchor70": False,
            "randomize": True,
            "showConditionNames": False,
            # webMUSHRA adds the hidden reference itself
            "stimuli": _named([file for file in cell if file != reference]),
        }
        for question in test.design.questions
    ]


_PAGES: Mapping[str, Callable[[ListeningTest, Item, int, Cell], list[dict[str, Any]]]] = {
    "single": _single,
    "pair": _pair,
    "together": _together,
}


def trials_csv(test: ListeningTest) -> str:
    """One line per trial with item, caption, clips and questions, for survey tools that loop over a table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "item", "caption", "span_start_s", "span_stop_s", "clips", "questions"])
    for item in test.manifest.items:
        for number, cell in enumerate(LAYOUTS[test.design.presentation].cells(test, item), start=1):
            span = item.span_s or ("", "")
            clips = " ".join(_clip(file) for file in cell)
            questions = " | ".join(question.text for question in test.design.questions)
            writer.writerow([f"{item.id}_{number}", item.id, item.caption, *span, clips, questions])
    return text.getvalue()


@dataclass(frozen=True)
class _Line:
    """One checked rating of a table."""

    rater: str
    item: str
    files: Cell
    question: str
    value: float


def import_ratings(answers: Answers, table: Path) -> int:
    """Add ratings that were collected elsewhere; returns the number of their raters.

    Args:
        table: CSV with the columns rater, item, system, question, value. A pair also needs the column `other`; its
            `value` is 1 if `system` was preferred, 0 if `other` was, and 0.5 for a tie. `system` may be a blind name.

    Raises:
        UserError: a column is missing, a line names something that is not part of the test, a value is out of range, or
            a rater was imported before. Nothing is added then.
    """
    read = read_table(table)
    if read.faults:
        raise UserError(f"{table}, {read.faults[0]}; correct or delete that line.")
    if not read.rows:
        raise UserError(f"{table} contains no ratings; add one line per rating.")
    lines = [_imported(answers.test, f"{table}, line {row.number}", row.values) for row in read.rows]
    if twice := [key for key, count in Counter(map(_place, lines)).items() if count > 1]:
        raise UserError(f"{table} has two ratings of {', '.join(map(str, twice[0]))}; delete one of the lines.")
    names = list(dict.fromkeys(line.rater for line in lines))
    with answers.store.write() as db:
        raters = {name: _add_rater(db, name, source=table) for name in names}
        trials: dict[tuple[str, str, Cell], str] = {}
        for line in lines:
            key = (line.rater, line.item, line.files)
            if key not in trials:
                trials[key] = _add_trial(db, raters[line.rater], line, position=len(trials))
            db.execute("INSERT INTO answers VALUES (?, 0, ?, ?)", (trials[key], line.question, line.value))
    return len(names)


def _place(line: _Line) -> tuple[str, str, Cell, str]:
    return line.rater, line.item, tuple(sorted(line.files)), line.question  # a pair in either order is one pair


def _add_rater(db: Connection, name: str, *, source: Path) -> int:
    """Add a rater who has finished; the id `import:NAME` prevents that a table is added twice."""
    known = f"import:{name}"
    if db.execute("SELECT 1 FROM raters WHERE platform_id = ?", (known,)).fetchone():
        raise UserError(f"The rater {name!r} of {source} was imported already; run `listen delete` {known!r} first.")
    place = db.execute("SELECT coalesce(max(place) + 1, 0) FROM raters").fetchone()[0]
    now = time.time()
    found = db.execute(
        "INSERT INTO raters (place, token, platform_id, stage, entered, seen, finished) VALUES (?,?,?,'done',?,?,?)",
        (place, secrets.token_urlsafe(16), known, now, now, now),
    ).lastrowid
    assert found is not None
    return found


def _add_trial(db: Connection, rater: int, line: _Line, *, position: int) -> str:
    trial = secrets.token_urlsafe(12)
    db.execute(
        "INSERT INTO trials (id, rater, position, phase, item, files, cell, answered) VALUES (?,?,?,'trial',?,?,?,?)",
        (
            trial,
            rater,
            position,
            line.item,
            json.dumps(line.files),
            json.dumps(sorted(line.files)),
            time.time(),
        ),
    )
    return trial


def _imported(test: ListeningTest, source: str, values: Mapping[str, Any]) -> _Line:
    """Check one line of a table."""
    is_pair = test.design.presentation == "pair"
    missing = [name for name in (*_COLUMNS, *(["other"] if is_pair else [])) if values.get(name) in (None, "")]
    if missing:
        raise UserError(
            f"{source} has no {missing[0]!r}; the columns are {', '.join(_COLUMNS)}, and pairs also need other."
        )
    item = test.items.get(str(values["item"]))
    if item is None:
        raise UserError(f"{source} names the item {quoted(values['item'])}, which is not part of the test.")
    question = next((each for each in test.design.questions if each.id == values["question"]), None)
    if question is None:
        raise UserError(f"{source} names the question {quoted(values['question'])}, which is not part of the test.")
    rater, value = one_line(values["rater"]), values["value"]
    if not 0 < len(rater) <= _LONGEST_NAME:
        raise UserError(
            f"{source} has the rater {quoted(values['rater'])}; write a name of 1 to {_LONGEST_NAME} characters."
        )
    names = [str(values["system"]), *([str(values["other"])] if is_pair else [])]
    cell = tuple(_file(test, item, name, source) for name in names)
    try:
        value = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        raise UserError(f"{source} has the value {quoted(value)}, which is not a number.") from None
    _check_value(test, question, value, source=source)
    if is_pair and cell[0] == cell[1]:
        raise UserError(f"{source} compares {quoted(names[0])} with itself; name two systems.")
    # a pair is stored as if its first clip had been shown first: -1 is the first clip, 1 the second
    return _Line(rater, item.id, cell, question.id, 1 - 2 * value if is_pair else value)


def _check_value(test: ListeningTest, question: Question, value: float, *, source: str) -> None:
    allowed: Sequence[float] = range(question.low, question.high + 1)
    words = f"a whole number from {question.low} to {question.high}"
    if test.design.presentation == "pair":
        allowed, words = ((0, 0.5, 1), "0, 0.5 or 1") if test.design.ties else ((0, 1), "0 or 1")
    if value not in allowed:
        raise UserError(f"{source} has the value {value:g}; it must be {words}.")


def _file(test: ListeningTest, item: Item, name: str, source: str) -> str:
    """The file of a system, or the file with this blind name."""
    known = test.files_of(item)
    found = known.get(name) or next((file for file in known.values() if Path(file).stem == name), None)
    if found is None:
        raise UserError(f"{source} names the system {quoted(name)}; the systems of the test are {', '.join(known)}.")
    return found
