"""One writer at a time: the second waits or is told who holds it, and nothing of a lock stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from counterpoint.config import UserError, locks
from counterpoint.config.locks import sole_writer

HOLD = """
import sys
from pathlib import Path
from counterpoint.config.locks import sole_writer
with sole_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds `path` until it gets a line or is killed."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def test_the_second_is_told_who_holds_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with (
        another_process(out) as process,
        pytest.raises(UserError, match=rf"out is being written by process {process.pid} \(-c .*wait for it"),
        sole_writer(out),
    ):
        pass


def test_the_second_may_wait(tmp_path: Path) -> None:
    out, said = tmp_path / "out", list[str]()
    with another_process(out) as process:

        def let_go(holder: str) -> None:
            said.append(holder)
            assert process.stdin is not None
            print(file=process.stdin, flush=True)

        with sole_writer(out, on_wait=let_go):
            assert process.wait(timeout=120) == 0
    assert len(said) == 1 and f"process {process.pid}" in said[0]
    assert not list(tmp_path.iterdir()), "the lock's file is gone with the last who held it"


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with another_process(out) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with sole_writer(out):
            pass
    assert not list(tmp_path.iterdir())


def test_the_file_of_a_later_holder_stays(tmp_path: Path) -> None:
    with sole_writer(tmp_path / "run"):
        [held] = tmp_path.glob(".*.lock")
        held.unlink()
        held.write_text("another")
    assert held.read_text() == "another"


def test_threads_take_turns_and_none_is_lost(tmp_path: Path) -> None:
    """Each reads, waits and writes one more; two at once would lose a count."""
    count = tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        for _ in range(5):
            with sole_writer(count, on_wait=lambda _: None):
                number = int(count.read_text())
                count.write_text(str(number + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == "20"


def test_an_alias_is_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with (
        sole_writer(tmp_path / "real"),
        pytest.raises(UserError, match="is being written"),
        sole_writer(tmp_path / "link"),
    ):
        pass


def test_a_name_as_long_as_can_be_is_held(tmp_path: Path) -> None:
    out = tmp_path / ("ö" * 127)
    with sole_writer(out), pytest.raises(UserError, match="is being written"), sole_writer(out):
        pass


def no_locks_at_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(locks, "fcntl", None)
    patch.setattr(locks, "msvcrt", None)


def locks_are_not_supported(patch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    patch.setattr(locks.fcntl, "flock", refuse)


@pytest.mark.parametrize("without", [no_locks_at_all, locks_are_not_supported])
def test_where_there_are_no_locks_nothing_is_held(
    without: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch)
    with sole_writer(tmp_path / "out"), sole_writer(tmp_path / "out"):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_nobody_can_replace_is_held_inside(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    tmp_path.chmod(0o500)
    try:
        with sole_writer(out), pytest.raises(UserError, match="is being written"), sole_writer(out):
            assert [entry.name for entry in out.iterdir()] == [".lock"]
    finally:
        tmp_path.chmod(0o700)
