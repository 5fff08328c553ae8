"""A small store on disk: SQLite in WAL mode, with migrations by schema version.

There is one writer at a time and any number of readers. A write is on disk (`synchronous=FULL`) when its `with` block
has ended, so that confirmed data survive a killed process and a power failure.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from counterpoint.config import UserError

_BUSY_S = 20.0
"""A write fails if another process holds the database for longer than this."""
_PRAGMAS = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "trusted_schema = OFF",
)


class Store:
    """A database file.

    Args:
        path: path of the file in an existing folder.
        migrations: SQL scripts; script i updates a database from schema version i to i + 1, so released scripts must
            not change.
        create: whether a missing file is created.

    Raises:
        UserError: the file is missing, is not a database, or was created by a newer version of the package.
    """

    def __init__(self, path: Path, *, migrations: Sequence[str], create: bool = True):
        if not create and not path.is_file():
            raise UserError(f"There is no database at {path}; check the path.")
        self.path = path
        self._local = threading.local()
        self._writing = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        try:
            self._migrate(migrations)
        except sqlite3.DatabaseError as error:
            raise UserError(
                f"{path} cannot be opened as a database ({error}); move it away or restore a copy."
            ) from None

    def _migrate(self, migrations: Sequence[str]) -> None:
        connection = self._connection()
        with self._writing:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > len(migrations):
                raise UserError(f"{self.path} was made by a newer version of counterpoint; update counterpoint.")
            for number in range(version, len(migrations)):
                # executescript commits first, so the script has its own transaction, which includes the new version
                connection.executescript(
                    f"BEGIN IMMEDIATE;\n{migrations[number]};\nPRAGMA user_version = {number + 1};\nCOMMIT;"
                )

    def _connection(self) -> sqlite3.Connection:
        """The connection of this thread."""
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None:
            found = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            found.row_factory = sqlite3.Row
            for pragma in _PRAGMAS:
                found.execute(f"PRAGMA {pragma}")
            self._local.connection = found
            self._open.append(found)
        return found

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the database until the block ends."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, which is committed at the end of the block and rolled back on an error.

        Raises:
            sqlite3.OperationalError: the disk is full, or another process held the database for too long.
        """
        connection = self._connection()
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def compact(self) -> None:
        """Write the log of changes into the database file and empty it, so that deleted data are removed from disk."""
        self._connection().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close every connection; the store cannot be used afterwards."""
        while self._open:
            self._open.pop().close()
        self._local = threading.local()
