"""`counterpoint analyze`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterpoint.cli.options import Device, reports
from counterpoint.cli.output import Answer


@reports
def analyze(
    file: Annotated[Path, typer.Argument(help="Any audio file, of any length.")],
    out: Annotated[
        list[Path] | None,
        typer.Option(
            help="Also draw the analysis to a .png, or write it to a .json, whose chords `generate --chords` reads; "
            "may be repeated."
        ),
    ] = None,
    device: Device = "auto",
    *,
    answer: Answer,
) -> None:
    """Analyse a piece of music: tempo, chords, melody, downbeats and tags, with their confidence."""
    from counterpoint.analysis import listen
    from counterpoint.audio import audio_duration_s
    from counterpoint.config import write_json
    from counterpoint.config.paths import check_output

    for path in out or ():
        check_output(path, what="the analysis", suffixes=(".png", ".json"), inputs=[file])
    audio_duration_s(file)  # refused before torch is imported
    found = listen.analyze(file, device=answer.device(device))
    for path in out or ():
        if path.suffix.lower() == ".json":
            write_json(path, found.to_json())
        else:
            listen.draw_analysis(path, found, source=file, title=file.name)
    answer.give(found.to_json(), str(found))
