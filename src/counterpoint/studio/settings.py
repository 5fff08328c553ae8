"""What a page needs to know of models: what each takes, and every setting with its sentence."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from counterpoint.attributes import classes_in
from counterpoint.config import SamplingConfig, UserError
from counterpoint.config.files import read_json
from counterpoint.config.sampling import PARADIGMS, SOLVERS, read_sampling
from counterpoint.runs import RUNS, find_run
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


def shown_models(names: Sequence[str]) -> list[dict[str, Any]]:
    """What the page shows of each model of these names.

    Raises:
        UserError: there is no such model, or it is broken.
    """
    listed = {model.name: model for model in list_models()}
    short = [Path(name).relative_to(RUNS).as_posix() if Path(name).is_relative_to(RUNS) else name for name in names]
    return [_shown(name, listed.get(name)) for name in short]


def default_models() -> list[str]:
    """Those that ship: one of each paradigm, in the order of the registry."""
    ships = [model for model in list_models() if model.ships and not model.problem]
    return [model.name for model in sorted(ships, key=lambda model: list(PARADIGMS).index(model.paradigm))]


def _shown(name: str, listed: ListedModel | None) -> dict[str, Any]:
    if listed is not None and listed.problem:
        raise UserError(f"The model {name} cannot be used: {listed.problem}")
    described: Mapping[str, Any] = {}
    if listed is not None or (find_run(name) / MODEL_FILE).is_file():
        described = read_json(find_run(name) / MODEL_FILE)
    paradigm = described["model"]["paradigm"] if described else "autoregressive"
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
