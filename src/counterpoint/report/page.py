"""Writing a report to a folder: one page, its clips, pictures and tables, with relative paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import atomic_write
from counterpoint.report.blocks import Block, Report
from counterpoint.report.chart import Charts
from counterpoint.report.dots import dots
from counterpoint.report.media import PITCH_MARKS
from counterpoint.report.players import Player, Players, write_players
from counterpoint.report.scores import Differences, Scores
from counterpoint.report.tables import ARROWS, Table

if TYPE_CHECKING:
    from markupsafe import Markup

_HERE = Path(__file__).parent
TEMPLATE = "page.html"
LOOK = _HERE / "look.css"
"""Colours, fonts and elements shared by all pages of the package."""
ASSETS = {"page.css": ("look.css", "page.css"), "page.js": ("page.js",)}
"""By file of the report, the sources from which it is assembled."""
Progress = Callable[[int, int], None]


def write_report(report: Report, out: Path, *, progress: Progress | None = None) -> Path:
    """Write the report into `out`; returns its `index.html`.

    Args:
        progress: called with (clips done, total clips).
    """
    for table in tables_of(report):
        if table.files:
            for ending, text in (("csv", table.to_csv()), ("md", table.markdown()), ("tex", table.latex())):
                _write(out / "tables" / f"{table.name}.{ending}", text)
    for charts in blocks_of(report):
        if isinstance(charts, Charts) and charts.name:
            _write(out / "tables" / f"{charts.name}.csv", charts.to_csv())
    for name, text in report.files.items():
        _write(out / name, text)
    for asset, parts in ASSETS.items():
        _write(out / "assets" / asset, "".join((_HERE / part).read_text(encoding="utf-8") for part in parts))
    players = _write_players(report, out, progress)
    index = out / "index.html"
    _write(index, _render(report, players))
    return index


def blocks_of(report: Report) -> Iterator[Block]:
    for section in report.sections:
        yield from section.blocks


def tables_of(report: Report) -> list[Table]:
    """Every table of the page; each is also written as files.

    Raises:
        ValueError: two tables have the same name, so that one would overwrite the other's files.
    """
    found = [block.table() for block in blocks_of(report) if isinstance(block, (Table, Scores, Differences))]
    names = [table.name for table in found if table.files]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"Two tables of the report {report.name!r} are called {sorted(twice)[0]!r}; rename one.")
    return found


def _write_players(report: Report, out: Path, progress: Progress | None) -> dict[str, list[list[Player]]]:
    """By block, the players of each example."""
    own = [block for block in blocks_of(report) if isinstance(block, Players)]
    total = sum(len(example.clips) for block in own for example in block.examples)
    players: dict[str, list[list[Player]]] = {}
    done = 0
    for block in own:
        players[block.id] = []
        for row in write_players(block, out, is_compact=report.is_compact):
            players[block.id].append(row)
            done += len(row)
            if progress is not None:
                progress(done, total)
    return players


def _render(report: Report, players: dict[str, list[list[Player]]]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    helpers: dict[str, Any] = {
        "report": report,
        "players_of": players,
        "arrows": ARROWS,
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}",
        "pitch_marks": PITCH_MARKS,
        "rich": lambda text: rich(text, report.terms),
        "breakable": lambda key: Markup("_<wbr>").join(key.split("_")),
        "picture": Markup,
        "dots_of": lambda block, metric: Markup(dots(block, metric)),
    }
    return environment.get_template(TEMPLATE).render(**helpers)


def rich(text: str, terms: Sequence[str] = ()) -> Markup:
    """Escaped text, in which text in backticks and the terms are set as code."""
    from markupsafe import Markup, escape

    words = "|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True))
    names = rf"|(?<!\w)(?:{words})(?!\w)" if terms else ""
    pieces = re.split(rf"(`[^`]+`{names})", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece.strip("`")) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


def _write(path: Path, text: str) -> None:
    atomic_write(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
