"""What was measured, and what a device could do, as tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from counterpoint.bench.limits import Limits
from counterpoint.bench.point import Point
from counterpoint.bench.roofline import crossover_batch, crossover_duration, predict
from counterpoint.bench.sweep import Measured

if TYPE_CHECKING:
    from rich.table import Table


def measured_table(measured: Sequence[Measured], *, limits: Limits) -> Table:
    """A row a point, each as a share of its limit on the device."""
    from rich.table import Table

    table = Table(
        *("Draws", "Engine", "Format", "Layers", "Clips", "Seconds each", "Latency, s", "Quartiles", "Clips/s"),
        *("ms a pass", "Memory", "Of its limit", "Bound by", "Runs"),
        title=f"Measured on {limits.name}",
        caption=_ceilings(limits),
    )
    for found in measured:
        point = found.point
        names = (point.label, point.engine, point.dtype, str(point.backbone.layers), str(point.batch))
        if found.out_of_memory is not None:
            table.add_row(*names, f"{point.duration_s:g}", "out of memory", style="dim")
            continue
        limit = predict(point, limits=limits, evaluations=found.evaluations)
        table.add_row(
            *names,
            f"{point.duration_s:g}",
            f"{found.latency_s:.3g}",
            f"{found.low_s:.3g} to {found.high_s:.3g}",
            f"{found.throughput:.3g}",
            f"{1000 * found.latency_s / found.evaluations:.3g}",
            "" if found.peak_bytes is None else f"{found.peak_bytes / 2**20:,.0f} MiB",
            f"{limit.latency_s / found.latency_s:.0%}",
            limit.bound,
            f"{found.runs}{'' if found.is_clean else ', disturbed'}",
        )
    return table


def predicted_table(points: Sequence[Point], *, limits: Limits, floor_s: float = 0.0) -> Table:
    """A row a point: the limits of a device that need not be here."""
    from rich.table import Table

    table = Table(
        *("Draws", "Format", "Layers", "Clips", "Seconds each", "Latency, s", "Clips/s", "ms a pass", "Bound by"),
        title=f"Limits on {limits.name}",
        caption=_ceilings(limits),
    )
    for point in points:
        limit = predict(point, limits=limits, floor_s=floor_s)
        table.add_row(
            *(point.label, point.dtype, str(point.backbone.layers), str(point.batch), f"{point.duration_s:g}"),
            *(f"{limit.latency_s:.3g}", f"{limit.throughput:.3g}", f"{1000 * limit.pass_s:.3g}"),
            limit.bound if limit.fits is not False else f"{limit.bound}; does not fit into its memory",
        )
    return table


def limits_table(limits: Limits) -> Table:
    """The ceilings of a device."""
    from rich.table import Table

    table = Table("Ceiling", "Rate", title=limits.name)
    for precision, rate in limits.flops.items():
        table.add_row(f"matrix products, {precision}", f"{_rate(rate)}FLOP/s")
    table.add_row("reading memory", f"{_rate(limits.bandwidth)}B/s")
    return table


def crossovers(points: Sequence[Point], *, limits: Limits, floor_s: float = 0.0) -> list[str]:
    """For each setting of flow matching, a sentence: from which batch, and up to which duration, AR is the faster."""
    said: dict[str, None] = {}
    for point in points:
        if point.paradigm == "flow_matching" and point.solver == "euler":
            batch = crossover_batch(point, limits=limits, floor_s=floor_s)
            where = f"AR overtakes {point.label} at {point.backbone.layers} layers and {point.duration_s:g} s"
            said[f"{where} {'at no batch' if batch is None else f'from a batch of {batch} on'}."] = None
            if batch is not None and batch <= point.batch:
                seconds = crossover_duration(point, limits=limits, floor_s=floor_s)
                until = "at every duration up to an hour" if seconds is None else f"up to {seconds - 1} s"
                said[f"In batches of {point.batch} it is the faster {until}."] = None
    return list(said)


def _ceilings(limits: Limits) -> str:
    rates = ", ".join(f"{precision} {_rate(rate)}FLOP/s" for precision, rate in limits.flops.items())
    noise = f"; others used {limits.foreign:.0%} of it meanwhile" if limits.foreign else ""
    return f"Ceilings: {rates}; {_rate(limits.bandwidth)}B/s{noise}"


def _rate(value: float) -> str:
    return f"{value / 1e12:.3g} T" if value >= 1e12 else f"{value / 1e9:.3g} G"
