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
        UserError: the file is missing, is not a database, is damaged, or was created by another program or a newer
            version of the package.
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
            version = self._version(connection)
            if version > len(migrations):
                raise UserError(f"{self.path} was made by a newer version of counterpoint; update counterpoint.")
            connection.execute("PRAGMA journal_mode = WAL")  # which is kept in the file
            while version < len(migrations):
                try:
                    # executescript commits first, so the script has its own transaction, which includes the new version
                    connection.executescript(
                        f"BEGIN IMMEDIATE;\n{migrations[version]};\nPRAGMA user_version = {version + 1};\nCOMMIT;"
                    )
                except sqlite3.OperationalError:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    if self._version(connection) == version:  # and no other process was faster
                        raise
                version = self._version(connection)
            self._check(connection, migrations)

    def _version(self, connection: sqlite3.Connection) -> int:
        connection.execute("BEGIN")  # so that the version belongs to the tables
        try:
            [version] = connection.execute("PRAGMA user_version").fetchone()
            is_foreign = version == 0 and bool(_columns(connection))
        finally:
            connection.execute("ROLLBACK")
        if is_foreign:
            raise UserError(f"{self.path} is the database of another program; choose another folder.")
        return version

    def _check(self, connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
        [fault] = connection.execute("PRAGMA quick_check(1)").fetchone()
        if fault != "ok":
            raise sqlite3.DatabaseError(fault.rpartition("\n")[2])
        whole = sqlite3.connect(":memory:")
        try:
            for script in migrations:
                whole.executescript(script)
            missing = sorted(_columns(whole) - _columns(connection))
        finally:
            whole.close()
        if missing:
            table, column = missing[0]
            raise sqlite3.DatabaseError(f"its table {table} has no column {column}")

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


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """(table, column) of all tables of a database."""
    tables = "SELECT m.name, p.name FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table'"
    return {(table, column) for table, column in connection.execute(tables)}
