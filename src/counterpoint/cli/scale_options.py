"""Options of the verbs that run on several processes, GPUs or machines, and what is done with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoint.cli.output import Answer

if TYPE_CHECKING:
    from counterpoint.config.workers import Workers
    from counterpoint.study.engines.registry import Where
    from counterpoint.study.forecast import Forecast
    from counterpoint.study.plan import Plan

Engine = Annotated[
    str, typer.Option(help="Where steps run: local, ray or slurm. The results are the same, and are shared.")
]
Jobs = Annotated[int | None, typer.Option(help="Steps at once on this machine; local runs one after another without.")]
Address = Annotated[
    str | None, typer.Option(help="Address of a Ray cluster (HOST:PORT or auto). By default Ray starts one here.")
]
Processes = Annotated[int, typer.Option(help="Processes, and so GPUs, that each training uses; results are the same.")]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--engine-set",
        metavar="NAME=VALUE",
        help="For slurm: cluster, timeout_min, cpus, gpus, and all that sbatch knows (partition=a100).",
    ),
]
Log = Annotated[
    str | None,
    typer.Option("--log", help="Show the metrics there, too: tensorboard, trackio or wandb, several with commas."),
]
WorkerCount = Annotated[
    int | None, typer.Option("--workers", help="Processes to divide the work among; by default this one, on all cores.")
]
WorkerAddress = Annotated[
    str | None,
    typer.Option("--address", help="Address of a Ray cluster for them (HOST:PORT or auto; local starts one here)."),
]
Store = Annotated[
    Path | None,
    typer.Option(help="Folder of steps' results that all machines see, or a URL; runs/store by default."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would run, in which order; start nothing.")]
_MOST_GPUS = 100_000
Gpus = Annotated[str | None, typer.Option(help="Simulate clusters of so many GPUs; several with commas: 1,8,64,512.")]
Price = Annotated[float | None, typer.Option(help="Price of a GPU-hour, to compute the cost of a cluster.")]


def where(engine: str, *, jobs: int | None, address: str | None, processes: int, options: Sequence[str]) -> Where:
    """The place that the options describe.

    Raises:
        UserError: an option without a value.
    """
    from counterpoint.config import UserError
    from counterpoint.study.engines.registry import ENGINES, Where

    ENGINES.check(engine)
    if bare := [option for option in options if "=" not in option]:
        raise UserError(f"--engine-set {bare[0]} has no value; write NAME=VALUE, as in partition=a100.")
    pairs = dict(option.split("=", 1) for option in options)
    return Where(engine, jobs=jobs, address=address, processes=processes, options=pairs)


def read_workers(count: int | None, *, address: str | None) -> Workers | None:
    """The workers that the options describe; None without options."""
    from counterpoint.config.workers import Workers

    return None if count is None and address is None else Workers(1 if count is None else count, address=address)


def show_steps(
    study: str,
    answer: Answer,
    *,
    data: Path | None,
    systems: Sequence[str],
    overrides: list[str] | None,
    scale: str | None,
    store: Path,
    engine: str,
) -> None:
    """Say what `study run` would do."""
    from counterpoint.study.forecast import dry_run, print_dry_run
    from counterpoint.study.run import open_store, read_study

    config = read_study(study, data=data, systems=systems, overrides=overrides, scale=scale)
    steps = config.plan(dataset=data)
    local = open_store(store)
    found = dry_run(steps, local=local)
    answer.give(found, lambda console: print_dry_run(found, console, store=local.store, engine=engine))


def read_forecast(plan: Plan, *, gpus: str, processes: int, price: float | None = None) -> Forecast:
    """The time and cost of the study on clusters of several sizes.

    Raises:
        UserError: a size, the number of processes or the price is out of range.
    """
    from counterpoint.config import UserError
    from counterpoint.config.workers import check_count
    from counterpoint.study.engines.simulated import Cluster
    from counterpoint.study.forecast import forecast

    try:
        sizes = [int(size) for size in gpus.split(",")]
    except ValueError:
        raise UserError(f"--gpus {gpus!r} is no list of numbers; write 8, or 1,8,64.") from None
    if price is not None and not 0 <= price < math.inf:
        raise UserError(f"--price {price:g} is out of range: give the price of a GPU-hour, zero or more.")
    if wild := [size for size in sizes if not 1 <= size <= _MOST_GPUS]:
        raise UserError(f"--gpus {wild[0]} is out of range: give numbers from 1 to {_MOST_GPUS:,}.")
    check_count(processes, option="--processes")
    return forecast(plan, [Cluster(size, processes=processes) for size in sizes])


def show_forecast(found: Forecast, *, price: float | None) -> None:
    """Print it."""
    from counterpoint.cli.output import console
    from counterpoint.study.forecast import print_forecast

    print_forecast(found, console(), price=price)
