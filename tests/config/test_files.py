"""Files and folders are written whole or not at all, and errors name what was to be written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from counterpoint.config.files import atomic_write, digest, digest_of_lists, replace_folder


def _full(path: Path) -> None:
    path.write_text("half")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "lists", [{}, {"valid": [], "train": [{"b": "\u2028 é", "a": [1, 2.5, True]}, "x"], "test": [None]}]
)
def test_lists_have_the_digest_of_the_whole(lists: dict[str, list]):
    assert digest_of_lists({name: iter(each) for name, each in lists.items()}) == digest(lists)


def test_a_failed_write_names_its_file_and_leaves_the_old_one(tmp_path: Path):
    (tmp_path / "x.txt").write_text("old")
    with pytest.raises(OSError) as failed:
        atomic_write(tmp_path / "x.txt", _full)
    assert failed.value.errno == errno.ENOSPC and failed.value.filename == str(tmp_path / "x.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["x.txt"] and (tmp_path / "x.txt").read_text() == "old"


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path):
    path = tmp_path / ("n" * 251 + ".txt")
    atomic_write(path, lambda temporary: temporary.write_text("x"))
    assert path.read_text() == "x"


@pytest.mark.parametrize("exception", [OSError(errno.EIO, "x"), KeyboardInterrupt(), ValueError("x")])
def test_a_folder_is_replaced_as_a_whole_or_not_at_all(tmp_path: Path, exception: BaseException):
    folder = tmp_path / "clips"
    for name in ("a", "b"):
        replace_folder(folder, lambda place, name=name: (place / name).write_text(name))
        assert [path.name for path in folder.iterdir()] == [name]

    def fail(place: Path) -> None:
        (place / "c").write_text("c")
        raise exception

    with pytest.raises(type(exception)):
        replace_folder(folder, fail)
    assert [path.name for path in folder.iterdir()] == ["b"] and [path.name for path in tmp_path.iterdir()] == ["clips"]


def test_the_old_folder_comes_back_where_the_new_one_cannot_be_put(tmp_path: Path, monkeypatch):
    folder = tmp_path / "clips"
    replace_folder(folder, lambda place: (place / "old").write_text("old"))
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name == "new" and target == folder:
            raise PermissionError(errno.EACCES, "no", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError) as failed:
        replace_folder(folder, lambda place: (place / "new").write_text("new"))
    assert failed.value.filename == str(folder)
    assert [path.name for path in folder.iterdir()] == ["old"] and [path.name for path in tmp_path.iterdir()] == [
        "clips"
    ]
