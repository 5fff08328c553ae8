"""The scores of a grid in the layout of the paper's tables, and the paired differences, a table an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.report.numbers import MINUS, interval, number, p_value
from counterpoint.study.paper import PaperScores
from counterpoint.study.report.cells import PARADIGM, Cells, Contrast
from counterpoint.study.report.content import (
    Cell,
    CellRow,
    CellTable,
    GridAxis,
    GridCell,
    GridRow,
    GridTable,
    Metric,
    System,
)
from counterpoint.study.report.tables import Table, metric_heading


def grid_table(
    grid: Cells,
    *,
    paper: PaperScores | None,
    floors: Mapping[str, Sequence[System]],
    outside: Sequence[System],
) -> GridTable:
    """
    Args:
        floors: systems that no model made, by the name of their group.
    """
    metrics = grid.metrics()
    axis = grouping(grid)
    theirs = {row.system: row.scores for row in paper.rows} if paper else {}
    measures = list(paper.measures) if paper else []

    def row(cell: GridCell, group: Sequence[GridCell]) -> GridRow:
        label = grid.place(cell.labels, without=[axis.key] if axis else []) or "all"
        scores = theirs.get(cell.system, {})
        return GridRow(
            cell.system,
            label,
            [_cell(grid, metric, cell.system) for metric in metrics],
            [is_best(grid, metric, cell, group) for metric in metrics],
            [f"{scores[key]:.2f}" if key in scores else "" for key in measures],
        )

    def plain(system: System) -> GridRow:
        cells = [_cell(grid, metric, system.key) for metric in metrics]
        return GridRow(system.key, system.name, cells, [False] * len(metrics), [""] * len(measures))

    groups = {
        name: [row(cell, group) for cell in group]
        for name, group in {
            axis.labels[label] if axis else "": [
                cell for cell in grid.cells if axis is None or cell.labels[axis.key] == label
            ]
            for label in (axis.labels if axis else [""])
        }.items()
    }
    if outside:
        groups["Outside"] = [plain(system) for system in outside]
    return GridTable(
        by=axis.name if axis else "",
        metrics=metrics,
        measures=[*paper.measures.values()] if paper else [],
        groups=groups,
        floors={name: [plain(system) for system in systems] for name, systems in floors.items()},
    )


def grouping(grid: Cells) -> GridAxis | None:
    """The axis that groups the rows: of a comparison of paradigms that of the curves, so that rivals stand beside each
    other (Table 2); else the first (Table 7); None where there is one axis alone."""
    if len(grid.axes) < 2:
        return None
    return (grid.axis(grid.x) if grid.axis(PARADIGM) and grid.x != PARADIGM else None) or next(
        axis for axis in grid.axes if axis.key != PARADIGM
    )


def is_best(grid: Cells, metric: Metric, cell: GridCell, group: Sequence[GridCell]) -> bool:
    """The tests show that it is better than every other cell of its group that has a score."""
    others = [item for item in group if item is not cell and grid.score(metric.key, item.system)]
    return bool(others) and all(grid.outcome(metric.key, cell.system, item.system) == "first" for item in others)


def _cell(grid: Cells, metric: Metric, system: str) -> Cell | None:
    score = grid.score(metric.key, system)
    if score is None:
        return None
    value, span = interval(score.value, score.low, score.high).split(" ", 1)
    return Cell(value, span)


def comparison_tables(grid: Cells, *, decided: str, outside: Sequence[System]) -> list[CellTable]:
    """Of each axis along which there were tests, and of the outside systems."""
    metrics = grid.metrics()
    tables = []
    for axis in grid.axes:
        contrasts = grid.contrasts(axis, metric=decided) if decided else []
        if contrasts:
            rows = [_contrast_row(grid, item, metrics) for item in contrasts]
            lead = f"The same on every other axis; first minus second in {axis.name}."
            tables.append(CellTable(axis.name.capitalize(), lead, [(metric, "") for metric in metrics], rows))
    rows = [
        CellRow(f"{grid.place(cell.labels)} {MINUS} {system.short}", "", cells)
        for system in outside
        for cell in grid.cells
        if any(cells := [_tested(grid, metric, cell.system, system.key) for metric in metrics])
    ]
    if rows:
        lead = "Cells of this study minus systems from outside, on the prompts that both answer."
        tables.append(CellTable("Outside systems", lead, [(metric, "") for metric in metrics], rows))
    return tables


def _contrast_row(grid: Cells, item: Contrast, metrics: Sequence[Metric]) -> CellRow:
    first, second = (item.axis.labels[cell.labels[item.axis.key]] for cell in (item.first, item.second))
    place = grid.place(item.first.labels, without=[item.axis.key])
    label = f"{first} {MINUS} {second}" + (f" ({place})" if place else "")
    return CellRow(label, "", [_tested(grid, metric, item.first.system, item.second.system) for metric in metrics])


def _tested(grid: Cells, metric: Metric, first: str, second: str) -> list[Cell]:
    item = grid.difference(metric.key, first, second)
    if item is None:
        return []
    value, span = interval(item.value, item.low, item.high).split(" ", 1)
    remark = f"p {p_value(item.p_holm)}"
    if item.effect is not None:
        remark += f", effect {number(item.effect, places=2)}"
    return [Cell(value, span, is_clear=grid.outcome(metric.key, first, second) != "open", remark=remark)]


def grid_text(table: GridTable, *, caption: str) -> Table:
    """The same as text."""
    header = [table.by.capitalize() or "Group", "System", *map(metric_heading, table.metrics)]
    header += [f"{name} (the paper)" for name in table.measures]
    rows = [
        [name, row.label, *(_text(cell, best) for cell, best in zip(row.cells, row.best, strict=True)), *row.paper]
        for name, group in {**table.groups, **table.floors}.items()
        for row in group
    ]
    return Table(caption, header, rows)


def _text(cell: Cell | None, best: bool) -> str:
    return f"{cell.value} {cell.interval}{' *' if best else ''}" if cell else "–"
