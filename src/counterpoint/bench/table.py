"""Tables of measurements and limits for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from counterpoint.bench.limits import Limits
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import crossover_batch, crossover_duration, predict
from counterpoint.bench.sweep import Measured
from counterpoint.paradigm import PARADIGMS

if TYPE_CHECKING:
    from rich.table import Table


def measured_table(measured: Sequence[Measured], *, limits: Limits) -> Table:
    """One row per point, with its share of its limit on the device; the spread is that of the quartiles."""
    points = [found.point for found in measured]
    table = _table("Measured", points, limits, "Seconds", "Spread", "Clips/s", "ms/pass", "MiB", "Of limit")
    table.add_column("Bound by", no_wrap=True)
    if not all(found.is_clean for found in measured):
        table.caption = f"{table.caption}\n* every run was disturbed by other programs"
    for found, names in zip(measured, _varying(points)[1], strict=True):
        if found.out_of_memory is not None:
            table.add_row(*names, "out of memory", style="dim")
            continue
        limit = predict(found.point, limits=limits, evaluations=found.evaluations)
        table.add_row(
            *names,
            f"{found.latency_s:.3g}{'' if found.is_clean else '*'}",
            f"{(found.high_s - found.low_s) / found.latency_s:.0%}",
            f"{found.throughput:.3g}",
            f"{1000 * found.latency_s / found.evaluations:.3g}",
            "" if found.peak_bytes is None else f"{found.peak_bytes / 2**20:,.0f}",
            f"{limit.latency_s / found.latency_s:.0%}",
            limit.bound,
        )
    return table


def predicted_table(points: Sequence[Point], *, limits: Limits, floor_s: float = 0.0) -> Table:
    """One row per point: the limits of a device that need not be present."""
    table = _table("Limits", points, limits, "Seconds", "Clips/s", "ms/pass")
    table.add_column("Bound by")
    for point, names in zip(points, _varying(points)[1], strict=True):
        limit = predict(point, limits=limits, floor_s=floor_s)
        table.add_row(
            *(*names, f"{limit.latency_s:.3g}", f"{limit.throughput:.3g}", f"{1000 * limit.pass_s:.3g}"),
            limit.bound if limit.fits is not False else f"{limit.bound}; does not fit into its memory",
        )
    return table


def _table(title: str, points: Sequence[Point], limits: Limits, *numbers: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    (shared, headers), _ = _varying(points)
    title = f"{title}: {', '.join((limits.name, *shared))}"
    table = Table(*headers, title=title, caption=_ceilings(limits), box=SIMPLE, padding=(0, 1, 0, 0))
    for column in numbers:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _varying(points: Sequence[Point]) -> tuple[tuple[list[str], list[str]], list[list[str]]]:
    """Common properties of all points, in words; headers of the differing ones; and these, one row per point."""
    settings = {
        "Engine": [f"{point.engine} engine" for point in points],
        "Format": [point.dtype for point in points],
        "Layers": [f"{point.backbone.layers} layers of width {point.backbone.width}" for point in points],
        "Clips": [f"{point.batch} clip{'s' * (point.batch > 1)}" for point in points],
        "Each": [f"{point.duration_s:g} s" for point in points],
    }
    shared = [values[0] for values in settings.values() if len(set(values)) == 1]
    varying = {name: values for name, values in settings.items() if len(set(values)) > 1}
    short = [[value.split()[0] for value in row] for row in zip(*varying.values(), strict=True)]
    rows = [[point.label, *row] for point, row in zip(points, short or [[]] * len(points), strict=True)]
    return (shared, ["Draws", *varying]), rows


def limits_table(limits: Limits) -> Table:
    """The limits of a device."""
    from rich.table import Table

    table = Table("Ceiling", "Rate", title=limits.name)
    for precision, rate in limits.flops.items():
        table.add_row(f"Matrix products, {precision}", f"{_rate(rate)}FLOP/s")
    table.add_row("Memory reads", f"{_rate(limits.bandwidth)}B/s")
    return table


def crossovers(points: Sequence[Point], *, limits: Limits, floor_s: float = 0.0) -> list[str]:
    """For each setting of a paradigm with passes of equal cost: the batch from which, and the duration up to which, a
    step-by-step paradigm is faster at the limits."""
    said: dict[str, None] = {}
    rivals = [entry.name for entry in PARADIGMS.values() if entry.cost.sequential]
    for point, rival in product(points, rivals):
        if not point.cost.sequential and not point.sampling.adaptive:
            who = f"{PARADIGMS[rival].short} is faster than {point.label} at {point.backbone.layers} layers"
            batch = crossover_batch(point, rival=rival, limits=limits, floor_s=floor_s)
            begin = "at no batch" if batch is None else f"from a batch of {batch} on"
            said[f"{who}, {point.duration_s:g} s: {begin}."] = None
            seconds = crossover_duration(point, rival=rival, limits=limits, floor_s=floor_s)
            until = "at every duration up to an hour" if seconds is None else f"up to {seconds - 1} s"
            said[f"{who}, batch {point.batch}: {'at no duration' if seconds == 1 else until}."] = None
    return [f"At the limits of {limits.name}:", *said] if said else []


def _ceilings(limits: Limits) -> str:
    rates = ", ".join(f"{precision} {_rate(rate)}FLOP/s" for precision, rate in limits.flops.items())
    noise = f"; other programs used {limits.foreign:.0%} of it" if limits.foreign else ""
    return f"Ceilings: {rates}; {_rate(limits.bandwidth)}B/s{noise}"


def _rate(value: float) -> str:
    return f"{value / 1e12:.3g} T" if value >= 1e12 else f"{value / 1e9:.3g} G"
