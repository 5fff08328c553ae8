"""`counterpoint inpaint`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from counterpoint.cli import completion
from counterpoint.cli.options import Chords, Device, Drums, Melody, Precision, reports, takes_sampling
from counterpoint.cli.output import Answer

if TYPE_CHECKING:
    from rich.console import Console

    from counterpoint.inpaint import Inpainting


@reports
@takes_sampling
def inpaint(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, of any length.")],
    *,
    spans: Annotated[
        list[str], typer.Option("--span", metavar="START:STOP", help="Span to replace in seconds; may be repeated.")
    ],
    prompt: Annotated[str, typer.Option(help="Description of the music.")] = "",
    model: Annotated[
        str,
        typer.Option(autocompletion=completion.models, help="A model from `counterpoint models`, or a run folder."),
    ],
    out: Annotated[Path, typer.Option(help="A .wav or .flac, in the sample format of IN.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="supervised; or zero-shot, for any flow-matching model: inversion, repaint, projection, gradient. "
            "The default is the model's best method."
        ),
    ] = None,
    num: Annotated[int, typer.Option(help="Number of takes; take i has seed + i.")] = 1,
    keep: Annotated[
        Literal["best", "all"], typer.Option(help="Keep the take with the best seams, or all: OUT-1 is the best.")
    ] = "best",
    crossfade_s: Annotated[
        float,
        typer.Option(
            "--crossfade-s", help="Crossfade on each side of the span; beyond it the samples of IN are unchanged."
        ),
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio.")] = 0,
    chords: Chords = None,
    melody: Melody = None,
    drums: Drums = None,
    device: Device = "auto",
    precision: Precision = None,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Replace spans of a piece of music by new music that fits its context.

    Chords, melody and drums are those of the spans: they begin with the first span.

    Models are mono: every channel of the file gets the same new music, at its own level.
    """
    from counterpoint import generate as drawing
    from counterpoint import inpaint as filling

    request = filling.InpaintingRequest(
        [filling.parse_span(span) for span in spans],
        prompt=prompt,
        method=method,
        num=num,
        seed=seed,
        sampling=drawing.sampling_of(model, sampling, otherwise=filling.SAMPLING),
        crossfade_s=crossfade_s,
        controls=drawing.ControlSources(chords=chords, melody=melody, drums=drums),
    )
    drawing.check_read_by(method, sampling, model=model)
    job = filling.check_files(source, request, out=out, keep=keep)
    chosen = answer.device(device)
    loaded = drawing.load_model(model, device=chosen, precision=precision)
    with answer.progress("Filling in", unit="spans", device=chosen) as progress:
        done = filling.inpaint_file(job, request, model=loaded, progress=progress)
    give_takes(answer, done)


def give_takes(answer: Answer, done: Inpainting) -> None:
    """Report the filled-in spans and their seams."""
    for remark in done.controls.remarks if done.controls else ():
        answer.remark(remark)
    if done.channels > 1:
        answer.remark(
            f"The new music is mono: the model reads and draws one channel, which is copied to all {done.channels}."
        )
    takes = [
        {"seed": take.seed, "path": take.path, "score": take.seams.score, **vars(take.seams)} for take in done.takes
    ]
    controls = done.controls.to_json() if done.controls else None
    answer.give({**vars(done), "takes": takes, "controls": controls}, partial(_print, done))


def _print(done: Inpainting, console: Console) -> None:
    from counterpoint.inpaint import print_takes

    print_takes(done.takes, console=console)
    typer.echo(
        f"{done.takes[0].path}: {done.audio_s:.1f} s, filled in by {done.method} in {done.latency_s:.1f} s; "
        f"{done.network_evaluations:,} network evaluations per take, which cost as much as {done.model_evaluations:,} "
        "without guidance"
    )
