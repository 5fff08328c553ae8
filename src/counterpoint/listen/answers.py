"""`answers.db`: the raters, their trials and their answers.

The whole list of a rater's trials is written in one transaction when the rater enters, so that no two raters take the
same place in the design. A trial is answered once: if the same answers are sent again, they are confirmed again, and
different answers are refused.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Literal

from counterpoint.config import UserError
from counterpoint.config.documents import quoted
from counterpoint.listen.assignment import Cell, plan_trials
from counterpoint.listen.folder import ListeningTest, durations
from counterpoint.listen.planning import check_raters
from counterpoint.listen.sounds import HEADPHONE_PASS, HEADPHONE_TRIALS
from counterpoint.web import Store, WebError

ANSWERS_FILE = "answers.db"
Stage = Literal["invited", "headphones", "failed", "trials", "comment", "done"]
STALE_S = 2 * 3600.0
"""After this many seconds without a request, a rater is no longer expected to finish the assigned trials."""
_EARLY = 0.9
"""An answer is refused until this share of the clips' duration has passed since the trial was first shown."""
_MIGRATIONS = [
    """
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE raters (
        id INTEGER PRIMARY KEY, place INTEGER NOT NULL UNIQUE, token TEXT NOT NULL UNIQUE, platform_id TEXT UNIQUE,
        stage TEXT NOT NULL, entered REAL NOT NULL, seen REAL NOT NULL, finished REAL, user_agent TEXT,
        headphones INTEGER, headphone_tries INTEGER NOT NULL DEFAULT 0, comment TEXT
    ) STRICT;
    CREATE TABLE trials (
        id TEXT PRIMARY KEY, rater INTEGER NOT NULL REFERENCES raters ON DELETE CASCADE, position INTEGER NOT NULL,
        phase TEXT NOT NULL, item TEXT NOT NULL, files TEXT NOT NULL, cell TEXT NOT NULL, expected INTEGER,
        shown REAL, answered REAL, skipped TEXT, heard TEXT, plays TEXT,
        UNIQUE (rater, position)
    ) STRICT;
    CREATE INDEX trials_of_cells ON trials (cell);
    CREATE TABLE answers (
        trial TEXT NOT NULL REFERENCES trials ON DELETE CASCADE, version INTEGER NOT NULL, question TEXT NOT NULL,
        value REAL NOT NULL, PRIMARY KEY (trial, version, question)
    ) STRICT, WITHOUT ROWID;
    """
]


@dataclass(frozen=True)
class Answer:
    """One value: the answer to one question about one version of a trial. A pair has one answer, with version 0."""

    version: int
    question: str
    value: float


@dataclass(frozen=True)
class Trial:
    """A trial of one rater.

    Attributes:
        id: opaque id, by which the pages refer to the trial.
        position, total: place among the rater's trials of the same kind (practice or rated), and their number.
        files: clips in the order in which they are shown.
    """

    id: str
    phase: str
    item: str
    files: tuple[str, ...]
    position: int
    total: int


class Answers:
    """The store of one test.

    Args:
        create: whether the database may be created.

    Raises:
        UserError: the database is missing, or the design or the clips were changed after raters had entered.
    """

    def __init__(self, test: ListeningTest, *, create: bool = True):
        self.test = test
        path = test.folder / ANSWERS_FILE
        if not create and not (path.is_file() and path.stat().st_size):
            raise UserError(
                f"{test.folder} has no answers yet; run `counterpoint listen serve {test.folder}` to open it to raters."
            )
        self.store = Store(path, migrations=_MIGRATIONS)
        with self.store.read() as db:
            known = dict(db.execute("SELECT name, value FROM facts").fetchall())
            raters = db.execute("SELECT count(*) FROM raters").fetchone()[0]
        if raters and known.get("fingerprint") != test.fingerprint:
            self.store.close()
            raise UserError(
                f"The design or the clips of {test.folder} were changed after {raters} raters had entered; undo the "
                "change, or make a new test, since answers to different tests cannot be combined."
            )
        if create and known.get("fingerprint") != test.fingerprint:
            with self.store.write() as db:
                db.execute("INSERT OR REPLACE INTO facts VALUES ('fingerprint', ?)", (test.fingerprint,))

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def enter(self, *, platform_id: str = "", user_agent: str = "") -> str:
        """The token of a rater who has agreed: the known rater with this platform id, or a new one."""
        with self.store.write() as db:
            found = self._token_of(db, platform_id)
            if found:
                return found
            return self._add(db, "headphones", platform_id=platform_id, user_agent=user_agent)

    def invite(self, count: int) -> list[str]:
        """Create raters who have not agreed yet; returns their tokens.

        Raises:
            UserError: the number is out of range.
        """
        check_raters(count)
        with self.store.write() as db:
            return [self._add(db, "invited") for _ in range(count)]

    def find(self, platform_id: str) -> str:
        """The token of the rater with this platform id, or "" if it is unknown."""
        with self.store.read() as db:
            return self._token_of(db, platform_id)

    def _token_of(self, db: Connection, platform_id: str) -> str:
        row = db.execute("SELECT token FROM raters WHERE platform_id = ?", (platform_id,)).fetchone()
        return row["token"] if platform_id and row else ""

    def _add(self, db: Connection, stage: Stage, *, platform_id: str = "", user_agent: str = "") -> str:
        design, now = self.test.design, time.time()
        if stage == "headphones" and design.headphones == "none":
            stage = "trials"
        place = db.execute("SELECT coalesce(max(place) + 1, 0) FROM raters").fetchone()[0]
        token = secrets.token_urlsafe(16)
        kept = platform_id if design.keep_platform_id else ""
        agent = user_agent[:300] if design.store_user_agent else ""
        rater = db.execute(
            "INSERT INTO raters (place, token, platform_id, stage, entered, seen, user_agent) VALUES (?,?,?,?,?,?,?)",
            (place, token, kept or None, stage, now, now, agent or None),
        ).lastrowid
        planned = plan_trials(self.test, rater=place, assigned=self._assigned(db) if design.trials else None)
        db.executemany(
            "INSERT INTO trials (id, rater, position, phase, item, files, cell, expected) VALUES (?,?,?,?,?,?,?,?)",
            [
                (
                    secrets.token_urlsafe(12),
                    rater,
                    position,
                    each.phase,
                    each.item,
                    json.dumps(each.files),
                    json.dumps(sorted(each.files)),
                    each.expected,
                )
                for position, each in enumerate(planned)
            ],
        )
        return token

    def _assigned(self, db: Connection) -> dict[Cell, int]:
        """How often each cell was answered or is assigned to a rater who is still at work."""
        rows = db.execute(
            "SELECT cell, count(*) AS n FROM trials JOIN raters ON raters.id = trials.rater WHERE phase = 'trial' AND "
            "skipped IS NULL AND (answered IS NOT NULL OR seen > ?) GROUP BY cell",
            (time.time() - STALE_S,),
        )
        return {tuple(json.loads(row["cell"])): row["n"] for row in rows}

    def rater(self, token: str) -> Row:
        """The row of a rater.

        Raises:
            WebError: the token is unknown.
        """
        with self.store.read() as db:
            return _rater(db, token)

    def agree(self, token: str, *, user_agent: str = "") -> None:
        """Record that an invited rater has agreed."""
        stage = "trials" if self.test.design.headphones == "none" else "headphones"
        agent = user_agent[:300] if self.test.design.store_user_agent else None
        with self.store.write() as db:
            rater = _rater(db, token)
            if rater["stage"] == "invited":
                db.execute(
                    "UPDATE raters SET stage = ?, user_agent = ?, seen = ? WHERE id = ?",
                    (stage, agent, time.time(), rater["id"]),
                )

    def headphone_key(self, token: str) -> list[int]:
        """The place (0 to 2) of the quietest tone in each question of a rater's next try."""
        import numpy as np

        rater = self.rater(token)
        rng = np.random.default_rng([self.test.manifest.seed, rater["place"], rater["headphone_tries"], 7])
        return [int(place) for place in rng.permutation([0, 1, 2] * (HEADPHONE_TRIALS // 3))]

    def check_headphones(self, token: str, chosen: Sequence[int]) -> bool:
        """Record the answers to the headphone check; returns whether the rater may continue. There are two tries.

        Raises:
            WebError: the number of answers is not the number of questions.
        """
        key = self.headphone_key(token)
        if len(chosen) != len(key):
            raise WebError(400, f"The headphone check has {len(key)} questions.")
        right = sum(one == other for one, other in zip(chosen, key, strict=True))
        with self.store.write() as db:
            rater = _rater(db, token)
            if rater["stage"] != "headphones":
                return rater["stage"] != "failed"
            tries = rater["headphone_tries"] + 1
            passed = right >= HEADPHONE_PASS
            is_strict = self.test.design.headphones == "required"
            stage = "trials" if passed or (tries > 1 and not is_strict) else "failed" if tries > 1 else "headphones"
            db.execute(
                "UPDATE raters SET stage = ?, headphones = ?, headphone_tries = ?, seen = ? WHERE id = ?",
                (stage, right, tries, time.time(), rater["id"]),
            )
        return stage == "trials"

    def next_trial(self, token: str) -> Trial | None:
        """The first trial without an answer, which is marked as shown; None if every trial has one."""
        with self.store.write() as db:
            rater = _rater(db, token)
            row = db.execute(
                "SELECT * FROM trials WHERE rater = ? AND answered IS NULL AND skipped IS NULL "
                "ORDER BY position LIMIT 1",
                (rater["id"],),
            ).fetchone()
            if row is None:
                return None
            now = time.time()
            db.execute("UPDATE trials SET shown = coalesce(shown, ?) WHERE id = ?", (now, row["id"]))
            db.execute("UPDATE raters SET seen = ? WHERE id = ?", (now, rater["id"]))
            alike = "phase = 'training'" if row["phase"] == "training" else "phase <> 'training'"
            counts = db.execute(
                f"SELECT count(*) AS total, sum(position < ?) AS before FROM trials WHERE rater = ? AND {alike}",
                (row["position"], rater["id"]),
            ).fetchone()
        files = tuple(json.loads(row["files"]))
        return Trial(row["id"], row["phase"], row["item"], files, counts["before"] + 1, counts["total"])

    def file_of(self, token: str, trial: str, version: int) -> Path:
        """The clip that a rater hears as a version of a trial.

        Raises:
            WebError: the trial is not one of the rater's, or has no such version.
        """
        with self.store.read() as db:
            files = json.loads(_trial(db, _rater(db, token), trial)["files"])
        if not 0 <= version < len(files):
            raise WebError(404, "The trial has no such version.")
        return self.test.folder / files[version]

    def save(
        self,
        token: str,
        trial: str,
        answers: Sequence[Answer],
        *,
        heard: Sequence[float],
        plays: Sequence[int],
        now: float | None = None,
    ) -> None:
        """Store the answers of a trial; they are on disk when this returns.

        Args:
            heard: share of each version that was played, 0 to 1.
            plays: number of times that each version was played to its end.
            now: Unix time; by default the current time.

        Raises:
            WebError: answers are missing, out of range, too early, or different from those stored before.
        """
        _check_answers(self.test, answers)
        with self.store.write() as db:
            rater = _rater(db, token)
            row = _trial(db, rater, trial)
            files = tuple(json.loads(row["files"]))
            _check_complete(self.test, answers, versions=len(files))
            if row["skipped"] is not None:
                return
            if row["answered"] is not None:
                _check_same(db, trial, answers)
                return
            at = now or time.time()
            self._check_heard(row, files, heard, at=at)
            db.executemany(
                "INSERT INTO answers VALUES (?, ?, ?, ?)",
                [(trial, each.version, each.question, each.value) for each in answers],
            )
            db.execute(
                "UPDATE trials SET answered = ?, heard = ?, plays = ? WHERE id = ?",
                (at, json.dumps(list(heard)), json.dumps(list(plays)), trial),
            )
            self._update_stage(db, rater, at)

    def skip(self, token: str, trial: str, reason: str) -> None:
        """Skip a trial whose sound cannot be played."""
        with self.store.write() as db:
            rater = _rater(db, token)
            row = _trial(db, rater, trial)
            if row["answered"] is None:
                db.execute("UPDATE trials SET skipped = ? WHERE id = ?", (reason[:300] or "no reason given", trial))
                self._update_stage(db, rater, time.time())

    def _update_stage(self, db: Connection, rater: Row, now: float) -> None:
        left = db.execute(
            "SELECT count(*) FROM trials WHERE rater = ? AND answered IS NULL AND skipped IS NULL", (rater["id"],)
        ).fetchone()[0]
        stage = rater["stage"] if left or rater["stage"] != "trials" else "comment"
        db.execute("UPDATE raters SET seen = ?, stage = ? WHERE id = ?", (now, stage, rater["id"]))

    def _check_heard(self, row: Row, files: tuple[str, ...], heard: Sequence[float], *, at: float) -> None:
        shortest = self.test.design.min_heard
        if len(heard) != len(files) or not all(share >= shortest - 0.01 for share in heard):
            raise WebError(422, "Listen to the whole clip before you answer.")
        needed = _EARLY * shortest * sum(durations(self.test, files))
        if row["shown"] is None or at - row["shown"] < needed:
            raise WebError(422, "The answer came before the clip could have been heard.")

    def finish(self, token: str, comment: str) -> None:
        """Record that the rater has finished; a second call changes nothing.

        Raises:
            WebError: some trials have no answer yet.
        """
        with self.store.write() as db:
            rater = _rater(db, token)
            if rater["stage"] not in ("comment", "done"):
                raise WebError(409, "Some clips are not rated yet.")
            if rater["stage"] == "comment":
                db.execute(
                    "UPDATE raters SET stage = 'done', comment = ?, finished = ? WHERE id = ?",
                    (comment[:5000] or None, time.time(), rater["id"]),
                )

    def delete(self, who: str) -> bool:
        """Delete a rater, by token or by platform id, with all answers; returns whether the rater existed."""
        if not who:
            return False
        with self.store.write() as db:
            found = db.execute("DELETE FROM raters WHERE token = ? OR platform_id = ?", (who, who)).rowcount
        self.store.compact()
        return found > 0


def _rater(db: Connection, token: str) -> Row:
    row = db.execute("SELECT * FROM raters WHERE token = ?", (token,)).fetchone()
    if row is None:
        raise WebError(404, "This link belongs to no rater of this test; use the link that you were sent.")
    return row


def _trial(db: Connection, rater: Row, trial: str) -> Row:
    row = db.execute("SELECT * FROM trials WHERE id = ? AND rater = ?", (trial, rater["id"])).fetchone()
    if row is None:
        raise WebError(404, "This trial belongs to another rater; load the page again.")
    return row


def _check_answers(test: ListeningTest, answers: Sequence[Answer]) -> None:
    questions = {question.id: question for question in test.design.questions}
    for answer in answers:
        question = questions.get(answer.question)
        if question is None:
            raise WebError(400, f"The test has no question {quoted(answer.question)}.")
        is_tie = test.design.presentation == "pair" and answer.value == 0
        if not question.low <= answer.value <= question.high or answer.value % 1 or (is_tie and not test.design.ties):
            raise WebError(400, f"{answer.value:g} is not a valid answer to {question.name!r}.")


def _check_complete(test: ListeningTest, answers: Sequence[Answer], *, versions: int) -> None:
    rated = range(1 if test.design.presentation == "pair" else versions)
    wanted = {(version, question.id) for version in rated for question in test.design.questions}
    answered = [(answer.version, answer.question) for answer in answers]
    if set(answered) != wanted or len(answered) != len(wanted):
        raise WebError(400, "Answer every question exactly once.")


def _check_same(db: Connection, trial: str, answers: Sequence[Answer]) -> None:
    rows = db.execute("SELECT version, question, value FROM answers WHERE trial = ?", (trial,))
    if {tuple(row) for row in rows} != {(each.version, each.question, each.value) for each in answers}:
        raise WebError(409, "This clip was already rated differently; the first answer stands.")
