"""Looking into reports, and the check that every page of a study must pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from counterpoint.report import Report, Section, Table
from counterpoint.report.page import tables_of


def section(report: Report, name: str) -> Section:
    """The section of this id."""
    return next(section for section in report.sections if section.id == name)


def table(report: Report, name: str) -> Table:
    """The table of this name, wherever it stands."""
    return next(table for table in tables_of(report) if table.name == name)


def texts(found: Table) -> dict[str, list[str]]:
    """The places of each row as text, by its label."""
    return {row.label: [" / ".join(cell.plain for cell in place) for place in row.places] for row in found.rows}


def notes(report: Report) -> str:
    """Methods and limits as one text."""
    blocks = section(report, "methods").blocks
    return "\n".join(
        line
        for block in blocks
        for line in (block.title, *block.paragraphs, *block.items)  # pyright: ignore
    )


def check(folder: Path) -> str:
    """Every link leads into the folder or to a place of the page, no number is missing its value, and no text breaks
    out of the page; returns the page."""
    page = (folder / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) > 15
    for link in links:
        target = (folder / link).resolve()
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        else:
            assert target.is_file() and target.is_relative_to(folder.resolve()), link
    for path in (folder / "index.html", *(folder / "tables").iterdir()):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(nan|inf)\b|[>|,] ?None ?[<|,]|not defined", text), path.name
    assert "<b>waltz" not in page and "<b>more" not in page
    return page


@pytest.fixture(scope="session")
def look() -> SimpleNamespace:
    """The functions of this module."""
    return SimpleNamespace(section=section, table=table, texts=texts, notes=notes, check=check)


Check = Callable[[Path], str]
