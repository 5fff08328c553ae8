"""The progress of a running test for its organiser: raters, exclusions, and judgments per system and item.

Means are not shown on purpose, since a test that is ended when its means look right proves nothing.
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
"""A rater whose last request is at most this many seconds old is at work."""
_SHOWN = 200
"""Number of comments that are shown, the newest first."""


class SystemProgress(Record):
    """The number of judgments of a system.

    Attributes:
        kept: judgments per question by raters who count; `rated` includes excluded raters.
        by_item: `kept` for each item.
    """

    name: str
    role: str
    kept: int
    rated: int
    by_item: Mapping[str, int]


class RaterProgress(Record):
    """The progress of one rater, under an anonymous number.

    Attributes:
        answered, trials: numbers of answered trials and of all trials.
        minutes: time from the first page to the last, or until now.
        reasons: reasons for exclusion; empty if the answers count.
    """

    number: int
    stage: str
    is_active: bool
    answered: int
    trials: int
    minutes: float
    reasons: tuple[str, ...] = ()


class Progress(Record):
    """The progress of a running test.

    Attributes:
        goal: judgments per system and question that the design requests; about `raters_needed` more raters are needed.
        stages: number of raters by stage.
        minutes: median time of the raters who have finished; None if none has.
        items: captions by id.
        skipped: number of trials whose sound could not be played, by reason.
    """

    title: str
    is_open: bool
    goal: int
    raters_needed: int
    stages: Mapping[str, int]
    minutes: float | None
    items: Mapping[str, str]
    systems: tuple[SystemProgress, ...]
    raters: tuple[RaterProgress, ...]
    skipped: Mapping[str, int]
    comments: tuple[str, ...]


def read_progress(answers: Answers, *, now: float | None = None) -> Progress:
    """Read the progress of a test.

    Args:
        now: Unix time; by default the current time.
    """
    test, at = answers.test, now or time.time()
    raters, judgments = read_raters(answers), read_judgments(answers)
    reasons = screen(test, raters, judgments)
    people = _all_raters(answers, reasons, now=at)
    systems = tuple(_system_progress(answers, judgments, system, excluded=reasons) for system in test.systems)
    rated = [each.kept for each in systems if each.rated] or [0]
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


def _system_progress(
    answers: Answers, judgments: Sequence[Judgment], system: str, *, excluded: Mapping[int, object]
) -> SystemProgress:
    """Count the judgments of the first question; all questions of a trial are answered together."""
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
    return SystemProgress(
        name=test.key.names[system],
        role=role,
        kept=len(kept),
        rated=len(own),
        by_item={item.id: by_item[item.id] for item in test.manifest.items},
    )


def _all_raters(answers: Answers, reasons: Mapping[int, tuple[str, ...]], *, now: float) -> list[RaterProgress]:
    """The progress of all raters, the newest first."""
    with answers.store.read() as db:
        rows = db.execute(
            "SELECT raters.*, count(trials.id) AS trials, count(coalesce(answered, skipped)) AS answered_trials "
            "FROM raters LEFT JOIN trials ON trials.rater = raters.id GROUP BY raters.id ORDER BY raters.id"
        ).fetchall()
    return [
        _rater_progress(row, number, reasons.get(row["id"], ()), now=now) for number, row in enumerate(rows, start=1)
    ][::-1]


def _rater_progress(row: Row, number: int, reasons: tuple[str, ...], *, now: float) -> RaterProgress:
    is_active = row["stage"] not in ("invited", "done", "failed") and now - row["seen"] < ACTIVE_S
    until = row["finished"] or row["seen"]
    return RaterProgress(
        number=number,
        stage=row["stage"],
        is_active=is_active,
        answered=row["answered_trials"],
        trials=row["trials"],
        minutes=round((until - row["entered"]) / 60, 1),
        reasons=reasons,
    )


def watch_key(answers: Answers) -> str:
    """The secret key in the address of the organiser's page; it stays the same over restarts."""
    with answers.store.write() as db:
        db.execute("INSERT OR IGNORE INTO facts VALUES ('watch_key', ?)", (secrets.token_urlsafe(16),))
        return db.execute("SELECT value FROM facts WHERE name = 'watch_key'").fetchone()["value"]


def is_open(answers: Answers) -> bool:
    """Whether new raters may enter."""
    with answers.store.read() as db:
        return db.execute("SELECT 1 FROM facts WHERE name = 'closed'").fetchone() is None


def set_open(answers: Answers, *, opens: bool) -> None:
    """Let new raters enter, or stop them; raters who have entered may finish in either case."""
    with answers.store.write() as db:
        if opens:
            db.execute("DELETE FROM facts WHERE name = 'closed'")
        else:
            db.execute("INSERT OR REPLACE INTO facts VALUES ('closed', ?)", (str(time.time()),))
