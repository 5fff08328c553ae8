"""`study plan --gpus` and `study run --dry-run`: the cost of a study on a cluster, and the steps that would run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.dispatch import critical_rank
from counterpoint.study.engines.needs import needs_of
from counterpoint.study.engines.pooled import usual_rank
from counterpoint.study.engines.simulated import Cluster, Simulation, simulate
from counterpoint.study.surroundings import Unseen
from counterpoint.study.work import Source, Step, in_order
from counterpoint.study.workload import expected_s

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from counterpoint.study.plan import Plan


@dataclass(frozen=True)
class Forecast:
    """A study on clusters of several sizes.

    Attributes:
        critical_s: time from start to end on an unlimited number of devices without losses.
        work_s: total time of all steps.
        calm: simulations by size, without lost machines and stragglers.
        likely: simulations by size, with both.
    """

    critical_s: float
    work_s: float
    calm: Sequence[Simulation]
    likely: Sequence[Simulation]


@dataclass(frozen=True)
class Planned:
    """A step of a study that was not started.

    Attributes:
        state: `finished`, `continues` (from a checkpoint), or `runs`.
        cpus: cores that it needs.
        memory_gib: memory that it needs.
        after: names of the steps for which it waits.
    """

    name: str
    state: str
    cpus: int
    memory_gib: int
    after: Sequence[str]


def forecast(plan: Plan, clusters: Sequence[Cluster]) -> Forecast:
    """Simulate a study; no codec is loaded and no dataset is read.

    Raises:
        UserError: the steps cannot be planned.
    """
    steps = in_order(plan.study.steps_in(Unseen(plan.dataset)))
    seconds = expected_s(steps, device=plan.estimate.device)
    still = [replace(cluster, hours_between_losses=None, straggling=0.0) for cluster in clusters]
    return Forecast(
        critical_s=max(critical_rank(steps, seconds=seconds).values(), default=0.0),
        work_s=sum(seconds[key] for key in {step.key for step in steps}),
        calm=[simulate(steps, seconds=seconds, cluster=cluster) for cluster in still],
        likely=[simulate(steps, seconds=seconds, cluster=cluster) for cluster in clusters],
    )


def print_forecast(found: Forecast, console: Console, *, price: float | None = None) -> None:
    """Print a row for each size of cluster, and the assumptions.

    Args:
        price: price of a GPU-hour.
    """
    headers = ["Wall time", "With losses", "GPU-hours", "Busy", *(["Cost"] if price else [])]
    table = _table("On a cluster", "GPUs", *headers)
    for calm, likely in zip(found.calm, found.likely, strict=True):
        row = [f"{calm.cluster.gpus:,}", duration(calm.wall_s), duration(likely.wall_s)]
        row += [f"{likely.gpu_hours:,.3g}", f"{likely.busy:.0%}"]
        table.add_row(*row, *([f"{price * likely.gpu_hours:,.0f}"] if price else []))
    console.print(table)
    largest = found.likely[-1]
    for line in (
        f"One step after another, the study takes {duration(found.work_s)}. The longest chain of dependent steps takes "
        f"{duration(found.critical_s)} on any number of GPUs.",
        f"Each training uses {_gpus(largest.cluster.processes)}. The cost covers the whole cluster until the last step "
        "has finished.",
        f"Assumptions: a machine of 8 GPUs is lost {_hours(largest.cluster)} and repaired in "
        f"{duration(largest.cluster.repair_s)}; {largest.cluster.straggling:.0%} of the steps take 1.5 times as long.",
    ):
        console.print(line, highlight=False, soft_wrap=True)


def dry_run(steps: Mapping[str, Step | Source], *, local: LocalEngine) -> list[Planned]:
    """List the steps in the order in which they would start; nothing is started."""
    plan = in_order(steps.values())
    rank = usual_rank(plan)
    found = []
    for step in sorted(plan, key=lambda step: (local.is_done(step), -rank[step.key])):
        needs, after = needs_of(step), [each.name for each in step.inputs.values() if isinstance(each, Step)]
        state = "finished" if local.is_done(step) else "continues" if _has_begun(step, local) else "runs"
        found.append(Planned(step.name, state, needs.cpus, needs.memory_gib, after))
    return found


def print_dry_run(found: Sequence[Planned], console: Console, *, store: Path, engine: str) -> None:
    """Print a row for each step."""
    table = _table(f"What the engine {engine!r} would do", "Step", "State", "Cores", "Memory", "After")
    for step in found:
        after = ", ".join(step.after[:3]) + (f" and {len(step.after) - 3} more" if len(step.after) > 3 else "")
        table.add_row(step.name, step.state, str(step.cpus), f"{step.memory_gib} GiB", after)
    console.print(table)
    waiting = sum(step.state != "finished" for step in found)
    console.print(f"{waiting} of {len(found)} steps would run; results in {store}", highlight=False, soft_wrap=True)


def _has_begun(step: Step, local: LocalEngine) -> bool:
    return step.resumable and local.partial_folder(step).is_dir()


def _table(title: str, first: str, *others: str) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    table.add_column(first, overflow="fold")
    for header in others:
        table.add_column(header, overflow="fold")
    return table


def duration(seconds: float) -> str:
    """A duration in a suitable unit: `40 s`, `25 min`, `31 h`, `12 days`."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (4 * 86400, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds / 86400:,.0f} days"


def _gpus(count: int) -> str:
    return "one GPU" if count == 1 else f"{count} GPUs"


def _hours(cluster: Cluster) -> str:
    return "never" if cluster.hours_between_losses is None else f"every {cluster.hours_between_losses:,.0f} h"
