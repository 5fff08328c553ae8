"""`counterpoint codec`: train codecs, and reconstruct audio with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import CodecName, Device, Overrides, reports
from counterpoint.cli.output import Answer

app = group("Train codecs, and reconstruct audio with them.")


@app.command()
@reports
def train(
    config: Annotated[Path, typer.Argument(help="A YAML file, as in configs/codec.")],
    out: Annotated[Path, typer.Option(help="Run folder; a training in it is continued.")],
    device: Device = "auto",
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Train an EnCodec, a VAE or a spectrogram codec; the run folder can be used as a codec everywhere."""
    from counterpoint.config import CodecTrainingConfig, load_yaml

    # Errors in the configuration are found before anything heavy is imported.
    settings = load_yaml(config, CodecTrainingConfig, overrides=overrides, refuse_idle=True)
    from counterpoint.training import train_codec

    result = train_codec(settings, out=out, device=answer.device(device), progress=not answer.quiet)
    answer.give(
        result,
        f"{result.steps} steps, {result.wall_s:.0f} s; to listen: counterpoint codec reconstruct IN --codec {out} "
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
        typer.Option("--from", help="View to decode; by default the codes, or the latents if the codec has no codes."),
    ] = None,
    device: Device = "auto",
    *,
    answer: Answer,
) -> None:
    """Encode an audio file and decode it again."""
    from counterpoint.audio import audio_duration_s
    from counterpoint.audio.files import check_audio_output

    check_audio_output(out, inputs=[source])
    audio_duration_s(source)  # refused before torch is imported
    from counterpoint.encode import reconstruct_file

    chosen = answer.device(device)
    with answer.progress("Reconstructing", unit="s of audio", device=chosen) as progress:
        done = reconstruct_file(source, out=out, codec=codec, view=view, device=chosen, progress=progress)
    speed = done.duration_s / done.wall_s
    answer.give(done, f"{out}: {done.duration_s:.1f} s from the {done.view} of {codec}, {speed:.0f} times real time")
