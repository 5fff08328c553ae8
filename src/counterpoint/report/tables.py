"""Tables: one description, shown in the page and written as CSV, Markdown and LaTeX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, ClassVar, Literal

from counterpoint.metrics.base import Better, MetricInfo
from counterpoint.report.marks import Mark
from counterpoint.report.numbers import MINUS, Estimated, number, span

ARROWS: Mapping[Better, str] = {"lower": "↓", "higher": "↑", "neither": ""}
NONE = "–"
_LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\ensuremath{<}",
    ">": r"\ensuremath{>}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "≤": r"\ensuremath{\leq}",
    "≥": r"\ensuremath{\geq}",
    "∼": r"\ensuremath{\sim}",
    "“": "``",
    "”": "''",
    "–": "--",
    "`": r"\textasciigrave{}",
    "↓": r"\ensuremath{\downarrow}",
    "↑": r"\ensuremath{\uparrow}",
    MINUS: r"\ensuremath{-}",
}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One value in a place of a table.

    Attributes:
        text: the value.
        interval: the interval, below it in brackets.
        what: a label before it, if one place has several values.
        note: a note below both, in small print.
        numbers: the value, or (value, low, high), in full precision for the CSV file.
        state: `open` for a difference that is not clear, `best` for the clearly best value of its group; any other word
            is a badge, such as `supported`, that the style sheet colours.
        link: link target of the text.
        picture: SVG, only for the page.
        mark: mark of a system that the text names.
    """

    text: str
    interval: str = ""
    what: str = ""
    note: str = ""
    numbers: Sequence[float] = ()
    state: str = ""
    link: str = ""
    picture: str = ""
    mark: Mark | None = None

    @property
    def plain(self) -> str:
        star = "*" if self.state == "best" else ""
        return " ".join(filter(None, (self.what, self.text, self.interval, star, self.note)))

    @classmethod
    def of(
        cls, found: Estimated, *, places: int | None = None, what: str = "", note: str = "", state: str = ""
    ) -> Cell:
        """A value with its interval, rounded to justified digits or to `places` decimals."""
        text, brackets = span(found, places=places).split(" [", 1)
        numbers = (found.value, found.low, found.high)
        return cls(text=text, interval=f"[{brackets}", what=what, note=note, numbers=numbers, state=state)


Place = Sequence[Cell]
"""The content of one place: nothing, one value or several."""


def place_of(found: Estimated | None, **look: Any) -> Place:
    """A place with one value and its interval, see `Cell.of`; empty without a value."""
    return [] if found is None else [Cell.of(found, **look)]


def plain(*texts: str) -> list[Place]:
    """Places with one text each; an empty text leaves its place empty."""
    return [[Cell(text=text)] if text else [] for text in texts]


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table.

    Attributes:
        title: its plain title.
        exact: the metric's exact name, in small print below the title.
        over: a heading shared with neighbouring columns.
        kind: numbers are aligned to the right; texts wrap; pictures are left out of CSV, Markdown and LaTeX.
        is_theirs: whether it is from another source, shown in a weaker tone.
        mark: mark of the column's system.
    """

    title: str
    exact: str = ""
    unit: str = ""
    better: Better = "neither"
    over: str = ""
    kind: Literal["number", "text", "picture"] = "number"
    is_theirs: bool = False
    mark: Mark | None = None

    @classmethod
    def of(cls, metric: MetricInfo, *, over: str = "") -> Column:
        """A column with a metric's names."""
        return cls(title=metric.label, exact=metric.exact, unit=metric.unit, better=metric.better, over=over)

    @property
    def plain(self) -> str:
        unit = f" ({self.unit})" if self.unit else ""
        source = f" ({self.over})" if self.over and self.is_theirs else ""
        return f"{self.exact or self.title}{unit}{source} {ARROWS[self.better]}".strip()


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of a table.

    Attributes:
        places: one for each column.
        group: rows of one group are placed together under its name.
        tone: `subject` for the compared systems, `theirs` for another source's row, `floor` for rows without a model.
        note: a note below the label, in small print.
        link: link target of the label.
    """

    label: str
    places: Sequence[Place]
    mark: Mark | None = None
    group: str = ""
    tone: Literal["", "subject", "theirs", "floor"] = ""
    note: str = ""
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table, as a block of a section and as files.

    Attributes:
        name: name of its files.
        label: a description for screen readers.
        corner: heading of the column of labels.
        by: heading of the groups; "" without groups.
        caption: a description of its values.
        files: whether it can be downloaded as CSV, Markdown and LaTeX.
        is_narrow: whether rows become cards on a phone instead of scrolling sideways.
        csv: lines in full precision that replace the table's own rows in its CSV file; the keys of the first are the
            columns, and a line may lack some.
        widths: widths of text columns in LaTeX, as shares of a line, the label's first.
    """

    kind: ClassVar[str] = "table"

    name: str
    label: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    corner: str = ""
    by: str = ""
    caption: str = ""
    files: bool = True
    is_narrow: bool = False
    csv: Sequence[Mapping[str, object]] = ()
    widths: Sequence[float] = field(default=())

    def table(self) -> Table:
        return self

    @property
    def overs(self) -> list[tuple[str, int]]:
        """Headings over columns, each with its number of columns; empty without any."""
        if not any(column.over for column in self.columns):
            return []
        return [(over, len(list(own))) for over, own in groupby(column.over for column in self.columns)]

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """Neighbouring rows with the same group and tone."""
        found = groupby(self.rows, key=lambda row: (row.group, row.tone == "floor"))
        return [(group, list(rows)) for (group, _), rows in found]

    def texts(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows as plain text, without pictures."""
        shown = [place for place, column in enumerate(self.columns) if column.kind != "picture"]
        names = self._distinct([column.plain for column in self.columns])
        header = [self.corner, *(names[place] for place in shown)]
        rows = [
            [row.label, *(" / ".join(cell.plain for cell in row.places[place]) or NONE for place in shown)]
            for row in self.rows
        ]
        if self.by:
            header.insert(0, self.by)
            rows = [[row.group, *texts] for row, texts in zip(self.rows, rows, strict=True)]
        return header, rows

    def to_csv(self) -> str:
        """CSV text; in full precision with one line per value if the cells have numbers, else with one line per row."""
        if lines := self.csv or self._long():
            names = list(lines[0])
            return to_csv([names, *([line.get(name, "") for name in names] for line in lines)])
        header, rows = self.texts()
        return to_csv([header, *rows])

    def _long(self) -> list[dict[str, object]]:
        """One line per value with its interval; empty if no cell has numbers."""
        if not any(len(cell.numbers) > 1 for row in self.rows for place in row.places for cell in place):
            return []
        lines = []
        names = self._distinct([column.exact or column.title for column in self.columns])
        for row in self.rows:
            for column, name, place in zip(self.columns, names, row.places, strict=True):
                for cell in place if column.kind != "picture" else ():
                    value, low, high = [*(cell.numbers or (cell.text,)), "", ""][:3]
                    line: dict[str, object] = {"group": row.group, "row": row.label, "column": name, "of": cell.what}
                    lines.append({**line, "value": value, "low_95": low, "high_95": high, "note": cell.note})
        return lines

    def _distinct(self, names: Sequence[str]) -> list[str]:
        """Names of columns; duplicate names are prefixed with their headings."""
        return [
            f"{column.over}, {name}" if column.over and names.count(name) > 1 else name
            for column, name in zip(self.columns, names, strict=True)
        ]

    def markdown(self) -> str:
        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        header, rows = self.texts()
        rule = "|" + "|".join(["---"] + ["---" if self.widths else "---:"] * (len(header) - 1)) + "|"
        return "\n".join([line(header), rule, *map(line, rows), "", self.caption, ""])

    def latex(self) -> str:
        """A `booktabs` table."""

        def line(cells: Sequence[str]) -> str:
            return " & ".join(escape_latex(cell) for cell in cells) + r" \\"

        header, rows = self.texts()
        columns = "".join(rf"p{{{width:g}\linewidth}}" for width in self.widths) or "l" + "r" * (len(header) - 1)
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{escape_latex(self.caption or self.label)}}}",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                line(header),
                r"\midrule",
                *map(line, rows),
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )


def plain_table(name: str, header: Sequence[str], rows: Iterable[Sequence[str]], **options: Any) -> Table:
    """A table of texts, in which the first of each row is its label; the options are those of `Table`."""
    corner, *titles = header
    return Table(
        name=name,
        corner=corner,
        columns=[Column(title=title) for title in titles],
        rows=[Row(label=label, places=plain(*texts)) for label, *texts in rows],
        **options,
    )


def escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def to_csv(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def effect_text(effect: float | None) -> str:
    return NONE if effect is None else number(effect, places=2)
