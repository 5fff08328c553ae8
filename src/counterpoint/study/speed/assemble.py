"""Measured points, limits and the paper's numbers to what the report of a study of speed says."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from counterpoint.bench.limits import Limits, known_devices
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import predict
from counterpoint.bench.sweep import LONG_S, Measured
from counterpoint.config import BACKBONES
from counterpoint.report.numbers import number
from counterpoint.study.paper import PaperSpeed, paper_speed
from counterpoint.study.report.content import Fact, Grid, Note, Panel, PaperMark, Place, Series, SpeedContent, System
from counterpoint.study.report.machine import machine_facts
from counterpoint.study.speed.crossings import Over, crossings, overtaking, paper_point

Value = Literal["throughput", "latency"]
ENGINES = {
    "fast": "This package's engine",
    "compiled": "This package's engine, compiled",
    "reference": "A plain engine like the paper's",
}
X_NAMES: dict[Over, str] = {"batch": "clips at once", "duration_s": "seconds of music a clip"}
Y_NAMES: dict[Value, str] = {"throughput": "Clips a second.", "latency": "Seconds until the whole batch is there."}
PAPER_STEPS = (10, 25, 50, 200)
PAPER_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PAPER_SECONDS = (5, 10, 20, 40, 80)


@dataclass(frozen=True)
class Shape:
    """How a figure of the paper is laid out.

    Attributes:
        over: what its x axes show.
        facets: what tells its charts apart.
        values: one chart each.
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


def assemble_speed(
    measured: Sequence[Measured], *, limits: Limits, name: str, study: Mapping[str, Any], study_yaml: str
) -> SpeedContent:
    """Everything the report says.

    Args:
        measured: every point of the study.
        limits: of the machine.
        study: the configuration, plain.
        study_yaml: the same, as a file that `study run` takes.
    """
    shape, paper = SHAPES[study["figure"]], paper_speed()
    ran = [found for found in measured if found.out_of_memory is None]
    return SpeedContent(
        name=name,
        made=time.strftime("%-d %B %Y"),
        title=shape.title,
        lines=overtaking(ran, over=shape.over, limits=limits, paper=paper),
        headline_facts=_headline(measured, limits),
        systems=_systems(measured),
        metrics=[],
        scores={},
        examples=[],
        facts=[*_facts(measured, limits), *machine_facts()],
        notes=_notes(measured, limits),
        command="counterpoint study run study.yaml",
        files={"study.yaml": study_yaml},
        measured=_measured_panels(ran, shape, limits=limits, paper=paper),
        elsewhere=_elsewhere(
            shape,
            layers=max(study["layers"]) if shape.over == "duration_s" else paper.layers,
            paper=paper,
            captioned=study["captioned"],
        ),
        small=len(shape.facets) > 1 and "engine" not in shape.facets,
        crossings=crossings(ran, over=shape.over, limits=limits, paper=paper),
        points=_points(measured, limits),
        source=f"{paper.source}: {paper.where}.",
    )


def _measured_panels(measured: Sequence[Measured], shape: Shape, *, limits: Limits, paper: PaperSpeed) -> list[Panel]:
    told_apart = _facets(shape, [found.point for found in measured])
    groups: dict[str, list[Measured]] = {}
    for found in measured:
        groups.setdefault(", ".join(_facet(found.point, name) for name in told_apart), []).append(found)
    panels = []
    for facet, own in groups.items():
        for value in shape.values:
            series = _limit_series(own, value, shape.over, limits)
            series += _measured_series(own, value, shape.over, limits)
            notes = _paper_marks(paper, of=[found.point for found in own], value=value) if shape.over == "batch" else []
            panels.append(Panel(f"{facet}.", Y_NAMES[value], X_NAMES[shape.over], series, notes))
    return panels


def _facets(shape: Shape, points: Sequence[Point]) -> list[str]:
    """Those of the figure, and whatever else a configuration lets vary."""
    sizes = {
        "layers": {point.backbone.layers for point in points},
        "batch": {point.batch for point in points},
        "duration_s": {point.duration_s for point in points},
    }
    varied = [name for name, found in sizes.items() if len(found) > 1 and name not in (shape.over, *shape.facets)]
    return [*shape.facets, *varied]


def _facet(point: Point, name: str) -> str:
    return {
        "engine": ENGINES[point.engine],
        "batch": f"{point.batch} clips at once",
        "layers": f"{point.backbone.layers} layers",
        "duration_s": f"{point.duration_s:g} s a clip",
    }[name]


def _key(point: Point) -> str:
    """Of a system: the engine decides whether its marks are filled, the number of steps how dark they are."""
    engine = {"fast": "", "compiled": "-compiled", "reference": "-plain"}[point.engine]
    if point.paradigm == "autoregressive":
        return f"autoregressive{engine}"
    shade = sum(point.steps > steps for steps in PAPER_STEPS) if point.solver == "euler" else len(PAPER_STEPS)
    return f"flow_matching-{shade}{engine}"


def _measured_series(measured: Sequence[Measured], value: Value, over: Over, limits: Limits) -> list[Series]:
    groups: dict[str, list[Measured]] = {}
    for found in measured:
        groups.setdefault(_key(found.point), []).append(found)
    return [
        Series(key, own[0].point.label, [_place(found, value, over, limits) for found in _sorted(own, over)])
        for key, own in groups.items()
    ]


def _sorted(measured: Sequence[Measured], over: Over) -> list[Measured]:
    return sorted(measured, key=lambda found: getattr(found.point, over))


def _place(found: Measured, value: Value, over: Over, limits: Limits) -> Place:
    point = found.point
    share = predict(point, limits=limits, evaluations=found.evaluations).latency_s / found.latency_s
    text = (
        f"{point.label}, {ENGINES[point.engine].lower()}, {point.batch} clips of {point.duration_s:g} s: "
        f"{number(found.latency_s)} s, {number(found.throughput)} clips a second, {share:.0%} of the limit"
        f"{'' if found.is_clean else '; disturbed by other programs'}"
    )
    x = getattr(point, over)
    if value == "latency":
        return Place(x, found.latency_s, found.low_s, found.high_s, text)
    return Place(x, found.throughput, point.batch / found.high_s, point.batch / found.low_s, text)


def _limit_series(measured: Sequence[Measured], value: Value, over: Over, limits: Limits) -> list[Series]:
    groups: dict[str, dict[float, Place]] = {}
    for found in _sorted(measured, over):
        point = found.point.model_copy(update={"engine": "fast"})
        limit = predict(point, limits=limits, evaluations=found.evaluations)
        y = limit.latency_s if value == "latency" else limit.throughput
        x = getattr(point, over)
        groups.setdefault(_key(point), {})[x] = Place(x, y, y, y)
    return [Series(key, "", list(places.values()), is_limit=True) for key, places in groups.items()]


def _paper_marks(paper: PaperSpeed, *, of: Sequence[Point], value: Value) -> list[PaperMark]:
    """The paper's, beside points of its size."""
    width = BACKBONES["musicgen-small"].width
    same = [
        point
        for point in of
        if (point.backbone.layers, point.backbone.width, point.duration_s) == (paper.layers, width, paper.duration_s)
    ]
    drawn = {point.label for point in same if max(other.batch for other in same) >= paper.marks[0].batch}
    return [
        PaperMark(
            mark.batch,
            mark.throughput if value == "throughput" else mark.batch / mark.throughput,
            f"paper, {mark.draws}",
            f"The paper, on an A100: {mark.text}",
        )
        for mark in paper.marks
        if mark.draws in drawn
    ]


def _elsewhere(shape: Shape, *, layers: int, paper: PaperSpeed, captioned: bool) -> list[Panel]:
    """The limits of known GPUs at the paper's width, over what the figure is over."""
    value = shape.values[0]
    sizes = PAPER_BATCHES if shape.over == "batch" else PAPER_SECONDS
    panels = []
    for limits in (known for known in known_devices().values() if known.kind == "cuda"):
        points = [
            paper_point(steps, layers=layers, captioned=captioned).model_copy(update={shape.over: size})
            for steps in (None, *PAPER_STEPS)
            for size in sizes
        ]
        groups: dict[tuple[str, str], list[Place]] = {}
        for point in points:
            limit = predict(point, limits=limits)
            y, x = (limit.latency_s if value == "latency" else limit.throughput), getattr(point, shape.over)
            groups.setdefault((_key(point), point.label), []).append(Place(x, y, y, y))
        series = [Series(key, label, places, is_limit=True) for (key, label), places in groups.items()]
        is_paper = shape.over == "batch" and "A100" in limits.name
        notes = _paper_marks(paper, of=points, value=value) if is_paper else []
        what = f"{Y_NAMES[value]} {layers} layers of width 1024, bfloat16"
        what += f", {paper.duration_s:g} s a clip." if shape.over == "batch" else f", {paper.crossover_batch} clips."
        panels.append(Panel(f"{limits.name}.", what, X_NAMES[shape.over], series, notes))
    return panels


def _points(measured: Sequence[Measured], limits: Limits) -> Grid:
    header = ["Draws", "Engine", "Layers", "Clips", "Seconds each", "Latency, s", "Quartiles", "Clips/s"]
    header += ["ms a pass", "Memory, MiB", "Of the limit", "Bound by", "Runs"]
    rows = []
    for found in measured:
        point = found.point
        row = [point.label, point.engine, f"{point.backbone.layers}", f"{point.batch}", f"{point.duration_s:g}"]
        if found.out_of_memory is not None:
            need = found.out_of_memory.planned / 2**20
            rows.append([*row, "out of memory", "", "", "", f"needs {need:,.0f}", "", "", ""])
            continue
        limit = predict(point, limits=limits, evaluations=found.evaluations)
        row += [number(found.latency_s), f"{number(found.low_s)} to {number(found.high_s)}", number(found.throughput)]
        row += [number(1000 * found.latency_s / found.evaluations)]
        row += ["–" if found.peak_bytes is None else f"{found.peak_bytes / 2**20:,.0f}"]
        row += [f"{limit.latency_s / found.latency_s:.0%}", limit.bound, _runs(found)]
        rows.append(row)
    return Grid(header, rows)


def _runs(found: Measured) -> str:
    if not found.is_clean:
        return f"{found.runs}, disturbed"
    return f"{found.runs}, {found.disturbed} set aside" if found.disturbed else f"{found.runs}"


def _headline(measured: Sequence[Measured], limits: Limits) -> list[Fact]:
    first = measured[0].point
    sizes = sorted({found.point.backbone.layers for found in measured})
    return [
        Fact("Device", limits.name),
        Fact("Layers and width", f"{', '.join(map(str, sizes))} × {first.backbone.width}"),
        Fact("Format", first.dtype),
        Fact("Points", f"{len(measured)}"),
    ]


def _facts(measured: Sequence[Measured], limits: Limits) -> list[Fact]:
    first = measured[0].point
    rates = ", ".join(f"{precision} {rate / 1e9:,.0f} GFLOP/s" for precision, rate in limits.flops.items())
    guided = "24 tokens of text, guidance 3" if first.captioned else "no caption: neither cross-attention nor guidance"
    drawn = "the likeliest token" if first.greedy else "one of the 250 likeliest tokens by its probability"
    return [
        Fact("Ceilings, measured", f"{rates}; {limits.bandwidth / 1e9:,.1f} GB/s"),
        Fact("Clips", f"the codes of EnCodec at 50 Hz (4 books of 2,048) or its latents (128 channels); {guided}"),
        Fact("Drawing", f"auto-regression takes {drawn}; flow matching is integrated by Euler's method"),
    ]


def _systems(measured: Sequence[Measured]) -> list[System]:
    systems: dict[str, System] = {}
    for found in measured:
        point = found.point
        what = {
            "fast": "Static caches, keys and values of the text once a caption, packed weights.",
            "compiled": "The same, an evaluation of flow matching compiled whole.",
            "reference": "Caches grown by concatenation, keys and values of the text at every pass, eager.",
        }[point.engine]
        key = _key(point)
        name = f"{point.label}, {ENGINES[point.engine].lower()}"
        systems.setdefault(key, System(key, name, point.label, what))
    return list(systems.values())


def _notes(measured: Sequence[Measured], limits: Limits) -> list[Note]:
    disturbed = sum(not found.is_clean for found in measured)
    noise = (
        f" At {disturbed} of {len(measured)} points every run was disturbed: those are medians of disturbed runs."
        if disturbed
        else ""
    )
    if limits.foreign:
        noise += f" Others used {limits.foreign:.0%} of the processors while the ceilings were measured."
    dopri5 = any(found.point.solver == "dopri5" for found in measured)
    return [
        Note(
            "What is timed",
            "From captions to codes or latents of a whole batch; the codec is left out, which is the same for both. "
            "Weights are random: speed does not depend on them"
            + (", except through the number of evaluations that dopri5 chooses." if dopri5 else "."),
        ),
        Note(
            "How",
            "Every point is warmed up, then run in turn with all others, so that what slows the machine for a while "
            "slows all of them; times are taken between synchronisations. A run during which other programs used more "
            f"than a tenth of the processors is set aside and repeated, at most as often again.{noise} "
            f"A point that takes more than {LONG_S:g} s is run once.",
        ),
        Note(
            "The limit",
            "Each step or evaluation takes at least its arithmetic at the rate of large matrix products, or at least "
            "the reading of weights, of the KV cache and of the text's keys and values at the rate of memory, "
            "whichever is longer; activations are taken to stay in the processor's caches, and launches to be free. "
            "The work counted is that of this package's engine, for both engines, so a share of the limit says how "
            "far an engine is from what the device could do. Where everything fits into the processor's caches, an "
            "engine may go beyond a limit that is bound by memory.",
        ),
        Note(
            "The plain engine",
            "A loop of our own over the same weights that keeps nothing it could keep, after what the paper says of "
            "its engine and what audiocraft does; it is not audiocraft, and the paper's numbers were taken on other "
            "hardware, at another size unless this study is at the paper's.",
        ),
    ]
