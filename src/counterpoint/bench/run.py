"""Points from sizes, and their measured or predicted speed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter

from counterpoint.bench.limits import Limits, device_limits, known_devices, load_limits
from counterpoint.bench.machine import Device
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import predict
from counterpoint.bench.sweep import Measured, Progress, sweep
from counterpoint.bench.table import crossovers, limits_table, measured_table, predicted_table
from counterpoint.config import UserError, parse
from counterpoint.config.locks import sole_writer
from counterpoint.config.paths import check_kept_folder
from counterpoint.kernels import Precision
from counterpoint.paradigm import PARADIGMS

if TYPE_CHECKING:
    from rich.console import Console

POINTS_FILE, LIMITS_FILE = "points.jsonl", "limits.json"


Mode = Literal["measure", "predict", "limits"]


@dataclass(frozen=True)
class BenchResult:
    """Measured or predicted speeds.

    Attributes:
        limits: limits of the device.
        points: the points; none if only the limits were requested.
        measured: measurements of the points; None if they were predicted.
        floor_s: least time of a predicted pass.
    """

    limits: Limits
    points: Sequence[Point] = ()
    measured: Sequence[Measured] | None = ()
    floor_s: float = 0.0

    def print(self, console: Console) -> None:
        """Print tables."""
        if not self.points:
            console.print(limits_table(self.limits))
            return
        if self.measured is None:
            console.print(predicted_table(self.points, limits=self.limits, floor_s=self.floor_s))
        else:
            console.print(measured_table(self.measured, limits=self.limits))
        for sentence in crossovers(self.points, limits=self.limits, floor_s=self.floor_s):
            console.print(sentence)

    def to_json(self) -> dict[str, Any]:
        """JSON-serializable values."""
        predicted = self.points if self.measured is None else ()
        limits = [predict(point, limits=self.limits, floor_s=self.floor_s) for point in predicted]
        return {
            "limits": self.limits.model_dump(mode="json"),
            "measured": TypeAdapter(list[Measured]).dump_python(list(self.measured or ()), mode="json"),
            "predicted": [
                {"point": point.model_dump(mode="json"), "latency_s": limit.latency_s, "bound": limit.bound}
                for point, limit in zip(predicted, limits, strict=True)
            ],
        }


def run_bench(
    *,
    batches: Sequence[int] = (1,),
    durations_s: Sequence[float] = (10.0,),
    layers: Sequence[int] | None = None,
    steps: Sequence[int | str] = (50,),
    device: str = "cpu",
    dtype: Precision | None = None,
    mode: Mode = "measure",
    repeats: int = 3,
    out: Path = Path("runs/bench"),
    floor_s: float = 0.0,
    progress: Progress | None = None,
    **options: Any,
) -> BenchResult:
    """Time sampling at every combination of sizes, beside the limits of the device; or predict the limits.

    Args:
        batches: clips that are drawn at once, each a point.
        durations_s: lengths of a clip in seconds.
        layers: depths in place of the backbone's own.
        steps: Euler steps, or dopri5, of a paradigm with a solver.
        device: `cpu` or `cuda`; to predict, also `h100`, `a100`, `two-cores` or a limits.json.
        dtype: by default bf16 on a GPU, fp32 on a CPU.
        mode: `measure`; `predict`, which runs nothing; or `limits`, which measures only the device's limits.
        repeats: number of undisturbed runs of each point.
        out: a folder of results, from which a second call continues.
        floor_s: least time of a predicted pass.
        progress: called with (points done, total points).
        options: other arguments of `make_points`: paradigms, engines, backbone.

    Raises:
        UserError: the device is unknown, or a value is invalid.
    """
    if not 0 <= floor_s < math.inf:
        raise UserError(f"The least time of a pass is {floor_s:g} s: it must be zero or more.")
    limits = find_limits(device) if mode == "predict" else None
    kind = _here(device) if limits is None else limits.kind
    if mode == "limits":
        with _results(out):
            return BenchResult(device_limits(out / LIMITS_FILE, device=kind))
    points = make_points(
        batches=batches,
        durations_s=durations_s,
        layers=layers,
        steps=steps,
        device=kind,
        dtype=dtype or ("fp32" if kind == "cpu" else "bf16"),
        **options,
    )
    if limits is not None:
        return BenchResult(limits, points, None, floor_s)
    measured, limits = measure(points, out=out, repeats=repeats, progress=progress)
    return BenchResult(limits, points, measured, floor_s)


def make_points(
    *,
    paradigms: Sequence[str] | None = None,
    engines: Sequence[str] = ("fast",),
    batches: Sequence[int] = (1,),
    durations_s: Sequence[float] = (10.0,),
    layers: Sequence[int] | None = None,
    steps: Sequence[int | str] = (50,),
    backbone: Any = "musicgen-small",
    **options: Any,
) -> list[Point]:
    """Every combination; `steps` apply to paradigms with a solver: numbers of Euler steps, or names of solvers.

    Args:
        paradigms: by default all that are installed.
        layers: numbers of layers instead of the backbone's own.
        options: further fields, the same for all points.

    Raises:
        UserError: a value is invalid, such as batch 0.
    """
    chosen = list(PARADIGMS) if paradigms is None else paradigms
    base = parse({"paradigm": chosen[0], "backbone": backbone}, Point, source="bench").backbone
    points = []
    for depth, duration_s, batch, engine in product(layers or [base.layers], durations_s, batches, engines):
        for paradigm in chosen:
            shared = {
                "paradigm": paradigm,
                "engine": engine,
                "backbone": {**base.model_dump(), "layers": depth},
                "batch": batch,
                "duration_s": duration_s,
                **options,
            }
            has_solver = "solver" in PARADIGMS[paradigm].sampling.model_fields
            settings = [_solver(count) for count in steps] if has_solver else [{}]
            points += [parse({**shared, **setting}, Point, source="bench") for setting in settings]
    return points


def measure(
    points: Sequence[Point], *, out: Path, repeats: int = 3, progress: Progress | None = None
) -> tuple[list[Measured], Limits]:
    """Measure the points that `out` does not yet contain, and the limits of their device.

    Args:
        out: a folder: `points.jsonl`, a line per run, and `limits.json`.

    Raises:
        UserError: the device is not present, or `out` cannot be written or is being written by another process.
    """
    with _results(out):
        limits = device_limits(out / LIMITS_FILE, device=points[0].device)
        return sweep(points, out=out / POINTS_FILE, repeats=repeats, progress=progress), limits


@contextmanager
def _results(out: Path) -> Iterator[None]:
    """The folder of results, locked: two simultaneous measurements would also disturb each other."""
    check_kept_folder(out)
    with sole_writer(out):
        yield


def find_limits(device: str) -> Limits:
    """The limits of a known device by its name, or those in a file.

    Raises:
        UserError: it is neither.
    """
    known = known_devices()
    if device in known:
        return known[device]
    if Path(device).is_file():
        return load_limits(Path(device))
    raise UserError(
        f"The device {device!r} is unknown: choose one of {', '.join(known)}, or a limits.json "
        "that --device-limits wrote."
    )


def _solver(steps: int | str) -> dict[str, Any]:
    return {"solver": steps} if isinstance(steps, str) else {"solver": "euler", "steps": steps}


def _here(device: str) -> Device:
    if device not in ("cpu", "cuda"):
        raise UserError(f"--device {device} cannot be measured: choose cpu or cuda, or see its limits with --predict.")
    return device
