"""The answers of raters as rows: each is one judgment of one system by one rater on one item."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from typing import Any

from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import ListeningTest, durations


@dataclass(frozen=True)
class Rater:
    """A rater.

    Attributes:
        id: id in the store.
        headphones: correct answers in the last try of the headphone check; None without a check.
    """

    id: int
    stage: str
    entered: float
    finished: float | None
    headphones: int | None
    comment: str = ""
    platform_id: str = ""


@dataclass(frozen=True)
class Judgment:
    """One judgment.

    Attributes:
        trial: id of the trial, which judgments of versions that were shown together share.
        phase: `trial`, `repeat` or `check`; answers to practice trials are excluded.
        system: the condition, or the id of an attention check.
        other: the second system of a pair; `value` is then 1 if `system` was preferred, 0 if `other` was, and 0.5 for a
            tie.
        expected: correct value of an attention check.
        seconds: time from showing the trial to its answer; `clip_s` is the total duration of its clips.
    """

    rater: int
    trial: str
    phase: str
    item: str
    system: str
    question: str
    value: float
    other: str = ""
    expected: float | None = None
    seconds: float | None = None
    clip_s: float = 0.0


def read_raters(answers: Answers) -> list[Rater]:
    """All raters who have agreed to take part."""
    with answers.store.read() as db:
        rows = db.execute("SELECT * FROM raters WHERE stage <> 'invited' ORDER BY id").fetchall()
    return [
        Rater(
            row["id"],
            row["stage"],
            row["entered"],
            row["finished"],
            row["headphones"],
            row["comment"] or "",
            row["platform_id"] or "",
        )
        for row in rows
    ]


def read_judgments(answers: Answers) -> list[Judgment]:
    """All answers except those to practice trials."""
    with answers.store.read() as db:
        rows = db.execute(
            "SELECT trials.*, answers.version, answers.question, answers.value FROM answers JOIN trials ON "
            "trials.id = answers.trial WHERE phase <> 'training' ORDER BY rater, position, version, question"
        ).fetchall()
    found: list[Judgment] = []
    for row in rows:
        files = json.loads(row["files"])
        seconds = row["answered"] - row["shown"] if row["shown"] is not None else None
        about = {
            "rater": row["rater"],
            "trial": row["id"],
            "phase": row["phase"],
            "item": row["item"],
            "question": row["question"],
            "seconds": seconds,
            "clip_s": sum(durations(answers.test, files)),
        }
        found += _judgments(answers.test, files, row["version"], row["value"], row["expected"], about)
    return found


def _judgments(
    test: ListeningTest, files: Sequence[str], version: int, value: float, expected: int | None, about: dict[str, Any]
) -> Iterable[Judgment]:
    """The judgments in one answer: one of every system to which the clip belongs, and of each pair of systems."""
    if about["phase"] == "check":
        yield Judgment(**about, system=about["item"], value=value, expected=expected)
    elif test.design.presentation != "pair":
        for system in test.conditions_of(files[version]):
            yield Judgment(**about, system=system, value=value)
    else:
        sides = {system: place for place, file in enumerate(files) for system in test.conditions_of(file)}
        for first, second in combinations([key for key in test.systems if key in sides], 2):
            if sides[first] != sides[second]:
                towards = value if sides[first] == 1 else -value  # 1 prefers the clip that was shown second
                yield Judgment(**about, system=first, other=second, value=(towards + 1) / 2)


def to_csv(
    judgments: Sequence[Judgment],
    raters: Sequence[Rater],
    reasons: dict[int, tuple[str, ...]],
    *,
    with_ids: bool = False,
) -> str:
    """Raw judgments, one per line, each with the reasons why its rater is excluded, if any.

    Args:
        with_ids: whether to include the recruiting platform's ids.
    """
    ids = {rater.id: _inert(rater.platform_id) for rater in raters}
    names = [field.name for field in fields(Judgment)]
    text = io.StringIO()
    extra = ["excluded", *(["platform_id"] if with_ids else [])]
    writer = csv.DictWriter(text, fieldnames=[*names, *extra], lineterminator="\n")
    writer.writeheader()
    for each in judgments:
        row = {**asdict(each), "excluded": "; ".join(reasons.get(each.rater, ()))}
        writer.writerow(row | ({"platform_id": ids.get(each.rater, "")} if with_ids else {}))
    return text.getvalue()


def _inert(text: str) -> str:
    """A text that comes from a rater's browser, marked as text where a spreadsheet would compute it as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
