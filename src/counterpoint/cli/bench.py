"""`counterpoint bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from counterpoint.cli.options import names, reports
from counterpoint.cli.output import Answer


@reports
def bench(
    batch: Annotated[
        str, typer.Option(help="Clips at once; several, as in all lists here, with commas: 2,8,32.")
    ] = "1",
    duration_s: Annotated[str, typer.Option("--duration-s", help="Length of a clip in seconds; a list.")] = "10",
    layers: Annotated[str | None, typer.Option(help="In place of the backbone's own; a list.")] = None,
    steps: Annotated[str, typer.Option(help="Euler steps, or dopri5, of a paradigm with a solver; a list.")] = "50",
    paradigm: Annotated[str, typer.Option(help="The paradigm that draws, by name; all of them, or a list.")] = "all",
    engine: Annotated[
        Literal["fast", "reference", "both", "compiled"],
        typer.Option(help="reference: a plain loop like the paper's; compiled: compiled whole, where it can be."),
    ] = "fast",
    backbone: Annotated[str, typer.Option(help="A named size: musicgen-small, pocket, debug.")] = "musicgen-small",
    device: Annotated[
        str, typer.Option(help="cpu or cuda; to predict, a100, h100, two-cores or a limits.json, too.")
    ] = "cpu",
    dtype: Annotated[
        Literal["fp32", "fp16", "bf16", "int8"] | None, typer.Option(help="bf16 on a GPU, fp32 on a CPU.")
    ] = None,
    repeats: Annotated[
        int, typer.Option(help="Runs of each point that no other process of the machine slowed down.")
    ] = 3,
    out: Annotated[Path, typer.Option(help="Folder of results; the same command goes on there.")] = Path("runs/bench"),
    predict: Annotated[bool, typer.Option("--predict", help="Run nothing: compute what the device could do.")] = False,
    floor_ms: Annotated[
        float, typer.Option("--floor-ms", help="To predict: the shortest time that a pass takes.")
    ] = 0.0,
    device_limits: Annotated[
        bool, typer.Option("--device-limits", help="Measure the device's ceilings alone.")
    ] = False,
    *,
    answer: Answer,
) -> None:
    """Time sampling over batch, duration, depth and steps, beside the limits of the device; or predict those."""
    from counterpoint.bench.run import run_bench
    from counterpoint.paradigm.solvers import SOLVERS

    with answer.progress("Measuring", unit="points") as progress:
        found = run_bench(
            batches=_numbers(batch, name="--batch"),
            durations_s=_numbers(duration_s, name="--duration-s", kind=float),
            layers=None if layers is None else _numbers(layers, name="--layers"),
            steps=[step if step in SOLVERS else _numbers(step, name="--steps")[0] for step in steps.split(",")],
            paradigms=None if paradigm == "all" else names(paradigm),
            engines=("fast", "reference") if engine == "both" else (engine,),
            backbone=backbone,
            device=device,
            dtype=dtype,
            repeats=repeats,
            out=out,
            mode="predict" if predict else "limits" if device_limits else "measure",
            floor_s=floor_ms / 1000,
            progress=progress,
        )
    answer.give(found.to_json(), found.print)


def _numbers(text: str, *, name: str, kind: Callable[[str], Any] = int) -> list[Any]:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError:
        from counterpoint.config import UserError

        raise UserError(f"{name} {text} must be numbers with commas between them, as in {name} 2,8,32.") from None
