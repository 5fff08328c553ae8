"""Training and export of models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel

from counterpoint.config import CodecTrainingConfig, TrainingConfig, UserError
from counterpoint.config.load import as_overrides, check_effects, laid_out, load_yaml, parse

if TYPE_CHECKING:
    from counterpoint.training import TrainingResult

Kind = TypeVar("Kind", bound=BaseModel)
Described: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any]"
"""A YAML file, or its content as a mapping."""


def train_model(
    config: TrainingConfig | Described,
    *,
    out: str | os.PathLike[str],
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    processes: int = 1,
    trackers: Sequence[str] = (),
    progress: bool = False,
) -> TrainingResult:
    """Train a generative model, or continue the training in `out`.

    Args:
        config: the configuration, as in the repository's `configs`.
        out: the run folder, which `load_model` accepts.
        settings: keys with new values, such as `{"model.backbone": "pocket", "steps": 1000}`.
        device: `cpu`, `cuda`, `cuda:1` or `mps`; by default a GPU if there is one.
        processes: processes, and so GPUs, that divide every batch among themselves; the weights are the same.
        trackers: where the metrics are shown besides `metrics.jsonl`: `tensorboard`, `trackio` or `wandb`.
        progress: whether to show a bar on stderr.

    Raises:
        UserError: a configuration or dataset does not fit, or `out` holds another configuration's training.
    """
    from counterpoint.training.launch import train_with

    loaded, where = _read(config, TrainingConfig, settings=settings), {"processes": processes, "device": device}
    return train_with(loaded, out=Path(out), **where, trackers=trackers, progress=progress)


def train_codec(
    config: CodecTrainingConfig | Described,
    *,
    out: str | os.PathLike[str],
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    progress: bool = False,
) -> TrainingResult:
    """Train a codec, or continue the training in `out`, which `load_codec` accepts; see `train_model`."""
    from counterpoint.training import train_codec as train

    return train(_read(config, CodecTrainingConfig, settings=settings), out=Path(out), device=device, progress=progress)


def export_model(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    kind: Literal["musicgen", "weights"] = "musicgen",
    sampling: Mapping[str, Any] | None = None,
) -> Path:
    """Export a model into a new folder, and return the folder.

    Args:
        model: a model as `load_model` takes it.
        kind: `musicgen` for `transformers.MusicgenForConditionalGeneration`; `weights` for any run, without its
            training state.
        sampling: settings by name that `weights` stores with the model as its defaults, such as those that a search
            has found (App. D).

    Raises:
        UserError: the format cannot represent the model, a setting does not fit it, or the folder exists.
    """
    from counterpoint.generate.export import export_musicgen, publish_run

    sampling = sampling or {}
    if kind == "weights":
        publish_run(os.fspath(model), Path(out), sampling=sampling)
        return Path(out)
    if given := [name for name, value in sampling.items() if value is not None]:
        raise UserError(
            f"{', '.join(given)} cannot be stored in MusicGen's format: export the model as weights, or leave "
            "the settings out."
        )
    export_musicgen(os.fspath(model), Path(out))
    return Path(out)


def _read(config: Kind | Described, kind: type[Kind], *, settings: Mapping[str, Any] | None) -> Kind:
    overrides = as_overrides(settings or {})
    if isinstance(config, str | os.PathLike):
        return load_yaml(Path(config), kind, overrides=overrides, refuse_idle=True)
    values = config.model_dump() if isinstance(config, BaseModel) else config
    laid = laid_out(values, scale=None, overrides=overrides, source="the configuration")
    read = parse(laid, kind, source="the configuration")
    if not isinstance(config, BaseModel):  # a program's own configuration has every key, as that of a run
        check_effects(read, source="the configuration")
    return read
