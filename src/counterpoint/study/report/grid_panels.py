"""The metrics of a grid along its axis of curves, with what real music and its reconstructions score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from counterpoint.report.numbers import interval
from counterpoint.study.report.cells import Cells
from counterpoint.study.report.content import GridCell, GridPanel, Place, Series
from counterpoint.study.report.grid_judged import TRUTH, Judged
from counterpoint.study.report.outside import STYLE


def grid_panels(grid: Cells, judged: Judged) -> list[GridPanel]:
    """One a metric that judges."""
    axis = grid.axis(grid.x)
    assert axis is not None
    numbers = axis.numbers or {label: float(index) for index, label in enumerate(axis.labels)}
    log = bool(axis.numbers) and min(numbers.values()) > 0 and max(numbers.values()) >= 2 * min(numbers.values())
    ticks = [(numbers[label], text) for label, text in axis.labels.items()]

    def points(metric: str, cells: Sequence[GridCell], key: Callable[[GridCell], str]) -> list[Place]:
        """One a place of the axis."""
        places: dict[float, Place] = {}
        for cell in cells:
            x, score = numbers[cell.labels[axis.key]], grid.score(metric, key(cell))
            if score:
                name = grid.place(cell.labels) if key(cell) == cell.system else judged.name(key(cell))
                text = f"{name} {interval(score.value, score.low, score.high)}"
                places.setdefault(x, Place(x, score.value, score.low, score.high, text))
        return [places[x] for x in sorted(places)]

    lines = {grid.place(cells[0].labels, without=[axis.key]): cells for cells in grid.lines().values()}
    panels = []
    for metric in grid.metrics():
        own, levels = [], []
        for name, cells in lines.items():
            style = grid.style(cells[0])
            own.append(Series(style, name, points(metric.key, cells, lambda cell: cell.system)))
            codec = points(metric.key, cells, lambda cell: _ceiling(cell, judged))
            levels.append(Series(style, "", codec, is_limit=True))
        for base, name, style in (
            (TRUTH, "Ground truth", TRUTH),
            *((system.key, system.name, STYLE) for system in judged.outsiders),
        ):
            for duration, cells in _spans(grid):
                across = points(metric.key, cells, lambda cell, base=base: f"{base}{judged.suffix(cell)}")
                levels.append(Series(style, ", ".join(filter(None, (name, duration))), across, is_limit=True))
        series, levels = ([line for line in kind if line.points] for kind in (own, levels))
        panels.append(GridPanel(metric.key, axis.name, ticks, log, series, levels))
    return panels


def _ceiling(cell: GridCell, judged: Judged) -> str:
    """The key of the music through the cell's codec, as its model hears it."""
    view = "codes" if cell.paradigm == "autoregressive" else "latents"
    return f"reconstruction_{cell.codec}_{view}{judged.suffix(cell)}"


def _spans(grid: Cells) -> list[tuple[str, list[GridCell]]]:
    """Cells past which runs what none of the models made, by the length of their clips: "" where clips have one length,
    or one at each place of the axis; else one a length."""
    lines = list(grid.lines().values())
    if any(len({cell.duration_s for cell in line}) > 1 for line in lines):
        return [("", max(lines, key=len))]
    lengths = dict.fromkeys(cell.duration_s for cell in grid.cells)
    if len(lengths) == 1:
        return [("", list(grid.cells))]
    return [(f"{length:g} s", [cell for cell in grid.cells if cell.duration_s == length]) for length in lengths]
