"""The verb that opens the studio."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterpoint.cli.options import Device


def studio(
    port: Annotated[int, typer.Option(help="Port of the page; 0 takes any free one.")] = 7860,
    models: Annotated[
        list[str] | None,
        typer.Option("--model", help="A run folder, its name below runs, or a MusicGen; may be repeated."),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Folder of the pieces.")] = Path("runs/studio"),
    host: Annotated[str, typer.Option(help="Address to listen on; any other than this machine's needs --token.")] = (
        "127.0.0.1"
    ),
    token: Annotated[
        str | None,
        typer.Option(help="Token that visitors need, 8 characters or more; each visitor then has separate pieces."),
    ] = None,
    device: Device = "auto",
    storage_gb: Annotated[float, typer.Option("--storage-gb", min=0.01, help="Limit of stored audio in GB.")] = 5.0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
) -> None:
    """Open a page on which to generate, steer and edit music, with several models side by side."""
    from counterpoint.listen.from_studio import carry_out
    from counterpoint.studio.serving import serve_studio

    serve_studio(
        folder,
        models=models or (),
        host=host,
        port=port,
        token=token,
        device=device,
        limit_gb=storage_gb,
        opens_browser=browser,
        tester=carry_out,
        show=typer.echo,
    )
