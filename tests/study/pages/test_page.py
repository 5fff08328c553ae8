"""Words of pages are data: headings of sections, methods and limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from counterpoint.report import Text
from counterpoint.study.kinds import KINDS
from counterpoint.study.pages.notes import prose
from counterpoint.study.pages.page import READING, SECTIONS, headed


def test_a_section_has_the_words_of_its_kind_else_those_that_all_share() -> None:
    block = Text(paragraphs=["a"])
    own = headed("samplers", "settings", block, None, budget=20)
    assert own and own.title == "Cost and quality" and "the budget of 20 evaluations" in own.lead
    shared = headed("a kind of another package", "scores", block)
    assert shared and (shared.title, shared.lead, shared.is_folded) == ("All scores", READING, True)
    assert headed("grid", "table", None) is None, "nothing to show, no heading"
    with pytest.raises(KeyError):
        headed("grid", "settings", block)


def test_headings_are_of_kinds_that_there_are() -> None:
    assert SECTIONS.keys() - {"all", "combined"} <= set(KINDS)


def test_prose_fills_in_words_and_leaves_out_what_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "## One\nIn {where}.\n{items}\n\n## Two\n{never}Not here.\n\n## Three\n{always}Here.\n"
    (tmp_path / "own.md").write_text(text, encoding="utf-8")
    monkeypatch.setattr("counterpoint.study.pages.notes._HERE", tmp_path)
    one, three = prose("own", where="a word", items=["a", "b"], never=None, always="")
    assert (one.title, one.paragraphs, one.items) == ("One", ["In a word."], ["a", "b"])
    assert (three.title, three.paragraphs) == ("Three", ["Here."])
    assert [note.title for note in prose("own", where="", items=[], never="", always=None)] == ["Two"]
    with pytest.raises(KeyError):
        prose("own", where="")
