"""`counterpoint inpaint`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from counterpoint.cli.options import Chords, Device, Drums, Melody, Precision, reports, takes_sampling
from counterpoint.cli.output import Answer

if TYPE_CHECKING:
    from counterpoint.inpaint import Inpainting


@reports
@takes_sampling
def inpaint(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, of any length.")],
    *,
    spans: Annotated[
        list[str], typer.Option("--span", metavar="START:STOP", help="Seconds to replace; may be given again.")
    ],
    prompt: Annotated[str, typer.Option(help="What the music should sound like.")] = "",
    model: Annotated[str, typer.Option(help="A model as `counterpoint models` names it, or a run folder.")],
    out: Annotated[Path, typer.Option(help="A .wav or .flac, in the sample format of IN.")],
    method: Annotated[
        str | None,
        typer.Option(
            help="supervised; or zero-shot, by any flow-matching model: inversion, repaint, projection, gradient. "
            "By default what suits the model best."
        ),
    ] = None,
    num: Annotated[int, typer.Option(help="Takes to draw; take i has seed + i.")] = 1,
    keep: Annotated[
        Literal["best", "all"], typer.Option(help="The take with the best seams, or all: OUT-1 is the best.")
    ] = "best",
    crossfade_s: Annotated[
        float, typer.Option("--crossfade-s", help="On each side of the span; beyond it IN stays bit for bit.")
    ] = 0.05,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio.")] = 0,
    chords: Chords = None,
    melody: Melody = None,
    drums: Drums = None,
    device: Device = "cpu",
    precision: Precision = None,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Replace spans of a piece of music with new music that fits what stands around them.

    Chords, melody and drums are those of the spans: they begin where the first span does.

    Models are mono: in a file of several channels each gets the same new music, at its own level.
    """
    from counterpoint.generate import ControlSources, load_model, sampling_of
    from counterpoint.inpaint import SAMPLING, InpaintingRequest, check_files, inpaint_file, parse_span

    request = InpaintingRequest(
        [parse_span(span) for span in spans],
        prompt=prompt,
        method=method,
        num=num,
        seed=seed,
        sampling=sampling_of(model, sampling, otherwise=SAMPLING),
        crossfade_s=crossfade_s,
        controls=ControlSources(chords=chords, melody=melody, drums=drums),
    )
    job = check_files(source, request, out=out, keep=keep)
    loaded = load_model(model, device=device, precision=precision)
    with answer.progress("Filling in", unit="spans") as progress:
        done = inpaint_file(job, request, model=loaded, progress=progress)
    give_takes(answer, done)


def give_takes(answer: Answer, done: Inpainting) -> None:
    """Say what was filled in, and how well it fits."""
    from counterpoint.inpaint import print_takes

    for remark in done.asked.remarks if done.asked else ():
        answer.remark(remark)
    if done.channels > 1:
        answer.remark(
            f"The spans are mono: the model hears and plays one channel, which stands in all {done.channels}."
        )
    takes = [
        {"seed": take.seed, "path": take.path, "score": take.seams.score, **vars(take.seams)} for take in done.takes
    ]
    answer.give(
        {**vars(done), "takes": takes, "asked": done.asked.to_json() if done.asked else None},
        lambda console: (
            print_takes(done.takes, console=console),
            typer.echo(
                f"{done.takes[0].path}: {done.audio_s:.1f} s, filled in by {done.method} in {done.latency_s:.1f} s; "
                f"{done.network_evaluations:,} network evaluations a take, {done.model_evaluations:,} with rows of "
                "guidance"
            ),
        ),
    )
