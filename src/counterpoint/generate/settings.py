"""The kind of model behind a name, and its sampling settings, before anything is loaded. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from counterpoint.config import SamplingConfig, UserError, pick_sampling, read_sampling
from counterpoint.config.load import check_effects
from counterpoint.config.sampling import PARADIGMS
from counterpoint.config.weights import CONFIG_FILE
from counterpoint.runs import RUNS, find_run, read_description
from counterpoint.runs.layout import MODEL_FILE

MUSICGEN_PARADIGM = "autoregressive"
LANGUAGE_MODEL_FILE = "state_dict.bin"
"""File of audiocraft's export of a MusicGen."""


def sampling_of(
    model: str | Path, given: Mapping[str, Any], *, otherwise: Mapping[str, Any] | None = None
) -> SamplingConfig:
    """Sampling settings of a model: the given ones, else `sampling` in its model.json, which the models of the package
    have, else `otherwise`, else the defaults of its paradigm.

    Args:
        model: as for `load_model`.
        given: settings by name; None leaves one open.
        otherwise: further defaults; those that the paradigm does not have are ignored.

    Raises:
        UserError: there is no such model, its paradigm does not have a setting, or a value is invalid.
    """
    run = find_run(model)
    described: Mapping[str, Any] = {} if is_published(run) else read_description(run)
    paradigm = described["model"]["paradigm"] if described else MUSICGEN_PARADIGM
    return settings_of(paradigm, described.get("sampling", {}), given, otherwise=otherwise, refuse_idle=True)


def check_read_by(method: str | None, given: Mapping[str, Any], *, model: str | Path) -> None:
    """Refuse sampling settings that a user gives and a zero-shot method of inpainting does not read.

    Args:
        method: of inpainting; None is the model's best one, which is supervised if the model was trained for it.
        given: settings by name; None leaves one open.
        model: as for `load_model`.

    Raises:
        UserError: naming a setting.
    """
    run = find_run(model)
    network: Mapping[str, Any] = {} if is_published(run) else read_description(run)["model"]
    entry = PARADIGMS[network.get("paradigm", MUSICGEN_PARADIGM)]
    if method == "supervised" or (method is None and network.get("inpainting")):
        return
    usual = entry.sampling().model_dump()
    for name in entry.unread_by_zero_shot:
        if given.get(name) not in (None, usual[name]):
            raise UserError(
                f"sampling: {name} has no effect in inpainting {f'by {method}' if method else 'without training'}, "
                "which takes Euler steps from noise of unit variance: leave it out."
            )


def settings_of(
    paradigm: str,
    chosen: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    otherwise: Mapping[str, Any] | None,
    refuse_idle: bool,
) -> SamplingConfig:
    """Settings of a paradigm: the `given`, else those `chosen` for the model, else `otherwise`, else the defaults.

    Args:
        refuse_idle: a given setting without effect (`config.idle`) is a mistake: where a user gives it.
    """
    usual = pick_sampling(paradigm, otherwise or {}).model_dump(exclude_unset=True)
    explicit = {name: value for name, value in given.items() if value is not None}
    settings = read_sampling(paradigm, {**usual, **chosen, **explicit})
    if refuse_idle:
        check_effects(settings, source="sampling", only=explicit)
    return settings


def is_published(path: Path) -> bool:
    """Whether a path is another library's checkpoint, or can only be a hub id: OWNER/NAME."""
    if path.is_dir():
        return not (path / MODEL_FILE).is_file() and _is_musicgen(path)
    is_ours = any((folder / path.parts[0]).exists() for folder in (Path(), RUNS))
    is_export = path.suffix == Path(LANGUAGE_MODEL_FILE).suffix and path.is_file()
    return is_export or (len(path.parts) == 2 and not is_ours)


def _is_musicgen(folder: Path) -> bool:
    """Whether a folder looks like a checkpoint of another library's model, which may be supported or refused."""
    return (folder / CONFIG_FILE).is_file() or (folder / LANGUAGE_MODEL_FILE).is_file()
