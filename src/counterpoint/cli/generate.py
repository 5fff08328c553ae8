"""`counterpoint generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from counterpoint.cli.options import BatchSize, Compiled, Device, DurationS, Precision, reports, takes_sampling
from counterpoint.cli.output import Answer


@reports
@takes_sampling
def generate(
    caption: Annotated[str | None, typer.Argument(help="What the music should sound like.")] = None,
    *,
    model: Annotated[
        str,
        typer.Option(
            help="A model as `counterpoint models` names it, such as pocket_autoregressive; a run folder; or a "
            "MusicGen: a folder or a hub id."
        ),
    ],
    out: Annotated[Path, typer.Option(help="A .wav or .flac for one clip, a folder for several.")],
    duration_s: DurationS = 10.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same audio; clip i has seed + i.")] = 0,
    num: Annotated[int, typer.Option(min=1, help="Clips of each caption.")] = 1,
    captions: Annotated[Path | None, typer.Option(help="A text file with one caption a line.")] = None,
    chords: Annotated[
        str | None,
        typer.Option(
            help='A chart, "C:0 Am:2 F:4 G:6" in seconds or "120 bpm | C | Am F |" in bars; or a .lab, .csv or .json.'
        ),
    ] = None,
    melody: Annotated[Path | None, typer.Option(help="A tune to follow: MIDI, or audio to hear it in.")] = None,
    drums: Annotated[Path | None, typer.Option(help="Audio of a drum loop to follow.")] = None,
    batch_size: BatchSize = 16,
    device: Device = "cpu",
    precision: Precision = None,
    compiled: Compiled = False,
    sampling: dict[str, Any],
    answer: Answer,
) -> None:
    """Generate music from a caption, and from chords, a melody and drums where the model knows them."""
    from counterpoint import generate as drawing

    request = drawing.GenerationRequest(
        drawing.repeated(drawing.read_captions(caption, captions), num=num),
        duration_s=duration_s,
        seed=seed,
        controls=drawing.ControlSources(chords=chords, melody=melody, drums=drums),
        sampling=drawing.sampling_of(model, sampling),
        batch_size=batch_size,
    )
    destination = drawing.check_destination(out, request=request, inputs=[captions])
    loaded = drawing.load_model(model, device=device, precision=precision, compiled=compiled)
    with answer.progress("Generating", unit="clips") as progress:
        report = drawing.write_clips(request, model=loaded, out=destination, progress=progress)
    for remark in report.remarks:
        answer.remark(remark)
    answer.give(
        {"out": str(out), **vars(report)},
        f"{out}: {report.audio_s:.1f} s of music in {report.latency_s:.1f} s; "
        f"{report.network_evaluations:,} network evaluations a clip, "
        f"which cost as much as {report.model_evaluations:,} without guidance",
    )
