"""`counterpoint config`: the configuration keys."""

from __future__ import annotations

from typing import Annotated

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import Overrides, reports
from counterpoint.cli.output import Answer

app = group("Show configuration keys.")


@app.callback()
def _config() -> None:
    pass


@app.command()
@reports
def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A YAML file; a study from `study list`; or training or codec, for the defaults of a model's "
            "or a codec's training."
        ),
    ],
    scale: Annotated[str | None, typer.Option(help="Scale of a study that has several.")] = None,
    overrides: Overrides = None,
    *,
    answer: Answer,
) -> None:
    """Print a configuration with every key, its meaning and its default, as a YAML file that can be changed and run."""
    from counterpoint.api.configuration import find_config
    from counterpoint.config.explain import explain, to_yaml

    kind, config = find_config(name, scale=scale, overrides=overrides or ())
    answer.give(list(explain(kind, config)), to_yaml(explain(kind, config)))
