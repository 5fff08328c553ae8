"""How a test goes while it runs, for whoever runs it: who came, who counts, and how full each cell is.

Means are left out on purpose: a test that ends when its means please its maker shows nothing.
"""

from __future__ import annotations

import math
import secrets
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from sqlite3 import Row
from statistics import median

from counterpoint.listen.answers import Answers
from counterpoint.listen.judgments import Judgment, read_judgments, read_raters
from counterpoint.listen.planning import make_plan
from counterpoint.listen.screening import screen
from counterpoint.results.records import Record

ACTIVE_S = 180.0
"""A rater who was heard of within this time is at work."""
_SHOWN = 200
"""Comments that are shown, the newest first."""


class Filled(Record):
    """How much of a condition was rated.

    Attributes:
        kept: judgments of each question by raters who count; `heard` by all.
        by_item: `kept` of each item.
    """

    name: str
    role: str
    kept: int
    heard: int
    by_item: Mapping[str, int]


class Person(Record):
    """One rater, by a number that tells nothing.

    Attributes:
        answered, trials: how far the rater is.
        minutes: from the first page to the last, or until now.
        reasons: why the answers do not count; empty where they do.
    """

    number: int
    stage: str
    is_active: bool
    answered: int
    trials: int
    minutes: float
    reasons: tuple[str, ...] = ()


class Progress(Record):
    """A test that runs.

    Attributes:
        goal: judgments that each cell is to have; `raters_needed` more are needed for it, about.
        stages: raters by how far they are.
        minutes: the median of those who are done; None before anyone is.
        items: captions by id.
        skipped: trials whose sound could not be played, by reason.
    """

    title: str
    is_open: bool
    goal: int
    raters_needed: int
    stages: Mapping[str, int]
    minutes: float | None
    items: Mapping[str, str]
    systems: tuple[Filled, ...]
    raters: tuple[Person, ...]
    skipped: Mapping[str, int]
    comments: tuple[str, ...]


def watch(answers: Answers, *, now: float | None = None) -> Progress:
    """How the test goes.

    Args:
        now: Unix time, by default the clock's.
    """
    test, at = answers.test, now or time.time()
    raters, judgments = read_raters(answers), read_judgments(answers)
    reasons = screen(test, raters, judgments)
    people = _people(answers, reasons, now=at)
    systems = tuple(_filled(answers, judgments, system, excluded=reasons) for system in test.systems)
    rated = [each.kept for each in systems if each.heard] or [0]
    goal = test.design.judgments_per_cell
    done = [person.minutes for person in people if person.stage == "done"]
    with answers.store.read() as db:
        skipped = db.execute("SELECT skipped FROM trials WHERE skipped IS NOT NULL").fetchall()
    return Progress(
        title=test.design.title,
        is_open=is_open(answers),
        goal=goal,
        raters_needed=max(0, math.ceil((goal - min(rated)) / make_plan(test).judgments_per_rater)),
        stages=Counter(person.stage for person in people),
        minutes=round(median(done), 1) if done else None,
        items={item.id: item.caption for item in test.manifest.items},
        systems=systems,
        raters=tuple(people),
        skipped=Counter(row["skipped"] for row in skipped),
        comments=tuple(rater.comment for rater in reversed(raters) if rater.comment)[:_SHOWN],
    )


def _filled(answers: Answers, judgments: Sequence[Judgment], system: str, *, excluded: Mapping[int, object]) -> Filled:
    """Every question of a trial is answered at once, so the first one's judgments count for all."""
    test = answers.test
    question = test.design.questions[0].id
    own = [
        each
        for each in judgments
        if each.phase == "trial" and each.question == question and system in (each.system, each.other)
    ]
    kept = [each for each in own if each.rater not in excluded]
    role = "reference" if system == test.key.hidden_reference else "system" if system in test.contestants else "anchor"
    by_item = Counter(each.item for each in kept)
    return Filled(
        name=test.key.names[system],
        role=role,
        kept=len(kept),
        heard=len(own),
        by_item={item.id: by_item[item.id] for item in test.manifest.items},
    )


def _people(answers: Answers, reasons: Mapping[int, tuple[str, ...]], *, now: float) -> list[Person]:
    """All raters, the newest first."""
    with answers.store.read() as db:
        rows = db.execute(
            "SELECT raters.*, count(trials.id) AS trials, count(coalesce(answered, skipped)) AS answered_trials "
            "FROM raters LEFT JOIN trials ON trials.rater = raters.id GROUP BY raters.id ORDER BY raters.id"
        ).fetchall()
    return [_person(row, number, reasons.get(row["id"], ()), now=now) for number, row in enumerate(rows, start=1)][::-1]


def _person(row: Row, number: int, reasons: tuple[str, ...], *, now: float) -> Person:
    is_active = row["stage"] not in ("invited", "done", "failed") and now - row["seen"] < ACTIVE_S
    until = row["finished"] or row["seen"]
    return Person(
        number=number,
        stage=row["stage"],
        is_active=is_active,
        answered=row["answered_trials"],
        trials=row["trials"],
        minutes=round((until - row["entered"]) / 60, 1),
        reasons=reasons,
    )


def watch_key(answers: Answers) -> str:
    """What the address of the page for whoever runs the test holds; it stays the same over restarts."""
    with answers.store.write() as db:
        db.execute("INSERT OR IGNORE INTO facts VALUES ('watch_key', ?)", (secrets.token_urlsafe(16),))
        return db.execute("SELECT value FROM facts WHERE name = 'watch_key'").fetchone()["value"]


def is_open(answers: Answers) -> bool:
    """Whether new raters may enter."""
    with answers.store.read() as db:
        return db.execute("SELECT 1 FROM facts WHERE name = 'closed'").fetchone() is None


def set_open(answers: Answers, *, opens: bool) -> None:
    """Let new raters enter, or no longer; those who have entered go on in either case."""
    with answers.store.write() as db:
        if opens:
            db.execute("DELETE FROM facts WHERE name = 'closed'")
        else:
            db.execute("INSERT OR REPLACE INTO facts VALUES ('closed', ?)", (str(time.time()),))
