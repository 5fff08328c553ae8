"""Descriptions of the models for the page: their controls, and every sampling setting with its meaning."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from counterpoint.attributes import classes_in
from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.paths import true_path
from counterpoint.config.sampling import PARADIGMS, SOLVERS, read_sampling
from counterpoint.generate.settings import MUSICGEN_PARADIGM, is_published
from counterpoint.runs import RUNS, find_run
from counterpoint.runs.find import SHIPPED_MODELS
from counterpoint.runs.layout import MODEL_FILE
from counterpoint.runs.load import read_description
from counterpoint.runs.models import ListedModel, list_models

_HIDDEN = ("text_guidance", "guidance_interval", "tolerance")
"""Settings that are meant for studies; only the API offers them."""
EXAMPLES = (
    "soft jazz with piano and double bass",
    "techno with synth bass and drums",
    "warm string quartet, slow",
    "bossa nova with nylon guitar",
    "rock band with electric guitar and drums, 140 bpm",
)


def find_models(names: Sequence[str]) -> dict[str, str]:
    """The place of each model, by the name that the page shows.

    A run folder below `runs` and a hub id keep their names. Any other folder is named by its last part, since visitors
    must not see paths of this machine.

    Raises:
        UserError: a model is missing, or two models have the same name.
    """
    found: dict[str, str] = {}
    for model in dict.fromkeys(names):
        place = find_run(model)
        if not (place / MODEL_FILE).is_file() and not is_published(place):
            known = ", ".join(default_models())
            raise UserError(f"There is no model {model!r}; give a run folder, a MusicGen folder, or one of {known}.")
        name = _name_of(model, place)
        if name in found:
            raise UserError(f"Two models have the name {name!r}; rename one of the folders.")
        found[name] = model if name == model else str(place)
    return found


def _name_of(model: str, place: Path) -> str:
    if not place.exists():  # a hub id
        return model
    for root in (RUNS, SHIPPED_MODELS):
        if true_path(place).is_relative_to(true_path(root)):
            return true_path(place).relative_to(true_path(root)).as_posix()
    return true_path(place).stem if place.is_file() else true_path(place).name


def shown_models(places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Describe each model for the page.

    Args:
        places: the result of `find_models`.

    Raises:
        UserError: a model is damaged.
    """
    listed = {model.name: model for model in list_models()}
    found = [_shown(name, Path(place), listed.get(name)) for name, place in places.items()]
    labels = Counter(model["label"] for model in found)
    return [{**model, "label": _label(model, is_alone=labels[model["label"]] == 1)} for model in found]


def _label(model: Mapping[str, Any], *, is_alone: bool) -> str:
    return model["label"] if is_alone else f"{model['label']}, {model['name']}"


def default_models() -> list[str]:
    """The names of the included models, in the order of the registry of paradigms."""
    ships = [model for model in list_models() if model.ships and not model.problem]
    return [model.name for model in sorted(ships, key=lambda model: list(PARADIGMS).index(model.paradigm))]


def _shown(name: str, place: Path, listed: ListedModel | None) -> dict[str, Any]:
    if listed is not None and listed.problem:
        raise UserError(f"The model {name} cannot be used: {listed.problem}")
    run = find_run(place)
    described: Mapping[str, Any] = read_description(run) if (run / MODEL_FILE).is_file() else {}
    paradigm = described["model"]["paradigm"] if described else MUSICGEN_PARADIGM
    entry = PARADIGMS[paradigm]
    trained = ("supervised",) if described and described["model"].get("inpainting") else ()
    sampling = read_sampling(paradigm, described.get("sampling", {}))
    return {
        "name": name,
        "paradigm": paradigm,
        "label": entry.label,
        "short": entry.short,
        "controls": list(described["model"].get("controls", ())) if described else [],
        "methods": [*trained, *entry.zero_shot],
        "window_s": float(described.get("segment_s", 0.0)) or None,
        "streams": entry.view == "codes",
        "settings": _settings(type(sampling), values=sampling.model_dump(mode="json")),
    }


def _settings(kind: type, *, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every setting with its name, the default of the model, its meaning, and its kind (number, count or choice)."""
    found = []
    for name, sentence in meanings(kind).items():
        if name in _HIDDEN or name not in values:
            continue
        value = values[name]
        choices = sorted(SOLVERS) if name == "solver" else None
        is_whole = isinstance(value, int) or value is None
        found.append(
            {
                "name": name,
                "value": value,
                "text": sentence,
                "kind": "choice" if choices else "count" if is_whole else "number",
                "choices": choices,
            }
        )
    return found


@cache
def meanings(kind: type) -> dict[str, str]:
    """The docstrings of the fields of a configuration, beginning with those of its parent classes."""
    return {
        attribute.name: attribute.meaning
        for cls in reversed(kind.__mro__)
        if issubclass(cls, SamplingConfig)
        for attribute in classes_in(Path(inspect.getfile(cls)))[cls.__name__].attributes.values()
    }


@cache
def known_words() -> dict[str, list[str]]:
    """Words of the embedded corpus, which models trained on it understand: styles, instruments, moods and tempi."""
    from counterpoint.compose.canonical import TEMPI, style_term
    from counterpoint.compose.instruments import INSTRUMENTS
    from counterpoint.compose.styles import STYLES

    return {
        "styles": sorted({style_term(style) for style in STYLES.values()}),
        "instruments": sorted(INSTRUMENTS),
        "moods": sorted({mood for style in STYLES.values() for moods in style.moods.values() for mood in moods}),
        "tempi": [term for _, term in TEMPI],
    }
