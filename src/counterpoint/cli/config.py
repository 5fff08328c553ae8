"""`counterpoint config`: the configuration keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoint.cli.groups import group
from counterpoint.cli.options import Overrides, reports
from counterpoint.cli.output import Answer

if TYPE_CHECKING:
    from pydantic import BaseModel

app = group("Show configuration keys.")
_MARKS = {"data": "TrainingConfig", "codec": "CodecTrainingConfig"}
"""Keys that identify the configuration of a training; other files are studies."""


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
    from counterpoint.config.explain import explain, to_yaml

    kind, config = _find(name, scale=scale, overrides=overrides)
    answer.give(list(explain(kind, config)), to_yaml(explain(kind, config)))


def _find(name: str, *, scale: str | None, overrides: list[str] | None) -> tuple[type[BaseModel], BaseModel | None]:
    """The class of a configuration and its values; None shows the defaults."""
    from counterpoint import config
    from counterpoint.config.load import read_yaml

    bare = {"training": config.TrainingConfig, "codec": config.CodecTrainingConfig}
    if name in bare:
        return bare[name], None
    if name.endswith((".yaml", ".yml")):
        values = read_yaml(Path(name))
        mark = next((mark for mark in _MARKS if mark in values and "kind" not in values), None)
        if mark is not None:
            kind = getattr(config, _MARKS[mark])
            return kind, config.load_yaml(Path(name), kind, overrides=overrides, scale=scale)
    from counterpoint.study.kinds import load_study
    from counterpoint.study.shipped import find_study

    study = load_study(find_study(name), overrides=overrides, scale=scale)
    return type(study), study
