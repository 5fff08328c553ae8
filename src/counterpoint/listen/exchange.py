"""Tests for other tools, and ratings from them.

OUT/configs/TEST.yaml      webMUSHRA's configuration (github.com/audiolabs/webMUSHRA, doc/experimenter.md)
OUT/configs/audio/*.wav    every clip, in one folder, under its blind name
OUT/trials.csv             one line a trial, for survey tools and recruiting platforms
"""

from __future__ import annotations

import csv
import html
import io
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import yaml

from counterpoint.config import UserError, atomic_folder
from counterpoint.config.tables import read_table
from counterpoint.listen.answers import Answers
from counterpoint.listen.assignment import LAYOUTS, Cell
from counterpoint.listen.design import Question
from counterpoint.listen.folder import Item, ListeningTest

_AUDIO = "configs/audio"
_COLUMNS = ("rater", "item", "system", "question", "value")


def export_test(test: ListeningTest, out: Path) -> Path:
    """Write the test for other tools into a new folder; returns webMUSHRA's configuration.

    `key.json` stays behind: it says which clip is whose.

    Raises:
        UserError: there is something in `out`.
    """
    name = test.folder.resolve().name

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
        "testId": test.folder.resolve().name,
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
    """Blind name to place, so that results can be read back with `key.json`."""
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
    question = test.design.questions[0]
    reference = test.files_of(item).get(test.key.hidden_reference, cell[0])
    page = {
        "type": "paired_comparison",
        "id": f"{item.id}_{number}",
        "name": question.name,
        "content": _content(item, question),
        "showWaveform": test.design.waveform == "shown",
        "enableLooping": True,
        "reference": _clip(reference),
        "stimuli": _named(cell),
    }
    return [page | ({"unforced": "no preference"} if test.design.ties else {})]


def _together(test: ListeningTest, item: Item, number: int, cell: Cell) -> list[dict[str, Any]]:
    reference = test.files_of(item).get(test.key.hidden_reference, "")
    if not test.design.open_reference or not reference:
        raise UserError("webMUSHRA's page needs an open reference, which this design leaves out; rate it here instead.")
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
            # the tool adds the hidden reference itself
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
    """One line a trial: item, caption, clips and questions, for survey tools that loop over a table."""
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


def import_ratings(answers: Answers, table: Path) -> int:
    """Add ratings that were collected elsewhere; returns how many raters they are of.

    Args:
        table: CSV with the columns rater, item, system, question, value; for a pair also `other`, and then `value` is 1
            where `system` was preferred, 0 where `other` was, 0.5 for a tie. `system` may be a clip's blind name.

    Raises:
        UserError: a column is missing, a line names what the test has not, or a value is out of range; nothing is added.
    """
    read = read_table(table)
    if read.faults:
        raise UserError(f"{table}, {read.faults[0]}; mend or delete that line.")
    rows = [(f"{table}, line {row.number}", row.values) for row in read.rows]
    parsed = [_imported(answers.test, source, values) for source, values in rows]
    raters = dict.fromkeys(who for who, *_ in parsed)
    with answers.store.write() as db:
        places = {}
        first = db.execute("SELECT coalesce(max(place) + 1, 0) FROM raters").fetchone()[0]
        for number, who in enumerate(raters):
            # an id that names the source keeps the same table from being added twice
            token, now = secrets.token_urlsafe(16), time.time()
            platform = f"import:{who}"
            if db.execute("SELECT 1 FROM raters WHERE platform_id = ?", (platform,)).fetchone():
                raise UserError(f"The rater {who!r} of {table} was imported already; delete that one first.")
            places[who] = db.execute(
                "INSERT INTO raters (place, token, platform_id, stage, entered, seen, finished) VALUES (?,?,?,?,?,?,?)",
                (first + number, token, platform, "done", now, now, now),
            ).lastrowid
        trials: dict[tuple[str, str, Cell], str] = {}
        for who, item, cell, question, value in parsed:
            key = (who, item, cell)
            if key not in trials:
                trials[key] = secrets.token_urlsafe(12)
                db.execute(
                    "INSERT INTO trials (id, rater, position, phase, item, files, cell, answered) "
                    "VALUES (?,?,?,'trial',?,?,?,?)",
                    (
                        trials[key],
                        places[who],
                        len(trials),
                        item,
                        json.dumps(cell),
                        json.dumps(sorted(cell)),
                        time.time(),
                    ),
                )
            db.execute("INSERT INTO answers VALUES (?, 0, ?, ?)", (trials[key], question, value))
    return len(raters)


def _imported(test: ListeningTest, source: str, values: Mapping[str, Any]) -> tuple[str, str, Cell, str, float]:
    """(rater, item, files, question, value) of one line."""
    is_pair = test.design.presentation == "pair"
    missing = [name for name in (*_COLUMNS, *(["other"] if is_pair else [])) if values.get(name) in (None, "")]
    if missing:
        raise UserError(f"{source} has no {missing[0]!r}; the columns are {', '.join(_COLUMNS)}, and for pairs other.")
    item = test.items.get(str(values["item"]))
    if item is None:
        raise UserError(f"{source} names the item {values['item']!r}, which the test has not.")
    question = next((each for each in test.design.questions if each.id == values["question"]), None)
    if question is None:
        raise UserError(f"{source} names the question {values['question']!r}, which the test has not.")
    names = [str(values["system"]), *([str(values["other"])] if is_pair else [])]
    cell = tuple(_file(test, item, name, source) for name in names)
    try:
        value = float(values["value"])
    except ValueError:
        raise UserError(f"{source} has the value {values['value']!r}, which is no number.") from None
    low, high = (0.0, 1.0) if is_pair else (question.low, question.high)
    if not low <= value <= high:
        raise UserError(f"{source} has the value {value:g}, which is not from {low:g} to {high:g}.")
    # a pair is kept as if its first clip had been shown first: -1 for the first, 1 for the second
    return str(values["rater"]), item.id, cell, question.id, 1 - 2 * value if is_pair else value


def _file(test: ListeningTest, item: Item, name: str, source: str) -> str:
    """The file of a system, or the one of a blind name."""
    known = test.files_of(item)
    found = known.get(name) or next((file for file in known.values() if Path(file).stem == name), None)
    if found is None:
        raise UserError(f"{source} names the system {name!r}; the test has {', '.join(known)}.")
    return found
