"""The scores of a grid in the layout of the paper's tables, its tested differences, its curves and its costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from counterpoint.claims.paper import PaperScores
from counterpoint.metrics.base import MetricInfo
from counterpoint.report import Chart, Column, Line, Place, Point, Row, System, Table, place_of, plain, plain_table
from counterpoint.report.numbers import count, duration, memory, number, shared_places
from counterpoint.study.kinds.cells import Cell
from counterpoint.study.pages.grid_cells import PARADIGM, Grid, Varied
from counterpoint.study.pages.looks import VIEWS

_MEASURES = {"si_snr_db": "SI-SNR, dB ↑", "log_spectral_distance_db": "Log-spectral distance, dB ↓"}


def judging(grid: Grid) -> list[MetricInfo]:
    """Metrics with a better direction that any of the cells has."""
    systems = [cell.system for cell in grid.cells]
    return [info for info in grid.judged.judges if any(grid.judged.score(info.name, key) for key in systems)]


def grid_table(
    grid: Grid, systems: Mapping[str, System], *, paper: PaperScores | None, floors: Mapping[str, Sequence[System]]
) -> Table:
    """Groups of rows under our metrics and the paper's measures.

    Args:
        floors: systems that are not cells, by the name of their group.
    """
    metrics, axis = judging(grid), grouping(grid)
    theirs = {row.system: row.scores for row in paper.rows} if paper else {}
    measures = paper.measures if paper else {}
    places = {info.name: shared_places(grid.judged.scores[info.name].values()) for info in metrics}

    def scores(key: str, best: Callable[[MetricInfo], bool]) -> list[Place]:
        found = [(info, grid.judged.score(info.name, key)) for info in metrics]
        return [place_of(score, places=places[info.name], state="best" if best(info) else "") for info, score in found]

    rows = []
    for label in axis.labels if axis else [""]:
        group = [cell for cell in grid.cells if axis is None or cell.labels[axis.key] == label]
        for cell in group:
            own = theirs.get(grid.study.paper_systems.get(cell.system, cell.system), {})
            rows.append(
                Row(
                    label=grid.place(cell.labels, without=[axis.key]) if axis else grid.name(cell),
                    group=axis.labels[label] if axis else "",
                    mark=systems[cell.system].mark,
                    places=[
                        *scores(cell.system, lambda info, cell=cell, group=group: is_best(grid, info, cell, group)),
                        *plain(*(f"{own[key]:.2f}" if key in own else "" for key in measures)),
                    ],
                )
            )
    for name, others in floors.items():
        for system in others:
            empty: list[Place] = [[]] * len(measures)
            values = scores(system.key, lambda info: False)
            rows.append(Row(label=system.name, group=name, mark=system.mark, tone="floor", places=[*values, *empty]))
    over = "Here" if measures else ""
    return Table(
        name="grid",
        label="Table of scores",
        by=axis.name.capitalize() if axis else "Group",
        corner="System",
        columns=[
            *(Column.of(info, over=over) for info in metrics),
            *(Column(title=title, over="The paper", is_theirs=True) for title in measures.values()),
        ],
        rows=rows,
        caption="Values with 95% intervals; an asterisk marks the clearly best value of its group.",
    )


def grouping(grid: Grid) -> Varied | None:
    """The axis that groups the rows: in a comparison of paradigms that of the curves, so that rivals are side by side
    (Table 2); else the first (Table 7); None if there is only one axis."""
    if len(grid.axes) < 2:
        return None
    along = grid.axis(grid.x) if grid.axis(PARADIGM) else None
    return along or next(axis for axis in grid.axes if axis.key != PARADIGM)


def is_best(grid: Grid, info: MetricInfo, cell: Cell, group: Sequence[Cell]) -> bool:
    """Whether the tests show that it is better than every other cell of its group with a score."""
    others = [item for item in group if item is not cell and grid.judged.score(info.name, item.system)]
    return bool(others) and all(grid.outcome(info.name, cell, item) == "first" for item in others)


def grid_charts(grid: Grid, systems: Mapping[str, System], outside: Sequence[str]) -> list[Chart]:
    """One chart per metric, along the axis of curves.

    Args:
        outside: names of outside systems in the study.
    """
    axis = grid.axis(grid.x)
    if axis is None:
        return []
    numbers = axis.numbers or {label: float(index) for index, label in enumerate(axis.labels)}
    log = bool(axis.numbers) and min(numbers.values()) > 0 and max(numbers.values()) >= 2 * min(numbers.values())
    charts = []
    for info in judging(grid):
        along = Along(grid, axis, numbers, info.name)
        lines = [*_own_lines(along), *_levels(along, systems, outside)]
        charts.append(
            Chart.of(
                info,
                what=f"{info.description[:1].upper()}{info.description[1:]}.",
                x_name=axis.name,
                ticks=[(numbers[label], text) for label, text in axis.labels.items()],
                log=(log, None),
                lines=[line for line in lines if line.points],
                is_dodged=True,
            )
        )
    return charts


@dataclass(frozen=True)
class Along:
    """One metric along the axis of curves.

    Attributes:
        numbers: places of the axis by label.
    """

    grid: Grid
    axis: Varied
    numbers: Mapping[str, float]
    metric: str

    def points(self, keys: Mapping[str, Sequence[Cell]], *, name: str = "") -> list[Point]:
        """One point per place, for systems with their cells.

        Args:
            name: name of the systems, if they are not the cells themselves.
        """
        places: dict[float, Point] = {}
        for key, cells in keys.items():
            score = self.grid.judged.score(self.metric, key)
            for cell in cells if score else ():
                assert score is not None
                x, place = self.numbers[cell.labels[self.axis.key]], name or self.grid.place(cell.labels)
                places.setdefault(x, Point.of(x, score, name=place))
        return [places[x] for x in sorted(places)]


def _own_lines(along: Along) -> Iterator[Line]:
    """The cells, and as dotted lines the reconstructions by their codecs: the best possible values."""
    for cells in along.grid.lines().values():
        name, mark = along.grid.place(cells[0].labels, without=[along.axis.key]), along.grid.mark(cells[0])
        yield Line(name=name, mark=mark, points=along.points({cell.system: [cell] for cell in cells}))
        codecs: dict[str, list[Cell]] = {}
        for cell in cells:
            key = f"reconstruction_{cell.codec}_{cell.paradigm.view}"
            codecs.setdefault(along.grid.known(key, cell.duration), []).append(cell)
        yield Line(name="", mark=mark, points=along.points(codecs, name="the codec"), kind="limit", is_named=False)


def _levels(along: Along, systems: Mapping[str, System], outside: Sequence[str]) -> Iterator[Line]:
    """The scores of real music and outside systems, across the chart."""
    for base in ("ground_truth", *outside):
        for length, cells in _spans(along.grid):
            keys: dict[str, list[Cell]] = {}
            for cell in cells:
                keys.setdefault(along.grid.known(base, cell.duration), []).append(cell)
            shown = [systems[key] for key in keys if key in systems]
            if shown:
                name = ", ".join(filter(None, (base.replace("_", " ").capitalize(), length)))
                yield Line(name=name, mark=shown[0].mark, points=along.points(keys, name=name), kind="level")


def _spans(grid: Grid) -> list[tuple[str, list[Cell]]]:
    """Cells beside which systems without a model are shown, by the length of their clips: "" if clips have one length,
    or one length at each place of the axis; else one entry per length."""
    lines = list(grid.lines().values())
    if any(len({cell.duration for cell in line}) > 1 for line in lines):
        return [("", max(lines, key=len))]
    if len(grid.durations) == 1:
        return [("", list(grid.cells))]
    return [
        (f"{seconds:g} s", [cell for cell in grid.cells if cell.duration == label])
        for label, seconds in grid.durations.items()
    ]


def training_table(grid: Grid) -> Table:
    """The cost of training: one row per run."""
    header = ["Model", "Parameters", "Updates", "Music seen", "Time in updates", "Updates per second", "Peak memory"]
    rows = []
    for cells in grid.models.values():
        runs = grid.runs(cells[0].model)
        for turn, step in enumerate(runs, start=1):
            result = grid.results.models[step].result
            rows.append(
                [
                    grid.model_name(cells) + (f", run {turn}" if len(runs) > 1 else ""),
                    count(result.parameters),
                    f"{result.steps:,}",
                    f"{duration(result.audio_s)}, {result.examples:,} examples",
                    duration(result.wall_s),
                    number(result.steps / max(result.wall_s, 1e-9)),
                    memory(grid.results.peak_memory(step)),
                ]
            )
    return plain_table("training", header, rows, label="Cost of training", is_narrow=True)


def generation_table(grid: Grid) -> Table:
    """The cost of generation: one row per cell, of the first training seed."""
    header = ["System", "Clips per second", "Time per clip", "Times real time", "One clip alone"]
    header += ["Network evaluations per clip", "With rows of guidance", "Peak memory"]
    rows = []
    for cell in grid.cells:
        step = f"generate_{cell.system}"
        found = grid.results.generations[step]
        report, latency = found.report, max(found.report.latency_s, 1e-9)
        rows.append(
            [
                grid.name(cell),
                number(report.clips / latency),
                duration(latency / report.clips),
                f"{number(report.audio_s / latency)} ×",
                duration(found.alone.latency_s) if found.alone else "",
                f"{report.network_evaluations:,}",
                f"{report.model_evaluations:,}",
                memory(grid.results.peak_memory(step)),
            ]
        )
    return plain_table("generation", header, rows, label="Cost of generation", is_narrow=True)


def codec_table(grid: Grid) -> Table:
    """Reconstruction by the codecs: one row per codec and length of clips; each measure without quantisation, then with
    it. A codec that synthesises phases has no SI-SNR."""
    found = grid.results.reconstructions
    known = {key for each in found.values() for values in each.views.values() for key in values}
    measures = {key: name for key, name in _MEASURES.items() if key in known}
    header = ["Codec", *(f"{name}, {how}" for name in measures.values() for how in VIEWS.values())]
    rows = []
    for cell in {(cell.codec, cell.duration): cell for cell in grid.cells}.values():
        views = found[f"reconstruct_{cell.codec}_{cell.duration}"].views
        length = f", clips of {grid.durations[cell.duration]:g} s" if len(grid.durations) > 1 else ""
        values = [number(views[view][key]) if key in views.get(view, {}) else "" for key in measures for view in VIEWS]
        rows.append([f"{Path(cell.study.codec).name}{length}", *values])
    return plain_table("codecs", header, rows, label="Reconstruction by the codecs", is_narrow=True)
