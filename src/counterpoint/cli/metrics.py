"""`counterpoint metrics`: the published judges."""

from __future__ import annotations

from typing import Annotated

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import reports
from counterpoint.cli.output import Answer

app = group("Fetch the published judges, and show which are available.")


@app.command()
@reports
def fetch(
    name: Annotated[str, typer.Argument(help="A judge from `metrics status`.")],
    source: Annotated[
        str | None, typer.Option("--from", help="A hub id, a URL or a path; by default the published source.")
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="Expected SHA-256 of the content.")] = None,
    *,
    answer: Answer,
) -> None:
    """Fetch the weights of a judge; a local file or folder is used in place and must be kept."""
    from counterpoint.metrics.checkpoints import get

    with answer.progress("Fetching", unit="MB") as progress:
        found = get(name, source=source, sha256=sha256, progress=lambda done, all_: progress(done / 1e6, all_ / 1e6))
    answer.give(
        {"name": name, "checkpoint": found.label, "megabytes": found.megabytes, "path": str(found.path)},
        f"{name}: {found.label}, {found.megabytes:.0f} MB, in {found.path}",
    )


@app.command()
@reports
def status(*, answer: Answer) -> None:
    """Show which judges are available, with weights and licence, and how to get the others."""
    from counterpoint.metrics.checkpoints import print_statuses, statuses

    found = statuses()
    answer.give(found, lambda console: print_statuses(found, console=console))
