"""Where one paradigm becomes faster than the other: measured, at the limits of this machine and others, in the
paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from counterpoint.bench.limits import Limits, known_devices
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import crossover_batch, crossover_duration, predict
from counterpoint.bench.sweep import Measured
from counterpoint.claims.paper import PaperSpeed, paper_speed
from counterpoint.config import BACKBONES

Over = Literal["batch", "duration_s"]
MAIN = "FM-50"
"""The size of the model and clips in the paper's statements."""


def crossings(measured: Sequence[Measured], *, over: Over, limits: Limits, paper: PaperSpeed) -> list[list[str]]:
    """The header, and a row for each setting of flow matching at each size: the batch from which, or the duration up to
    which, auto-regression is faster."""
    gpus = [known for known in known_devices().values() if known.kind == "cuda"]
    size = f"24 × 1024, {paper.duration_s:g} s" if over == "batch" else f"width 1024, {paper.crossover_batch} clips"
    header = ["Auto-regression is faster", "Measured, this engine", "Measured, plain engine", "Limit, this machine"]
    header += [f"Limit, {gpu.name.removeprefix('NVIDIA ')}, {size}" for gpu in gpus]
    header += ["The paper, A100"]
    rows = []
    for own in _groups(measured, over=over):
        flow = own[-1].point
        row = [_name(flow, over=over)]
        row += [_measured(own, engine=engine, over=over) for engine in ("fast", "reference")]
        row += [_limit(flow, over=over, limits=limits)]
        row += [_limit(_as_the_paper(flow, over=over), over=over, limits=gpu) for gpu in gpus]
        rows.append([*row, _paper(flow, over=over, paper=paper)])
    return [header, *rows]


def overtaking(measured: Sequence[Measured], *, over: Over, limits: Limits, paper: PaperSpeed) -> list[str]:
    """Sentences on the main setting at the largest size, and on how close the engines come to the limit."""
    groups = _groups(measured, over=over)
    own = next((group for group in reversed(groups) if group[-1].point.label == MAIN), groups[-1] if groups else [])
    if not own:
        return ["Nothing was measured, because no point fits into memory."]
    flow = own[-1].point
    fast, plain = (_measured(own, engine=engine, over=over) for engine in ("fast", "reference"))
    a100, h100 = (
        _limit(_as_the_paper(flow, over=over), over=over, limits=known_devices()[name]) for name in ("a100", "h100")
    )
    size = f"{flow.duration_s:g} s a clip" if over == "batch" else f"{flow.batch} clips at once"
    sentences = [
        f"On this machine, with {flow.backbone.layers} layers of width {flow.backbone.width} and {size}, "
        f"auto-regression is faster than {flow.label} {fast} with this package's engine, {plain} with the plain one; "
        f"at the machine's limits {_limit(flow, over=over, limits=limits)}.",
        f"By calculation, at the paper's {'size' if over == 'batch' else 'width'}, auto-regression is faster on an "
        f"A100 {a100}, on an H100 {h100}"
        + (f"; the paper's engine, on an A100, {stated}." if (stated := _paper(flow, over=over, paper=paper)) else "."),
    ]
    return [*sentences, *_shares(own, over=over, limits=limits)]


def paper_point(flow_steps: int | None, *, layers: int, captioned: bool = True) -> Point:
    """Clips of the paper's size on a GPU, in batches at which it finds that auto-regression begins to pay off.

    Args:
        flow_steps: Euler steps of flow matching; None for auto-regression.
    """
    paper = paper_speed()
    return Point(
        paradigm="flow_matching" if flow_steps else "autoregressive",
        steps=flow_steps or 50,
        backbone=BACKBONES["musicgen-small"].model_copy(update={"layers": layers}),
        batch=paper.crossover_batch,
        duration_s=paper.duration_s,
        device="cuda",
        dtype="bf16",
        captioned=captioned,
    )


def _as_the_paper(flow: Point, *, over: Over) -> Point:
    """The paper's size for a setting; over the duration the depth, which distinguishes figures, is kept."""
    layers = paper_speed().layers if over == "batch" else flow.backbone.layers
    shaped = paper_point(flow.steps, layers=layers, captioned=flow.captioned)
    return shaped.model_copy(update={"solver": flow.solver})


def _groups(measured: Sequence[Measured], *, over: Over) -> list[list[Measured]]:
    """Auto-regression's points, then those of one setting of flow matching, of equal size except for the x axis."""

    def size(point: Point) -> tuple[object, ...]:
        fixed = point.duration_s if over == "batch" else point.batch
        return point.backbone.layers, fixed

    flows = dict.fromkeys(
        (size(found.point), found.point.label) for found in measured if found.point.paradigm == "flow_matching"
    )
    return [
        [
            *(found for found in measured if (size(found.point), found.point.label) == (fixed, "AR")),
            *(found for found in measured if (size(found.point), found.point.label) == (fixed, label)),
        ]
        for fixed, label in flows
    ]


def _name(flow: Point, *, over: Over) -> str:
    if over == "batch":
        return f"than {flow.label}"
    return f"than {flow.label}, {flow.backbone.layers} layers, {flow.batch} clips"


def _measured(own: Sequence[Measured], *, engine: str, over: Over) -> str:
    """The measured crossing among the sizes measured for both."""
    times: dict[str, dict[float, float]] = {"autoregressive": {}, "flow_matching": {}}
    for found in own:
        if found.point.engine == engine:
            times[found.point.paradigm][getattr(found.point, over)] = found.latency_s
    sizes = sorted(times["autoregressive"].keys() & times["flow_matching"].keys())
    if not sizes:
        return "–"
    wins = [times["autoregressive"][size] <= times["flow_matching"][size] for size in sizes]
    if over == "batch":
        return _from(sizes, wins)
    return _until(sizes, wins)


def _from(sizes: Sequence[float], wins: Sequence[bool]) -> str:
    if all(wins):
        return f"at every batch from {sizes[0]:g} on"
    first = len(wins) - next((place for place, won in enumerate(reversed(wins)) if not won), len(wins))
    return f"at no batch up to {sizes[-1]:g}" if first == len(sizes) else f"from a batch of {sizes[first]:g} on"


def _until(sizes: Sequence[float], wins: Sequence[bool]) -> str:
    if all(wins):
        return f"at every duration up to {sizes[-1]:g} s"
    first = wins.index(False)
    return f"at no duration from {sizes[0]:g} s on" if first == 0 else f"up to {sizes[first - 1]:g} s"


def _limit(flow: Point, *, over: Over, limits: Limits) -> str:
    if flow.solver != "euler":
        return "–"
    if over == "batch":
        batch = crossover_batch(flow, rival="autoregressive", limits=limits)
        return "at no batch" if batch is None else f"from a batch of {batch} on"
    seconds = crossover_duration(flow, rival="autoregressive", limits=limits)
    if seconds is None:
        return "at every duration up to an hour"
    return "at no duration" if seconds == 1 else f"up to {seconds - 1} s"


def _paper(flow: Point, *, over: Over, paper: PaperSpeed) -> str:
    if flow.label != MAIN or not flow.captioned:
        return ""
    if over == "batch":
        return f"only beyond a batch of {paper.crossover_batch}"
    return f"up to {paper.longest_s:g} s" if flow.backbone.layers == paper.layers else ""


def _shares(own: Sequence[Measured], *, over: Over, limits: Limits) -> list[str]:
    """How close each engine comes to the limit at the largest size."""
    largest = max(getattr(found.point, over) for found in own)
    said = []
    for found in own:
        if getattr(found.point, over) == largest:
            limit = predict(found.point, limits=limits, evaluations=found.evaluations)
            engine = "the plain engine" if found.point.engine == "reference" else f"the {found.point.engine} engine"
            said.append(f"{found.point.label} by {engine} {limit.latency_s / found.latency_s:.0%}")
    size = f"a batch of {largest:g}" if over == "batch" else f"{largest:g} s"
    return [f"Share of the machine's limit reached at {size}: {', '.join(said)}."]
