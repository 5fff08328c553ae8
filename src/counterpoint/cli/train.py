"""`counterpoint train` and `counterpoint export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from counterpoint.cli import completion
from counterpoint.cli import scale_options as scaling
from counterpoint.cli.options import Device, Overrides, names, reports, takes_sampling
from counterpoint.cli.output import Answer


@reports
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, as in configs.")],
    out: Annotated[Path, typer.Option(help="Run folder; a training in it is continued.")],
    device: Device = "auto",
    processes: scaling.Processes = 1,
    trackers: scaling.Log = None,
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Train a generative model."""
    from counterpoint.config import TrainingConfig, load_yaml

    # Errors in the configuration are found before anything heavy is imported.
    settings = load_yaml(config, TrainingConfig, overrides=overrides, refuse_idle=True)
    from counterpoint.training.launch import train_with

    how = {"device": answer.device(device), "processes": processes, "trackers": names(trackers) or ()}
    result = train_with(settings, out=out, **how, progress=not answer.quiet)
    answer.give(
        result,
        f"{result.steps} steps, {result.wall_s:.0f} s; to listen: "
        f"counterpoint generate CAPTION --model {out} --out x.wav",
    )


@takes_sampling
@reports
def export(
    model: Annotated[
        str,
        typer.Argument(
            autocompletion=completion.models, help="A run folder, or a MusicGen checkpoint: a folder or a hub id."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="New folder.")],
    kind: Annotated[
        Literal["musicgen", "weights"],
        typer.Option("--as", help="musicgen: for transformers. weights: a run without its training state."),
    ] = "musicgen",
    *,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Export a model: an auto-regressive one in MusicGen's format, or any as its averaged weights, with the sampling
    settings given as its defaults."""
    from counterpoint.config.paths import check_output_folder
    from counterpoint.generate import sampling_of

    check_output_folder(out)
    sampling_of(model, sampling)  # an unknown model is refused before torch is imported
    from counterpoint.api.training import export_model

    export_model(model, out, kind=kind, sampling=sampling)
    use = {
        "musicgen": "load it with transformers.MusicgenForConditionalGeneration.from_pretrained",
        "weights": f"counterpoint generate CAPTION --model {out} --out x.wav",
    }
    answer.give({"folder": str(out), "kind": kind}, f"{out}: {use[kind]}")
