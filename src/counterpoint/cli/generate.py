"""`counterpoint generate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from counterpoint.cli import completion
from counterpoint.cli.inpaint import give_takes
from counterpoint.cli.options import (
    BatchSize,
    Chords,
    Compiled,
    Device,
    Drums,
    DurationS,
    Melody,
    Precision,
    refuse_options,
    reports,
    takes_sampling,
)
from counterpoint.cli.output import Answer

if TYPE_CHECKING:
    from counterpoint.inpaint import Side


@reports
@takes_sampling
def generate(
    context: typer.Context,
    caption: Annotated[str | None, typer.Argument(help="Description of the music.")] = None,
    *,
    model: Annotated[
        str | None,
        typer.Option(
            autocompletion=completion.models,
            help="A model from `counterpoint models`, such as pocket_autoregressive; a run folder; or a "
            "MusicGen: a folder or a hub id.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="A .wav or .flac for one clip, a folder for several.")],
    duration_s: DurationS = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio; clip i has seed + i.")] = 0,
    num: Annotated[int, typer.Option(min=1, help="Number of clips per caption.")] = 1,
    captions: Annotated[Path | None, typer.Option(help="A text file with one caption per line.")] = None,
    chords: Chords = None,
    melody: Melody = None,
    drums: Drums = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--continue", metavar="FILE", help="Music to continue by --duration-s; the best of --num takes is written."
        ),
    ] = None,
    side: Annotated[
        Literal["end", "start"],
        typer.Option("--at", help="The side at which --continue adds music: start makes a lead-in."),
    ] = "end",
    recipe: Annotated[
        Path | None,
        typer.Option(
            "--request",
            metavar="FILE",
            help="A request.json of the studio, whose clip is drawn again; --model gives the place of its model.",
        ),
    ] = None,
    batch_size: BatchSize = 16,
    device: Device = "auto",
    precision: Precision = None,
    compiled: Compiled = False,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Generate music from a caption, and from chords, a melody and drums if the model supports them."""
    from counterpoint import generate as drawing

    if recipe is not None:
        kept = ("recipe", "out", "model", "device", "quiet", "as_json")
        refuse_options(context, f"beside {recipe}, which is a complete request", all_but=kept)
        _repeat(recipe, out=out, model=model, device=device, answer=answer)
        return
    if model is None:
        raise typer.BadParameter("choose a model, such as --model pocket_autoregressive.", param_hint="--model")
    controls = drawing.ControlSources(chords=chords, melody=melody, drums=drums)
    how = {"precision": precision, "compiled": compiled}
    if source is None:
        refuse_options(context, "without --continue", named=["side"])
    else:
        refuse_options(
            context, "beside --continue, which adds one passage to one file", named=["captions", "batch_size"]
        )
        lengthened = _Lengthened(source, side, duration_s)
        fields = {"prompt": caption or "", "num": num, "seed": seed, "controls": controls}
        _lengthen(
            lengthened, out=out, model=model, fields=fields, sampling=sampling, device=device, how=how, answer=answer
        )
        return
    request = drawing.GenerationRequest(
        drawing.repeated(drawing.read_captions(caption, captions), num=num),
        duration_s=duration_s,
        seed=seed,
        controls=controls,
        sampling=drawing.sampling_of(model, sampling),
        batch_size=batch_size,
    )
    destination = drawing.check_destination(out, request=request, inputs=[captions])
    chosen = answer.device(device)
    loaded = drawing.load_model(model, device=chosen, **how)
    with answer.progress("Generating", unit="clips", device=chosen) as progress:
        report = drawing.write_clips(request, model=loaded, out=destination, progress=progress)
    for remark in report.remarks:
        answer.remark(remark)
    answer.give(
        {"out": str(out), **vars(report)},
        f"{out}: {report.audio_s:.1f} s of music in {report.latency_s:.1f} s; "
        f"{report.network_evaluations:,} network evaluations per clip, "
        f"which cost as much as {report.model_evaluations:,} without guidance",
    )


class _Lengthened(NamedTuple):
    """The options of `--continue`."""

    source: Path
    side: Side
    duration_s: float


def _lengthen(
    wanted: _Lengthened,
    *,
    out: Path,
    model: str,
    fields: dict[str, Any],
    sampling: dict[str, Any],
    device: str,
    how: dict[str, Any],
    answer: Answer,
) -> None:
    """Extend music; the take with the best seams is written."""
    from counterpoint.generate import check_read_by, load_model, sampling_of
    from counterpoint.inpaint import SAMPLING, InpaintingRequest, Source, check_out, extend, inpaint_file

    source = Source.open(wanted.source)
    source.check_out(out)
    settings = sampling_of(model, sampling, otherwise=SAMPLING)
    check_read_by(None, sampling, model=model)
    chosen = answer.device(device)
    loaded = load_model(model, device=chosen, **how)
    music, spans = extend(source, duration_s=wanted.duration_s, side=wanted.side, window_s=loaded.window_s)
    request = InpaintingRequest(spans, sampling=settings, **fields)
    with answer.progress("Continuing", unit="steps", device=chosen) as progress:
        done = inpaint_file(check_out(music, request, out=out), request, model=loaded, progress=progress)
    give_takes(answer, done)


def _repeat(path: Path, *, out: Path, model: str | None, device: str, answer: Answer) -> None:
    """Draw the clip of a request again.

    Args:
        model: the place of the request's model, if it differs from the name in the request.
    """
    from counterpoint.audio.files import check_audio_output
    from counterpoint.generate import load_model
    from counterpoint.recipe import read_recipe

    recipe = read_recipe(path)
    check_audio_output(out, inputs=[path, *(path.parent / name for name in recipe.files().values())])
    chosen = answer.device(device)
    loaded = load_model(model or recipe.model, device=chosen)
    with answer.progress("Drawing again", unit="steps", device=chosen) as progress:
        made = recipe.make(out, model=loaded, folder=path.parent, progress=progress)
    for remark in made.remarks:
        answer.remark(remark)
    answer.give(
        {"out": str(out), "duration_s": made.duration_s}, f"{out}: {made.duration_s:.1f} s, {recipe.noun} drawn again"
    )
