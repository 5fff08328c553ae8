"""What a killed process left is removed by the next that writes there, and what another is at work on is let be."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from counterpoint.config import aside, locks, write_json
from counterpoint.config.aside import beside, put
from counterpoint.config.files import atomic_folder, replace_folder
from counterpoint.config.paths import check_output_folder

AT_WORK = """
import sys
from pathlib import Path
from counterpoint.config.aside import beside
from counterpoint.config.files import atomic_write
place, name = Path(sys.argv[1]), sys.argv[2]

def wait():
    print("at work", flush=True)
    sys.stdin.readline()

if name == "exchange":  # between the two renames
    with beside(place) as folder:
        (folder / "old").mkdir()
        (place / "clips").rename(folder / "old" / "clips")
        wait()
else:
    atomic_write(place / name, lambda path: (path.write_text("new"), wait()))
"""


@pytest.fixture(autouse=True)
def first_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has written nowhere yet."""
    monkeypatch.setattr(aside, "_tidied", set())


@contextmanager
def at_work(place: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    """Another process in the midst of writing, until it gets a line or is killed."""
    command = [sys.executable, "-c", AT_WORK, str(place), name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "at work\n"
        try:
            yield process
        finally:
            process.kill()


def hidden(place: Path) -> list[Path]:
    return list(place.glob(".part-*"))


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with at_work(tmp_path, "x.txt"):
        pass
    assert len(hidden(tmp_path)) == 1
    write_json(tmp_path / "other.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["other.json"]


def test_what_another_is_at_work_on_is_let_be(tmp_path: Path) -> None:
    with at_work(tmp_path, "x.txt") as process:
        write_json(tmp_path / "other.json", 1)
        assert len(hidden(tmp_path)) == 1
        process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert (tmp_path / "x.txt").read_text() == "new" and not hidden(tmp_path)


def test_a_folder_that_another_process_removes_before_it_is_held_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes that begin to write into a folder at once may take each other's new folders for leftovers."""
    opened, removed = Path.open, []

    def open_after_another(path: Path, *how: Any, **options: Any) -> Any:
        if path.name.endswith(".lock") and not removed:
            removed.append(path.parent)
            path.parent.rmdir()
        return opened(path, *how, **options)

    monkeypatch.setattr(Path, "open", open_after_another)
    write_json(tmp_path / "x.json", 1)
    assert removed and [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_where_there_are_no_locks_nothing_is_taken_for_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    monkeypatch.setattr(locks, "msvcrt", None)
    (tmp_path / ".part-abcdefgh").mkdir()
    write_json(tmp_path / "other.json", 1)
    assert len(hidden(tmp_path)) == 1


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    replace_folder(tmp_path / "clips", lambda folder: (folder / "a.txt").write_text("a"))
    with at_work(tmp_path, "exchange"):
        assert not (tmp_path / "clips").exists()
    aside._tidied.clear()
    with pytest.warns(UserWarning, match=r"clips was being replaced .* has been put back"):
        write_json(tmp_path / "other.json", 1)
    assert (tmp_path / "clips" / "a.txt").read_text() == "a" and not hidden(tmp_path)


def test_what_has_a_successor_does_not_come_back(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with at_work(tmp_path, "exchange"):
        pass
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "new.txt").write_text("new")
    write_json(tmp_path / "other.json", 1)
    assert [path.name for path in (tmp_path / "clips").iterdir()] == ["new.txt"] and not hidden(tmp_path)


def test_links_and_files_of_such_a_name_are_not_followed_or_removed(tmp_path: Path) -> None:
    elsewhere, place = tmp_path / "elsewhere", tmp_path / "place"
    elsewhere.mkdir()
    place.mkdir()
    (elsewhere / "kept.txt").write_text("kept")
    (place / ".part-link").symlink_to(elsewhere)
    (place / ".part-file").write_text("x")
    write_json(place / "other.json", 1)
    assert (elsewhere / "kept.txt").read_text() == "kept"
    assert {path.name for path in hidden(place)} == {".part-link", ".part-file"}


def test_a_folder_with_leftovers_alone_counts_as_empty(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / ".part-abcdefgh").mkdir(parents=True)
    check_output_folder(out)
    atomic_folder(out, lambda folder: (folder / "a.txt").write_text("a"))
    assert [path.name for path in out.iterdir()] == ["a.txt"]


def test_each_folder_is_looked_through_once(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", 1)
    (tmp_path / ".part-abcdefgh").mkdir()
    write_json(tmp_path / "b.json", 1)
    assert len(hidden(tmp_path)) == 1, "a place with many files is not listed for each of them"


def test_a_folder_takes_the_place_of_another_within_one_block(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    with beside(tmp_path) as folder:
        (folder / "new").mkdir()
        (folder / "new" / "b.txt").write_text("b")
        put(folder / "new", tmp_path / "clips", aside=folder)
    assert (tmp_path / "clips" / "b.txt").read_text() == "b" and not hidden(tmp_path)
