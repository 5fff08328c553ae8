"""The store of the studio: pieces, the jobs that generate them, their takes, and uploads, in SQLite and in one folder.

A piece is one request, such as a caption for two models; it has a job for each model, and a job has takes. The parent
of a piece that edits music is the edited take, so that pieces form a tree. Sounds are stored in files whose names are
digests of their content.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from counterpoint.config.paths import is_file
from counterpoint.studio.records import Job, new_id, new_seconds, shown_job, shown_take
from counterpoint.studio.schema import MIGRATIONS
from counterpoint.studio.states import INTERRUPTED, OPEN, QUEUED
from counterpoint.web import Store, WebError

PAGE = 20
"""Number of pieces per page of the history."""
DEFAULT_LIMIT_GB = 5.0
TESTS = "tests"
"""Folder of the listening tests in the studio's folder."""
_GB = 1e9


class Library:
    """The store of a studio. Every method may be called from any thread.

    Args:
        folder: folder of the store, which is created.
        limit_gb: limit of stored audio in GB.
    """

    def __init__(self, folder: Path, *, limit_gb: float = DEFAULT_LIMIT_GB):
        self.sounds = folder / "sounds"
        self.scratch = folder / "scratch"
        self.tests = folder / TESTS
        self.sounds.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self.scratch.mkdir()
        self.limit_gb = limit_gb
        self.store = Store(folder / "studio.db", migrations=MIGRATIONS)

    # Sound on disk

    def keep(self, made: Path) -> str:
        """Move a file from the scratch folder to the sounds; returns its new name, a digest of its content."""
        name = f"{hashlib.sha256(made.read_bytes()).hexdigest()[:32]}{made.suffix}"
        made.replace(self.sounds / name)
        return name

    def sound(self, stored: str) -> Path:
        """The file of a stored sound.

        Raises:
            WebError: the file was removed from the folder of the studio.
        """
        path = self.sounds / stored
        if not is_file(path):
            raise WebError(410, "A sound is missing in the studio's folder; restore it, or delete the piece.")
        return path

    def used_bytes(self) -> int:
        """Size in bytes of all sounds and of the listening tests made from them."""
        kept = [*self.sounds.iterdir(), *self.tests.rglob("*")]
        return sum(path.stat().st_size for path in kept if path.is_file())

    def require_room(self) -> None:
        """
        Raises:
            WebError: the limit of stored audio is reached.
        """
        if self.used_bytes() >= self.limit_gb * _GB:
            raise WebError(
                507,
                f"The studio has reached its limit of {self.limit_gb:g} GB of audio; delete pieces that you no longer "
                "need, or restart it with a larger --storage-gb.",
            )

    def _drop_unused(self, names: Iterable[str]) -> None:
        with self.store.read() as db:
            for name in set(names):
                if not db.execute(_USES, {"name": name}).fetchone():
                    (self.sounds / name).unlink(missing_ok=True)

    # Uploaded files

    def add_file(self, owner: str, *, name: str, kind: str, stored: str) -> str:
        """Record a stored file; returns its id."""
        ident = new_id()
        with self.store.write() as db:
            db.execute("INSERT INTO files VALUES(?,?,?,?,?,?)", (ident, owner, name, kind, stored, time.time()))
        return ident

    def file(self, ident: str, *, owner: str) -> sqlite3.Row:
        """The row of a file.

        Raises:
            WebError: this owner has no such file.
        """
        return self._one("SELECT * FROM files WHERE id=? AND owner=?", (ident, owner), what="file")

    # Pieces

    def add_piece(
        self,
        owner: str,
        *,
        kind: str,
        title: str,
        request: Mapping[str, Any],
        parent: str | None,
        jobs: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> str:
        """Add a piece and queue its jobs in the given order; returns its id.

        Args:
            jobs: recipes by model.
        """
        piece, now = new_id(), time.time()
        with self.store.write() as db:
            db.execute(
                "INSERT INTO pieces(id,owner,kind,title,parent,request,created) VALUES(?,?,?,?,?,?,?)",
                (piece, owner, kind, title, parent, json.dumps(request), now),
            )
            for place, (model, recipes) in enumerate(jobs.items()):
                db.execute(
                    "INSERT INTO jobs(id,piece,owner,model,recipes,state,created) VALUES(?,?,?,?,?,?,?)",
                    (new_id(), piece, owner, model, json.dumps(list(recipes)), QUEUED, now + 1e-3 * place),
                )
        return piece

    def add_upload(self, owner: str, *, title: str, stored: str, facts: Mapping[str, Any]) -> str:
        """Add an uploaded file as a piece; returns its id."""
        piece, job, now = new_id(), new_id(), time.time()
        with self.store.write() as db:
            db.execute(
                "INSERT INTO pieces(id,owner,kind,title,request,created) VALUES(?,?,'upload',?,'{}',?)",
                (piece, owner, title, now),
            )
            db.execute("INSERT INTO jobs VALUES(?,?,?,'','[]','done','',?,?,?)", (job, piece, owner, now, now, now))
            db.execute("INSERT INTO takes VALUES(?,?,?,0,'{}',?,?)", (new_id(), job, piece, stored, json.dumps(facts)))
        return piece

    def piece(self, ident: str, *, owner: str | None = None) -> dict[str, Any]:
        """A piece with its jobs and takes, as JSON-serializable values.

        Args:
            owner: required owner of the piece; None for any owner.

        Raises:
            WebError: there is no such piece.
        """
        row = self._one("SELECT * FROM pieces WHERE id=? AND owner=ifnull(?,owner)", (ident, owner), what="piece")
        return self._full([row])[0]

    def pieces(
        self, owner: str, *, search: str = "", starred: bool = False, before: float | None = None
    ) -> list[dict[str, Any]]:
        """One page of the pieces of an owner, the newest first.

        Args:
            search: words that the title, the caption or the chords must contain.
            starred: whether to return only pieces with a star.
            before: time in seconds since 1970; only older pieces are returned.
        """
        words = [f"%{_escaped(word)}%" for word in search.split()]
        matching = f" AND ({_SEARCHED} LIKE ? ESCAPE '\\')" * len(words)
        with self.store.read() as db:
            rows = db.execute(
                "SELECT * FROM pieces WHERE owner=? AND created<? AND starred>=?"
                f"{matching} ORDER BY created DESC LIMIT ?",
                (owner, before or 1e18, int(starred), *words, PAGE),
            ).fetchall()
        return self._full(rows)

    def _full(self, rows: Sequence[sqlite3.Row]) -> list[dict[str, Any]]:
        return [
            {
                **dict(row),
                "starred": bool(row["starred"]),
                "request": json.loads(row["request"]),
                "jobs": self._jobs_of(row["id"]),
            }
            for row in rows
        ]

    def _jobs_of(self, piece: str) -> list[dict[str, Any]]:
        with self.store.read() as db:
            jobs = db.execute("SELECT * FROM jobs WHERE piece=? ORDER BY created, rowid", (piece,)).fetchall()
            takes = db.execute("SELECT * FROM takes WHERE piece=? ORDER BY number", (piece,)).fetchall()
        by_job: dict[str, list[dict[str, Any]]] = {row["id"]: [] for row in jobs}
        for take in takes:
            by_job[take["job"]].append(shown_take(take))
        return [{**shown_job(Job.of_row(row)), "takes": by_job[row["id"]]} for row in jobs]

    def change_piece(self, ident: str, *, owner: str, **values: Any) -> None:
        """Set columns of a piece.

        Args:
            values: `title`, `starred` or `share`.
        """
        self.piece(ident, owner=owner)
        with self.store.write() as db:
            for column, value in values.items():
                assert column in ("title", "starred", "share")
                db.execute(f"UPDATE pieces SET {column}=? WHERE id=?", (value, ident))

    def shared(self, token: str) -> dict[str, Any]:
        """The piece that is shared under a token.

        Raises:
            WebError: no piece is shared under the token.
        """
        row = self._one("SELECT * FROM pieces WHERE share=?", (token,), what="shared piece")
        return self._full([row])[0]

    def delete_piece(self, ident: str, *, owner: str) -> None:
        """Delete a piece and the sounds that no other piece needs."""
        piece = self.piece(ident, owner=owner)
        takes = [take for job in piece["jobs"] for take in job["takes"]]
        names = [self.take(take["id"])["stored"] for take in takes]
        names += [take["recipe"][field] for take in takes for field in _NAMED if field in take["recipe"]]
        with self.store.write() as db:
            db.execute("DELETE FROM pieces WHERE id=?", (ident,))
        self._drop_unused(names)

    # Jobs and takes

    def job(self, ident: str, *, owner: str | None = None) -> Job:
        """A job by its id.

        Raises:
            WebError: there is no such job, or it belongs to another owner.
        """
        return Job.of_row(
            self._one("SELECT * FROM jobs WHERE id=? AND owner=ifnull(?,owner)", (ident, owner), what="job")
        )

    def open_jobs(self) -> list[Job]:
        """The queued and running jobs, in the order of their requests."""
        with self.store.read() as db:
            rows = db.execute(
                f"SELECT * FROM jobs WHERE state IN ({','.join('?' * len(OPEN))}) ORDER BY created, rowid", OPEN
            ).fetchall()
        return [Job.of_row(row) for row in rows]

    def set_job(self, ident: str, *, state: str, message: str = "", **times: float | None) -> None:
        """Record the state of a job; `times` are `created`, `started` and `ended`."""
        columns = {"state": state, "message": message, **times}
        assert set(columns) <= {"state", "message", "created", "started", "ended"}
        with self.store.write() as db:
            db.execute(
                f"UPDATE jobs SET {', '.join(f'{column}=?' for column in columns)} WHERE id=?",
                (*columns.values(), ident),
            )

    def interrupt_all(self) -> None:
        """Mark the jobs that the last run of the studio left unfinished as interrupted."""
        for job in self.open_jobs():
            self.set_job(job.id, state=INTERRUPTED, ended=time.time())

    def repeat_job(self, ident: str, *, owner: str) -> Job:
        """Queue an unfinished job again; its takes are generated again."""
        job = self.job(ident, owner=owner)
        if job.state in OPEN:
            raise WebError(409, "This job is still running; wait for it, or cancel it first.")
        with self.store.write() as db:
            names = [row["stored"] for row in db.execute("SELECT stored FROM takes WHERE job=?", (ident,))]
            db.execute("DELETE FROM takes WHERE job=?", (ident,))
        self._drop_unused(names)
        self.set_job(ident, state=QUEUED, created=time.time(), started=None, ended=None)
        return self.job(ident)

    def add_take(
        self, job: Job, *, number: int, recipe: Mapping[str, Any], stored: str, facts: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Record a take; None if its piece was deleted meanwhile."""
        values = (new_id(), job.id, job.piece, number, json.dumps(recipe), stored, json.dumps(facts))
        try:
            with self.store.write() as db:
                db.execute("INSERT INTO takes VALUES(?,?,?,?,?,?,?)", values)
        except sqlite3.IntegrityError:
            self._drop_unused([stored])
            return None
        return shown_take(self.take(values[0]))

    def add_analysis(self, job: Job, *, number: int, analysis: Mapping[str, Any]) -> dict[str, Any] | None:
        """Record the analysis of a take; None if the take was deleted meanwhile."""
        with self.store.write() as db:
            row = db.execute("SELECT * FROM takes WHERE job=? AND number=?", (job.id, number)).fetchone()
            if row is None:
                return None
            facts = {**json.loads(row["facts"]), "heard": analysis}
            db.execute("UPDATE takes SET facts=? WHERE id=?", (json.dumps(facts), row["id"]))
        return shown_take(self.take(row["id"]))

    def take(self, ident: str, *, owner: str | None = None) -> sqlite3.Row:
        """The row of a take.

        Raises:
            WebError: there is no such take, or it belongs to another owner.
        """
        return self._one(
            "SELECT takes.*, pieces.title, pieces.owner, jobs.model FROM takes JOIN pieces ON pieces.id=takes.piece "
            "JOIN jobs ON jobs.id=takes.job "
            "WHERE takes.id=? AND pieces.owner=ifnull(?,pieces.owner)",
            (ident, owner),
            what="take",
        )

    def seconds_per_second(self, model: str) -> float | None:
        """The median time of a model's last jobs per second of new music; None if there are none."""
        with self.store.read() as db:
            rows = db.execute(
                "SELECT ended-started AS took, recipes FROM jobs WHERE model=? AND state='done' AND ended>started "
                "ORDER BY ended DESC LIMIT 8",
                (model,),
            ).fetchall()
        shares = sorted(row["took"] / new_seconds(json.loads(row["recipes"])) for row in rows)
        return shares[len(shares) // 2] if shares else None

    def _one(self, query: str, values: Sequence[Any], *, what: str) -> sqlite3.Row:
        with self.store.read() as db:
            row = db.execute(query, values).fetchone()
        if row is None:
            raise WebError(404, f"There is no such {what}; it may have been deleted.")
        return row

    def close(self) -> None:
        """Close the database."""
        self.store.close()


_NAMED = ("source", "melody", "drums")
"""Fields of a recipe that name sounds."""
_SEARCHED = (
    "title || ' ' || ifnull(json_extract(request, '$.caption'), '') || ' ' || "
    "ifnull(json_extract(request, '$.chords'), '')"
)
_USES = """
    SELECT 1 FROM takes WHERE stored=:name OR instr(recipe, :name)
    UNION SELECT 1 FROM files WHERE stored=:name
    UNION SELECT 1 FROM jobs WHERE instr(recipes, :name)
"""


def _escaped(word: str) -> str:
    return "".join(f"\\{sign}" if sign in "%_\\" else sign for sign in word)
