"""What a page needs to know of models: what each takes, and every setting with its sentence."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from counterpoint.attributes import classes_in
from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.files import read_json
from counterpoint.config.paths import true_path
from counterpoint.config.sampling import PARADIGMS, SOLVERS, read_sampling
from counterpoint.generate.settings import MUSICGEN_PARADIGM, is_published
from counterpoint.runs import RUNS, find_run
from counterpoint.runs.find import SHIPPED_MODELS
from counterpoint.runs.layout import MODEL_FILE
from counterpoint.runs.models import ListedModel, list_models

_HIDDEN = ("text_guidance", "guidance_interval", "tolerance")
"""Settings for studies, which the page leaves to the API."""
EXAMPLES = (
    "soft jazz with piano and double bass",
    "techno with synth bass and drums",
    "warm string quartet, slow",
    "bossa nova with nylon guitar",
    "rock band with electric guitar and drums, 140 bpm",
)


def find_models(names: Sequence[str]) -> dict[str, str]:
    """Where each model lies, by the name that the page has for it.

    A run folder below `runs` and a hub id keep their names. Any other folder is called by its last part, since visitors
    are shown no path of this machine.

    Raises:
        UserError: there is no such model, or two folders have one name.
    """
    found: dict[str, str] = {}
    for given in dict.fromkeys(names):
        place = find_run(given)
        if not (place / MODEL_FILE).is_file() and not is_published(place):
            known = ", ".join(default_models())
            raise UserError(f"There is no model {given!r}: name a run folder, a MusicGen folder, or one of {known}.")
        name = _name_of(given, place)
        if name in found:
            raise UserError(f"Two models are called {name!r}: rename one of the folders.")
        found[name] = given if name == given else str(place)
    return found


def _name_of(given: str, place: Path) -> str:
    if not place.exists():  # a hub id
        return given
    for root in (RUNS, SHIPPED_MODELS):
        if true_path(place).is_relative_to(true_path(root)):
            return true_path(place).relative_to(true_path(root)).as_posix()
    return true_path(place).stem if place.is_file() else true_path(place).name


def shown_models(places: Mapping[str, str]) -> list[dict[str, Any]]:
    """What the page shows of each model.

    Args:
        places: from `find_models`.

    Raises:
        UserError: a model is broken.
    """
    listed = {model.name: model for model in list_models()}
    found = [_shown(name, Path(place), listed.get(name)) for name, place in places.items()]
    labels = Counter(model["label"] for model in found)
    return [{**model, "label": _label(model, is_alone=labels[model["label"]] == 1)} for model in found]


def _label(model: Mapping[str, Any], *, is_alone: bool) -> str:
    return model["label"] if is_alone else f"{model['label']}, {model['name']}"


def default_models() -> list[str]:
    """Those that ship: one of each paradigm, in the order of the registry."""
    ships = [model for model in list_models() if model.ships and not model.problem]
    return [model.name for model in sorted(ships, key=lambda model: list(PARADIGMS).index(model.paradigm))]


def _shown(name: str, place: Path, listed: ListedModel | None) -> dict[str, Any]:
    if listed is not None and listed.problem:
        raise UserError(f"The model {name} cannot be used: {listed.problem}")
    run = find_run(place)
    described: Mapping[str, Any] = read_json(run / MODEL_FILE) if (run / MODEL_FILE).is_file() else {}
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
    """Every setting: its name, the model's own value, what it means, and its kind (number, count or choice)."""
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
    """The sentences under the fields of a configuration, its parents' fields first."""
    return {
        attribute.name: attribute.meaning
        for cls in reversed(kind.__mro__)
        if issubclass(cls, SamplingConfig)
        for attribute in classes_in(Path(inspect.getfile(cls)))[cls.__name__].attributes.values()
    }


@cache
def known_words() -> dict[str, list[str]]:
    """Words that models know which were trained on the embedded corpus: styles, instruments, tempi."""
    from counterpoint.compose.canonical import TEMPI, style_term
    from counterpoint.compose.instruments import INSTRUMENTS
    from counterpoint.compose.styles import STYLES

    return {
        "styles": sorted({style_term(style) for style in STYLES.values()}),
        "instruments": sorted(INSTRUMENTS),
        "moods": sorted({mood for style in STYLES.values() for moods in style.moods.values() for mood in moods}),
        "tempi": [term for _, term in TEMPI],
    }
