"""The report's tables as CSV, Markdown and LaTeX, from the same rows as the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from counterpoint.report.numbers import MINUS, interval, number, p_value
from counterpoint.study.report.content import CellTable, Compared, Metric, Page

ARROWS = {"lower": "↓", "higher": "↑", "neither": ""}
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


@dataclass(frozen=True)
class Table:
    """A table of text; the first column names the rows.

    Attributes:
        widths: of columns that hold sentences, as shares of a line; by default they hold numbers.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    widths: Sequence[float] = ()

    def markdown(self) -> str:
        def line(cells: Sequence[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        rule = "|" + "|".join(["---"] + ["---" if self.widths else "---:"] * (len(self.header) - 1)) + "|"
        return "\n".join([line(self.header), rule, *map(line, self.rows), "", self.caption, ""])

    def latex(self) -> str:
        """A `booktabs` table."""

        def line(cells: Sequence[str]) -> str:
            return " & ".join(escape_latex(cell) for cell in cells) + r" \\"

        columns = "".join(rf"p{{{width:g}\linewidth}}" for width in self.widths) or "l" + "r" * (len(self.header) - 1)
        return "\n".join(
            [
                r"\begin{table}",
                r"\centering",
                rf"\caption{{{escape_latex(self.caption)}}}",
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                line(self.header),
                r"\midrule",
                *map(line, self.rows),
                r"\bottomrule",
                r"\end{tabular}",
                r"\end{table}",
                "",
            ]
        )


def escape_latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def scores_table(content: Page, metrics: Sequence[Metric]) -> Table:
    """One row a system, one column a metric."""
    shown = [metric for metric in metrics if content.scores.get(metric.key)]
    rows = []
    for system in content.systems:
        cells = [content.scores[metric.key].get(system.key) for metric in shown]
        if any(cells):
            counts = sorted({cell.n for cell in cells if cell})
            text = [interval(cell.value, cell.low, cell.high) if cell else "–" for cell in cells]
            rows.append([system.name, *text, "/".join(map(str, counts))])
    caption = "Values with 95% intervals; arrows point to what is better; n is the number of clips."
    return Table(caption, ["System", *map(metric_heading, shown), "n"], rows)


def differences_table(content: Compared) -> Table:
    """One row a paired difference, with effect sizes and training runs where there are any."""
    effects = any(item.effect is not None for item in content.differences)
    runs = any(item.seeds > 1 for item in content.differences)
    rows = [
        [
            item.metric,
            f"{content.system(item.first).short} {MINUS} {content.system(item.second).short}",
            interval(item.value, item.low, item.high),
            p_value(item.p),
            p_value(item.p_holm),
            *(["–" if item.effect is None else number(item.effect, places=2)] * effects),
            str(item.n),
            *([str(item.seeds)] * runs),
        ]
        for item in content.differences
    ]
    caption = (
        "First minus second on the same prompts, with 95% intervals; p-values are two-sided; p (Holm) is corrected "
        "for all comparisons of their table."
    )
    if effects:
        caption += " Effects are in standard deviations of what one prompt tells of the difference."
    header = ["Metric", "Difference", "Value", "p", "p (Holm)", *["Effect"] * effects, "n", *["Runs"] * runs]
    return Table(caption, header, rows)


def cells_table(table: CellTable) -> Table:
    """The same as text; several values of one place with what each of them is."""
    header = ["", *(metric_heading(metric) for metric, _ in table.columns)]
    rows = [
        [
            row.label,
            *(
                " / ".join(
                    " ".join(filter(None, (cell.what, cell.value, cell.interval, cell.remark))) for cell in cells
                )
                or "–"
                for cells in row.cells
            ),
        ]
        for row in table.rows
    ]
    return Table(f"{table.title}. {table.lead}", header, rows)


def metric_heading(metric: Metric) -> str:
    unit = f" ({metric.unit})" if metric.unit else ""
    return f"{metric.key}{unit} {ARROWS[metric.better]}".strip()


def scores_csv(content: Page) -> str:
    """One line a score, with full precision, for machines."""
    header = ["system", "metric", "better", "value", "low_95", "high_95", "n"]
    rows = [
        [system.key, metric.key, metric.better, score.value, score.low, score.high, score.n]
        for system in content.systems
        for metric in content.metrics
        if (score := content.scores.get(metric.key, {}).get(system.key))
    ]
    return to_csv([header, *rows])


def differences_csv(content: Compared) -> str:
    """One line a paired difference, with full precision."""
    header = ["metric", "first", "second", "difference", "low_95", "high_95", "p", "p_holm", "effect"]
    header += ["n", "seeds"]
    rows = [
        [
            *(item.metric, item.first, item.second, item.value, item.low, item.high, item.p, item.p_holm),
            *("" if item.effect is None else item.effect, item.n, item.seeds),
        ]
        for item in content.differences
    ]
    return to_csv([header, *rows])


def to_csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
