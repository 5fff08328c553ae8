"""`counterpoint follow`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterpoint.cli import completion
from counterpoint.cli.options import (
    BatchSize,
    Compiled,
    Device,
    DurationS,
    Precision,
    Split,
    names,
    refuse_options,
    reports,
    takes_sampling,
)
from counterpoint.cli.output import Answer


@reports
@takes_sampling
def follow(
    context: typer.Context,
    model: Annotated[
        str,
        typer.Argument(autocompletion=completion.models, help="A model from `counterpoint models`, or a run folder."),
    ],
    ask: Annotated[
        str | None,
        typer.Option(
            help="Separated by commas: chords,melody,drums,tempo (in words); by default all of the model, and tempo."
        ),
    ] = None,
    captions: Annotated[
        Path | None, typer.Option(help="A text file with one caption per line; by default ten built-in captions.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Number of clips per caption.")] = 5,
    charts: Annotated[
        list[str] | None,
        typer.Option(
            "--chart", help='"C:0 Am:2 F:4 G:6" or a file; may be repeated: half of the clips have the first.'
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="A dataset with exact chords, melodies and drums, which are requested from the model; its music is "
            "measured, too."
        ),
    ] = None,
    split: Split = "test",
    duration_s: DurationS = 8.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same clips and figures.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of clips and following.json; runs/follow/MODEL by default.")
    ] = None,
    card: Annotated[bool, typer.Option("--card", help="Write the figures into the model's card.json, too.")] = False,
    batch_size: BatchSize = 16,
    device: Device = "auto",
    precision: Precision = None,
    compiled: Compiled = False,
    *,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Measure how well a model follows chords, melodies, drum loops and tempi, beside chance and real music.

    The same command continues an interrupted one.
    """
    from counterpoint.generate import sampling_of

    if data is None:
        refuse_options(context, "without --data", named=["split"])
    settings = sampling_of(model, sampling)  # refused before torch is imported
    from counterpoint import follow as following

    chosen = answer.device(device)
    config = following.FollowConfig(
        ask=names(ask),
        captions=captions,
        seeds=seeds,
        charts=charts,
        data=data,
        split=split,
        duration_s=duration_s,
        seed=seed,
        sampling=settings,
        batch_size=batch_size,
        device=chosen,
        precision=precision,
        compiled=compiled,
    )
    with answer.progress("Drawing and analysing", unit="clips", device=chosen) as progress:
        done = following.follow(model, config, out=out, card=card, progress=progress)
    answer.give(done.to_json(), lambda console: following.print_following(done, console=console))
    if not answer.as_json:
        answer.remark(f"{done.folder}/following.json contains all results; the clips are in the same folder.")
