"""`counterpoint codec`: train codecs, and listen to them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import CodecName, Device, Overrides, reports
from counterpoint.cli.output import Answer

app = group("Train codecs, and hear what one keeps of a file.")


@app.command()
@reports
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, as in configs/codec.")],
    out: Annotated[Path, typer.Option(help="Run folder; a training that is there goes on.")],
    device: Device = "auto",
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Train an EnCodec, a VAE or a spectrogram codec; the run folder loads wherever a codec is asked for."""
    from counterpoint.config import CodecTrainingConfig, load_yaml

    # What is wrong with the configuration is refused before anything heavy is imported.
    settings = load_yaml(config, CodecTrainingConfig, overrides=overrides, refuse_idle=True)
    from counterpoint.training import train_codec

    result = train_codec(settings, out=out, device=answer.device(device), progress=not answer.quiet)
    answer.give(
        result,
        f"{result.steps} steps, {result.wall_s:.0f} s; listen to it: counterpoint codec reconstruct IN --codec {out} "
        "--out x.wav",
    )


@app.command()
@reports
def reconstruct(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, of any length.")],
    out: Annotated[Path, typer.Option(help="A .wav or .flac: mono, at the codec's sample rate, as long as IN.")],
    codec: CodecName = "pocket",
    view: Annotated[
        Literal["latents", "codes"] | None,
        typer.Option("--from", help="What to decode; by default the codes, or the latents where the codec has none."),
    ] = None,
    device: Device = "auto",
    *,
    answer: Answer,
) -> None:
    """Hear what a codec keeps of a file: encode it and decode it again."""
    from counterpoint.encode import reconstruct_file

    chosen = answer.device(device)
    with answer.progress("Reconstructing", unit="s of audio", device=chosen) as progress:
        done = reconstruct_file(source, out=out, codec=codec, view=view, device=chosen, progress=progress)
    speed = done.duration_s / done.wall_s
    answer.give(done, f"{out}: {done.duration_s:.1f} s from the {done.view} of {codec}, {speed:.0f} times real time")
