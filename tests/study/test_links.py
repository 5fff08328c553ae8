"""What a study made is found below its folder, also where the system lets its user make no links."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoint.study.engine import Done
from counterpoint.study.run import _link


def make_step(folder: Path, text: str) -> Done:
    folder.mkdir(parents=True)
    (folder / "scores.json").write_text(text)
    return Done(folder=folder, cached=False, seconds=0.0, peak_memory_bytes=None)


def refuse(*_: object, **__: object) -> None:
    raise OSError(1314, "A required privilege is not held by the client")


@pytest.fixture
def link(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    return tmp_path / "study" / "steps" / "evaluate"


def test_a_link_leads_to_the_step(link: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        _link(link, make_step(tmp_path / "store" / name, name))
        assert link.is_symlink() and (link / "scores.json").read_text() == name


def test_a_copy_stands_where_no_link_may(link: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (make_step(tmp_path / "store" / name, name) for name in "abc")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "symlink_to", refuse)
        for step in (first, second):
            _link(link, step)
            assert not link.is_symlink() and (link / "scores.json").read_text() == step.folder.name
    _link(link, third)
    assert link.is_symlink() and (link / "scores.json").read_text() == "c"
    assert (first.folder / "scores.json").read_text() == "a", "what replaces a copy leaves the step as it is"
