"""`counterpoint bench`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from counterpoint.cli.options import names, refuse_options, reports
from counterpoint.cli.output import Answer


@reports
def bench(
    context: typer.Context,
    batch: Annotated[str, typer.Option(help="Batch sizes; all lists here are separated by commas: 2,8,32.")] = "1",
    duration_s: Annotated[str, typer.Option("--duration-s", help="Length of a clip in seconds; a list.")] = "10",
    layers: Annotated[str | None, typer.Option(help="Numbers of layers instead of the backbone's own; a list.")] = None,
    steps: Annotated[str, typer.Option(help="Euler steps, or dopri5, for paradigms with a solver; a list.")] = "50",
    paradigm: Annotated[str, typer.Option(help="Paradigms by name: all, or a list.")] = "all",
    engine: Annotated[
        Literal["fast", "reference", "both", "compiled"],
        typer.Option(
            help="reference: a plain loop like the paper's; compiled: a compiled network, if the paradigm supports it."
        ),
    ] = "fast",
    backbone: Annotated[str, typer.Option(help="A named size: musicgen-small, pocket, debug.")] = "musicgen-small",
    device: Annotated[
        str, typer.Option(help="cpu or cuda; for predictions also a100, h100, two-cores or a limits.json.")
    ] = "cpu",
    dtype: Annotated[
        Literal["fp32", "fp16", "bf16", "int8"] | None, typer.Option(help="bf16 on a GPU, fp32 on a CPU.")
    ] = None,
    repeats: Annotated[int, typer.Option(help="Number of undisturbed runs of each point.")] = 3,
    out: Annotated[Path, typer.Option(help="Folder of results; the same command continues there.")] = Path(
        "runs/bench"
    ),
    predict: Annotated[bool, typer.Option("--predict", help="Run nothing: compute the limits of the device.")] = False,
    floor_ms: Annotated[float, typer.Option("--floor-ms", help="For predictions: the least time of a pass.")] = 0.0,
    device_limits: Annotated[bool, typer.Option("--device-limits", help="Measure only the device's limits.")] = False,
    *,
    answer: Answer,
) -> None:
    """Time sampling over batch size, duration, depth and steps, beside the limits of the device; or predict the
    limits."""
    from counterpoint.config.sampling import SOLVERS

    if predict:
        refuse_options(
            context, "beside --predict, which runs and writes nothing", named=["repeats", "device_limits", "out"]
        )
    else:
        refuse_options(context, "without --predict", named=["floor_ms"])
    if device_limits:
        kept = ("device_limits", "device", "dtype", "out", "quiet", "as_json")
        refuse_options(context, "beside --device-limits, which draws nothing", all_but=kept)
    sizes = {
        "batches": _numbers(batch, name="--batch"),
        "durations_s": _numbers(duration_s, name="--duration-s", kind=float),
        "layers": None if layers is None else _numbers(layers, name="--layers"),
        "steps": [step if step in SOLVERS else _numbers(step, name="--steps")[0] for step in steps.split(",")],
    }
    from counterpoint.bench.run import run_bench  # imports torch, so invalid sizes are refused before

    with answer.progress("Measuring", unit="points") as progress:
        found = run_bench(
            **sizes,
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
