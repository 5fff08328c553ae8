"""The report of a speed study (Figures 5, 6, 7 and 10): measurements on this machine, and limits here and elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from counterpoint.bench.limits import Limits, known_devices
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import predict
from counterpoint.bench.sweep import LONG_S, Measured
from counterpoint.claims.paper import PaperSpeed, paper_speed
from counterpoint.config import BACKBONES
from counterpoint.report import Chart, Charts, Fact, Line, Mark, Report, Section, System, Text, Verdict
from counterpoint.report import Point as Place
from counterpoint.report.chart import LineKind
from counterpoint.report.numbers import number
from counterpoint.report.tables import Table, plain_table
from counterpoint.results.schema import Results
from counterpoint.study.kinds.speed import SpeedStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.crossings import Over, crossings, overtaking, paper_point
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.notes import prose
from counterpoint.study.pages.page import Page

Value = Literal["throughput", "latency"]
_GROWING = "Caches grown by concatenation, keys and values of the text computed at every pass, eager mode."
ENGINES = {
    "fast": (
        "This package's engine",
        "Static caches, keys and values of the text computed once per caption, packed weights.",
    ),
    "compiled": ("This package's engine, compiled", "The same, with compiled evaluations of flow matching."),
    "reference": ("A plain engine like the paper's", _GROWING),
}
"""Names and descriptions of engines."""
SHADES = (-0.5, -0.25, 0.0, 0.4, 0.75)
"""Shades of flow matching's colour by its number of steps."""
X_NAMES: dict[Over, str] = {"batch": "clips at once", "duration_s": "seconds of music per clip"}
Y_NAMES: dict[Value, str] = {"throughput": "Clips per second.", "latency": "Seconds until the whole batch is finished."}
PAPER_STEPS = (10, 25, 50, 200)
PAPER_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PAPER_SECONDS = (5, 10, 20, 40, 80)


@dataclass(frozen=True)
class Shape:
    """The layout of a figure of the paper.

    Attributes:
        over: the quantity of its x axes.
        facets: the quantities that distinguish its charts.
        values: the quantities of its y axes, one chart each.
    """

    title: str
    over: Over
    facets: tuple[Literal["layers", "batch", "engine"], ...]
    values: tuple[Value, ...] = ("latency",)


SHAPES = {
    "fig5": Shape("How does speed grow with the batch?", "batch", ("engine",), ("throughput", "latency")),
    "fig6": Shape("How long do longer clips take, with two layers?", "duration_s", ("engine", "batch")),
    "fig7": Shape("How long do longer clips take, with 24 layers?", "duration_s", ("engine", "batch")),
    "fig10": Shape("What does depth cost?", "duration_s", ("layers", "batch")),
}


class SpeedPage(Page[SpeedStudy]):
    """The data of a speed study's page.

    Attributes:
        measured: every point of the study.
        ran: points that fit into memory.
        limits: limits of the machine.
        is_small: whether there are many charts.
    """

    def __init__(self, study: SpeedStudy, results: Results):
        [speed] = results.speed.values()
        self.measured, self.limits = list(speed.points), speed.limits
        self.ran = [found for found in self.measured if found.out_of_memory is None]
        self.shape, self.paper = SHAPES[study.figure], paper_speed()
        self.is_small = len(self.shape.facets) > 1 and "engine" not in self.shape.facets
        drawn: dict[str, Point] = {}
        for found in self.measured:
            drawn.setdefault(_named(found.point), found.point)
        systems = [
            System(key=name, name=name, what=ENGINES[at.engine][1], mark=_mark(at)) for name, at in drawn.items()
        ]
        super().__init__(study, results, systems=systems)


def speed_report(study: SpeedStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = SpeedPage(study, results)
    first, *points = overtaking(page.ran, over=page.shape.over, limits=page.limits, paper=page.paper)
    return page.report(
        title=page.shape.title,
        verdict=Verdict(first, points),
        facts=_headline(page),
        sections=[
            page.section("measured", Charts(name="measured", charts=_measured_charts(page), is_small=page.is_small)),
            _crossings(page),
            page.section("elsewhere", Charts(name="elsewhere", charts=_elsewhere(page), is_small=page.is_small)),
            page.section("points", _points(page)),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _crossings(page: SpeedPage) -> Section | None:
    header, *rows = crossings(page.ran, over=page.shape.over, limits=page.limits, paper=page.paper)
    table = plain_table("crossings", header, rows, label="Table of crossings", is_narrow=True)
    return page.section("crossings", table, Text(items=[f"The paper: {page.paper.cited}"], is_small=True))


def _measured_charts(page: SpeedPage) -> list[Chart]:
    measured, shape, limits = page.ran, page.shape, page.limits
    facets = _facets(shape, [found.point for found in measured])
    groups: dict[str, list[Measured]] = {}
    for found in measured:
        groups.setdefault(", ".join(_facet(found.point, name) for name in facets), []).append(found)
    charts = []
    for facet, own in groups.items():
        for value in shape.values:
            of_fast = [(found.point.model_copy(update={"engine": "fast"}), found.evaluations) for found in own]
            least = [(at, _limit(at, value, shape.over, limits, evaluations=count)) for at, count in of_fast]
            series = [replace(each, name="", is_named=False) for each in _lines(least, "limit")]
            series += _lines((found.point, _place(found, value, shape.over, limits)) for found in own)
            if shape.over == "batch":
                series += _paper_marks(page.paper, of=[found.point for found in own], value=value)
            charts.append(_chart(facet, Y_NAMES[value], X_NAMES[shape.over], series))
    return charts


def _facets(shape: Shape, points: Sequence[Point]) -> list[str]:
    """Facets of the figure, and other varying fields of the configuration."""
    sizes = {
        "layers": {point.backbone.layers for point in points},
        "batch": {point.batch for point in points},
        "duration_s": {point.duration_s for point in points},
    }
    varied = [name for name, found in sizes.items() if len(found) > 1 and name not in (shape.over, *shape.facets)]
    return [*shape.facets, *varied]


def _facet(point: Point, name: str) -> str:
    return {
        "engine": ENGINES[point.engine][0],
        "batch": f"{point.batch} clips at once",
        "layers": f"{point.backbone.layers} layers",
        "duration_s": f"{point.duration_s:g} s per clip",
    }[name]


def _mark(point: Point) -> Mark:
    """The mark of a system: the engine determines its filling, the number of steps its shade."""
    mark = of_paradigm(point.paradigm)
    if point.sampling.brief:
        shade = sum(point.steps > steps for steps in PAPER_STEPS) if point.solver == "euler" else len(PAPER_STEPS)
        mark = replace(mark, shade=SHADES[shade])
    return replace(mark, fill="hollow", dash="dashed") if point.engine == "reference" else mark


def _named(point: Point) -> str:
    return f"{point.label}, {ENGINES[point.engine][0].lower()}"


def _lines(places: Iterable[tuple[Point, Place]], kind: LineKind = "marks") -> list[Line]:
    """Places joined by what draws them; limits are not named, as they lie beside what was measured."""
    groups: dict[str, tuple[Point, dict[float, Place]]] = {}
    for point, place in places:
        groups.setdefault(_named(point), (point, {}))[1][place.x] = place
    return [
        Line(name=point.label, mark=_mark(point), points=[own[x] for x in sorted(own)], kind=kind)
        for point, own in groups.values()
    ]


def _place(found: Measured, value: Value, over: Over, limits: Limits) -> Place:
    point = found.point
    share = predict(point, limits=limits, evaluations=found.evaluations).latency_s / found.latency_s
    text = (
        f"{_named(point)}, {point.batch} clips of {point.duration_s:g} s: "
        f"{number(found.latency_s)} s, {number(found.throughput)} clips per second, {share:.0%} of the limit"
        f"{'' if found.is_clean else '; disturbed by other programs'}"
    )
    x = getattr(point, over)
    if value == "latency":
        return Place(x=x, y=found.latency_s, low=found.low_s, high=found.high_s, text=text)
    low, high = point.batch / found.high_s, point.batch / found.low_s
    return Place(x=x, y=found.throughput, low=low, high=high, text=text)


def _limit(point: Point, value: Value, over: Over, limits: Limits, *, evaluations: int | None = None) -> Place:
    limit = predict(point, limits=limits, evaluations=evaluations)
    return Place(x=getattr(point, over), y=limit.latency_s if value == "latency" else limit.throughput)


def _paper_marks(paper: PaperSpeed, *, of: Sequence[Point], value: Value) -> list[Line]:
    """Marks of the paper beside points of its size."""
    width = BACKBONES["musicgen-small"].width
    same = [
        point
        for point in of
        if (point.backbone.layers, point.backbone.width, point.duration_s) == (paper.layers, width, paper.duration_s)
    ]
    drawn = {point.label for point in same if max(other.batch for other in same) >= paper.marks[0].batch}
    return [
        Line(
            name=f"paper, {mark.draws}",
            mark=Mark(shape="cross", colour="ink"),
            points=[
                Place(
                    x=mark.batch,
                    y=mark.throughput if value == "throughput" else mark.batch / mark.throughput,
                    text=f"The paper, on an A100: {mark.text}",
                    name=f"paper, {mark.draws}",
                )
            ],
            kind="plain",
            is_named=False,
        )
        for mark in paper.marks
        if mark.draws in drawn
    ]


def _elsewhere(page: SpeedPage) -> list[Chart]:
    """The limits of known GPUs at the paper's width, over the x axis of the figure."""
    shape, paper, value = page.shape, page.paper, page.shape.values[0]
    layers = max(page.study.layers) if shape.over == "duration_s" else paper.layers
    sizes = PAPER_BATCHES if shape.over == "batch" else PAPER_SECONDS
    charts = []
    for limits in (known for known in known_devices().values() if known.kind == "cuda"):
        points = [
            paper_point(steps, layers=layers, captioned=page.study.captioned).model_copy(update={shape.over: size})
            for steps in (None, *PAPER_STEPS)
            for size in sizes
        ]
        lines = _lines(((point, _limit(point, value, shape.over, limits)) for point in points), "limit")
        is_paper = shape.over == "batch" and "A100" in limits.name
        lines += _paper_marks(paper, of=points, value=value) if is_paper else []
        what = f"{Y_NAMES[value]} {layers} layers of width 1024, bfloat16"
        what += f", {paper.duration_s:g} s per clip." if shape.over == "batch" else f", {paper.crossover_batch} clips."
        charts.append(_chart(limits.name, what, X_NAMES[shape.over], lines))
    return charts


def _chart(title: str, what: str, x_name: str, lines: Sequence[Line]) -> Chart:
    ticks = sorted({point.x for each in lines for point in each.points})
    named = [(x, f"{x:g}") for x in ticks]
    return Chart(title=title, what=what, x_name=x_name, lines=lines, ticks=named, log=(True, True))


def _points(page: SpeedPage) -> Table:
    header = ["Draws", "Engine", "Layers", "Clips", "Seconds each", "Latency, s", "Quartiles", "Clips/s"]
    header += ["ms per pass", "Memory, MiB", "Share of limit", "Bound by", "Runs"]
    rows = []
    for found in page.measured:
        point = found.point
        row = [point.label, point.engine, f"{point.backbone.layers}", f"{point.batch}", f"{point.duration_s:g}"]
        if found.out_of_memory is not None:
            need = found.out_of_memory.planned / 2**20
            rows.append([*row, "out of memory", "", "", "", f"needs {need:,.0f}", "", "", ""])
            continue
        limit = predict(point, limits=page.limits, evaluations=found.evaluations)
        row += [number(found.latency_s), f"{number(found.low_s)} to {number(found.high_s)}", number(found.throughput)]
        row += [number(1000 * found.latency_s / found.evaluations)]
        row += ["" if found.peak_bytes is None else f"{found.peak_bytes / 2**20:,.0f}"]
        row += [f"{limit.latency_s / found.latency_s:.0%}", limit.bound, _runs(found)]
        rows.append(row)
    return plain_table("points", header, rows, label="Table of points")


def _runs(found: Measured) -> str:
    if not found.is_clean:
        return f"{found.runs}, disturbed"
    return f"{found.runs}, {found.disturbed} set aside" if found.disturbed else f"{found.runs}"


def _headline(page: SpeedPage) -> list[Fact]:
    measured, limits = page.measured, page.limits
    first = measured[0].point
    sizes = sorted({found.point.backbone.layers for found in measured})
    return [
        Fact("Device", limits.name),
        Fact("Layers and width", f"{', '.join(map(str, sizes))} × {first.backbone.width}"),
        Fact("Format", first.dtype),
        Fact("Points", f"{len(measured)}"),
    ]


def _facts(page: SpeedPage) -> list[Fact]:
    limits, first = page.limits, page.measured[0].point
    rates = ", ".join(f"{precision} {rate / 1e9:,.0f} GFLOP/s" for precision, rate in limits.flops.items())
    guided = (
        "24 tokens of text, guidance 3" if first.captioned else "no caption, so neither cross-attention nor guidance"
    )
    drawn = "the likeliest token" if first.greedy else "one of the 250 likeliest tokens by its probability"
    return [
        said.fact("ceilings", rates=rates, bandwidth=limits.bandwidth / 1e9),
        said.fact("speed_clips", guided=guided),
        said.fact("drawing", drawn=drawn),
    ]


def _notes(page: SpeedPage) -> list[Text]:
    disturbed, foreign = sum(not found.is_clean for found in page.measured), page.limits.foreign
    noise = (
        f" At {disturbed} of {len(page.measured)} points every run was disturbed; their values are medians of "
        "disturbed runs."
        if disturbed
        else ""
    )
    noise += f" Other programs used {foreign:.0%} of the processors while the limits were measured." if foreign else ""
    chooses = any(found.point.solver == "dopri5" for found in page.measured)
    dopri5 = ", except through the number of evaluations that dopri5 chooses" if chooses else ""
    return prose("speed", dopri5=dopri5, noise=noise, long=LONG_S)
