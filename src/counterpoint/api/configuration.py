"""Configurations, explained key by key. Importing this imports no torch."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint import config
from counterpoint.config.explain import Key, explain
from counterpoint.config.load import as_overrides, read_yaml

if TYPE_CHECKING:
    from pydantic import BaseModel

_MARKS = {"data": "TrainingConfig", "codec": "CodecTrainingConfig"}
"""Keys by which a file is known to be the configuration of a training; others are studies."""


def explain_config(
    name: str | os.PathLike[str], *, scale: str | None = None, settings: Mapping[str, Any] | None = None
) -> list[Key]:
    """Every key of a configuration with its value, default, meaning, and the paradigm that alone reads it.

    >>> import counterpoint as cp
    >>> keys = {key.path: key for key in cp.explain_config("training")}
    >>> keys["optimizer.learning_rate"].default, keys["model.sigma_min"].owner
    (0.0001, 'flow matching')

    Args:
        name: a YAML file; a study, as `counterpoint.studies` names it; or `training` or `codec`, for the defaults of a
            model's or a codec's training.
        scale: scale of a study that has several.
        settings: keys to change, such as `{"steps": 1000}`.

    Raises:
        UserError: there is no such file or study, or a value is invalid.
    """
    return list(explain(*find_config(os.fspath(name), scale=scale, overrides=as_overrides(settings or {}))))


def find_config(name: str, *, scale: str | None, overrides: Sequence[str]) -> tuple[type[BaseModel], BaseModel | None]:
    """The class of a configuration, and its values; None stands for the defaults. See `explain_config`."""
    bare = {"training": config.TrainingConfig, "codec": config.CodecTrainingConfig}
    if name in bare:
        return bare[name], None
    if name.endswith((".yaml", ".yml")):
        values = read_yaml(Path(name))
        mark = next((mark for mark in _MARKS if mark in values and "kind" not in values), None)
        if mark is not None:
            kind = getattr(config, _MARKS[mark])
            return kind, config.load_yaml(Path(name), kind, overrides=list(overrides), scale=scale)
    from counterpoint.study.kinds import load_study
    from counterpoint.study.shipped import find_study

    study = load_study(find_study(name), overrides=list(overrides), scale=scale)
    return type(study), study
