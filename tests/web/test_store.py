"""The store: migrated once, written whole or not at all, safe for threads."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.web import Store

FIRST = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT"
SECOND = "ALTER TABLE things ADD COLUMN size INTEGER NOT NULL DEFAULT 1"


def names(store: Store) -> list[str]:
    with store.read() as connection:
        return [row["name"] for row in connection.execute("SELECT name FROM things ORDER BY id")]


def test_migrations_run_once_and_keep_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(path, migrations=[FIRST])
    with store.write() as connection:
        connection.execute("INSERT INTO things (name) VALUES ('one')")
    store.close()
    grown = Store(path, migrations=[FIRST, SECOND])
    with grown.read() as connection:
        assert tuple(connection.execute("SELECT name, size FROM things").fetchone()) == ("one", 1)
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    grown.close()
    with pytest.raises(UserError, match="newer version"):
        Store(path, migrations=[FIRST])


def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    Store(path, migrations=[FIRST]).close()
    with pytest.raises(UserError):
        Store(path, migrations=[FIRST, f"{SECOND};\nALTER TABLE nothing ADD COLUMN x INTEGER"])
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == 1
        assert len(connection.execute("PRAGMA table_info(things)").fetchall()) == 2


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(UserError, match="database of another program"):
        Store(path, migrations=[FIRST])
    assert path.read_bytes() == before
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    with pytest.raises(UserError, match="its table things has no column id"):
        Store(path, migrations=[FIRST])


def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = Store(path, migrations=[FIRST])
    with store.write() as connection:
        connection.executemany("INSERT INTO things (name) VALUES (?)", [(f"{n:0900}",) for n in range(40)])
    store.compact()
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:12288] = b"x" * 4096
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be opened as a database .*; move it away or restore a copy"):
        Store(path, migrations=[FIRST])


def test_an_empty_file_is_filled_and_another_process_may_be_faster(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.db"
    path.touch()
    with monkeypatch.context() as patch:
        others = [lambda: Store(path, migrations=[FIRST]).close()]
        version = Store._version

        def late(self: Store, connection: sqlite3.Connection) -> int:
            found = version(self, connection)
            if others:
                others.pop()()
            return found

        patch.setattr(Store, "_version", late)
        assert names(Store(path, migrations=[FIRST])) == []


def test_a_write_that_raises_is_undone(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.db", migrations=[FIRST])
    with pytest.raises(sqlite3.IntegrityError), store.write() as connection:
        connection.execute("INSERT INTO things (name) VALUES ('one')")
        connection.execute("INSERT INTO things (name) VALUES ('one')")
    assert names(store) == []


def test_many_threads_write_without_loss(tmp_path: Path) -> None:
    store = Store(tmp_path / "a.db", migrations=[FIRST])

    def write(writer: int) -> None:
        for turn in range(10):
            with store.write() as connection:
                connection.execute("INSERT INTO things (name) VALUES (?)", (f"{writer}-{turn}",))

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(store)) == sorted(f"{writer}-{turn}" for writer in range(8) for turn in range(10))


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("This is a text and nothing else." * 100)
    with pytest.raises(UserError, match="cannot be opened"):
        Store(tmp_path / "a.db", migrations=[FIRST])
    with pytest.raises(UserError, match="no database"):
        Store(tmp_path / "b.db", migrations=[FIRST], create=False)
