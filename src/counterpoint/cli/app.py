"""All verbs by name; the modules of verbs are thin: they parse, call one function, and report its result."""

from __future__ import annotations

from typing import Annotated

import typer

from counterpoint import __version__
from counterpoint.cli import codec, config, data, listen, metrics, study
from counterpoint.cli.analyze import analyze
from counterpoint.cli.bench import bench
from counterpoint.cli.doctor import doctor
from counterpoint.cli.evaluate import evaluate
from counterpoint.cli.follow import follow
from counterpoint.cli.generate import generate
from counterpoint.cli.groups import group
from counterpoint.cli.inpaint import inpaint
from counterpoint.cli.models import codecs, models
from counterpoint.cli.studio import studio
from counterpoint.cli.train import export, train

app = group("Text-to-music generation: auto-regressive or flow matching?", completes=True)
for _verb in (train, generate, inpaint, analyze, models, codecs, export, evaluate, follow, bench, studio, doctor):
    app.command()(_verb)
for _name, _group in (
    ("data", data),
    ("codec", codec),
    ("study", study),
    ("listen", listen),
    ("metrics", metrics),
    ("config", config),
):
    app.add_typer(_group.app, name=_name)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"counterpoint {__version__}")
        raise typer.Exit


def _offline(wanted: bool) -> None:
    if wanted:
        from counterpoint.config.network import go_offline

        go_offline()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    offline: Annotated[
        bool,
        typer.Option(
            "--offline",
            callback=_offline,
            help="Never use the network, only earlier downloads; the option may be anywhere in the line.",
        ),
    ] = False,
) -> None:
    pass
