"""Requests from the page or from scripts, and the recipes that are made from those for music."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from counterpoint.config import UserError
from counterpoint.config.base import Caption, Config, Seed
from counterpoint.config.documents import quoted
from counterpoint.config.idle import IdleWhere
from counterpoint.config.sampling import read_sampling
from counterpoint.config.text import on_one_line
from counterpoint.recipe import read_recipe
from counterpoint.studio.readers import KIT

MOST_TAKES = 8
LONGEST_S = 120.0
"""Longest duration of one clip or continuation in seconds."""
LATEST_S = 3600.0
"""Latest time of a span in seconds."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
_Time = Annotated[float, Field(ge=0, le=LONGEST_S)]
_Place = Annotated[float, Field(ge=0, le=LATEST_S)]
Note = tuple[_Time, _Time, Annotated[int, Field(ge=0, le=127)]]
Name = Annotated[str, Field(max_length=200)]
_NEW = IdleWhere("kind", "generate")
_NO_SPANS = IdleWhere("kind", lambda kind: kind != "inpaint")
_NO_SIDE = IdleWhere("kind", lambda kind: kind != "continue")


class StepGrid(Config):
    """Drums as steps of sixteenth notes, which are repeated until the clip ends."""

    bpm: Annotated[float, Field(ge=30, le=300)] = 120.0
    rows: dict[str, list[Literal[0, 1]]]
    """Steps by drum: kick, snare, hat, open hat, clap, tom."""

    @field_validator("rows")
    @classmethod
    def _even(cls, rows: dict[str, list[int]]) -> dict[str, list[int]]:
        if unknown := [name for name in rows if name not in KIT]:
            raise ValueError(f"there is no drum {unknown[0]!r}; choose from {', '.join(KIT)}")
        if len({len(steps) for steps in rows.values()}) != 1 or not 1 <= len(next(iter(rows.values()), [])) <= 64:
            raise ValueError("every row must have the same number of steps, 1 to 64")
        return rows


class MusicRequest(Config):
    """A request for music, which goes to each of its models with the same seeds.

    Melody, drums and music to edit are given by the ids of uploaded files and of takes.
    """

    kind: Literal["generate", "inpaint", "continue"] = "generate"
    models: Annotated[list[Name], Field(min_length=1, max_length=4)]
    caption: Annotated[Caption, Field(max_length=2000)] = ""
    duration_s: Seconds = 5.0
    """Duration of a new clip or of a continuation."""
    seed: Seed | None = None
    """Seed of the first take, by default random; take i has the seed + i."""
    takes: Annotated[int, Field(ge=1, le=MOST_TAKES)] = 1
    sampling: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Sampling settings by model."""
    chords: Annotated[str, Field(max_length=4000)] | None = None
    melody: Annotated[str, Field(max_length=64)] | None = None
    """Id of a file."""
    notes: Annotated[list[Note], Field(max_length=500)] | None = None
    """(start, end, MIDI number) of each note of a melody, instead of a file."""
    drums: Annotated[str, Field(max_length=64)] | None = None
    """Id of a file."""
    grid: StepGrid | None = None
    """Drum pattern, instead of a file."""
    take: Annotated[Annotated[str, Field(max_length=64)] | None, _NEW] = None
    """Id of the take that is edited."""
    spans: Annotated[list[tuple[_Place, _Place]], Field(max_length=50), _NO_SPANS] = Field(default_factory=list)
    """Start and stop of each span to fill in, seconds."""
    side: Annotated[Literal["end", "start"], _NO_SIDE] = "end"
    """The end at which a take is continued."""
    methods: Annotated[dict[str, str], _NEW] = Field(default_factory=dict)
    """Inpainting method by model; by default the best that each model supports."""

    @field_validator("notes")
    @classmethod
    def _notes_last(cls, notes: list[Note] | None) -> list[Note] | None:
        if any(end <= start for start, end, _ in notes or ()):
            raise ValueError("a note must end later than it starts")
        return notes

    @field_validator("spans")
    @classmethod
    def _spans_last(cls, spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
        if any(stop <= start for start, stop in spans):
            raise ValueError("a span must end after its start; correct its times")
        return spans

    @model_validator(mode="after")
    def _each_field_counts(self) -> MusicRequest:
        for field, other in (("melody", "notes"), ("drums", "grid")):
            if getattr(self, field) is not None and getattr(self, other) is not None:
                raise ValueError(f"{field} and {other} exclude each other; leave one out")
        for field in ("sampling", "methods"):
            if unasked := [name for name in getattr(self, field) if name not in self.models]:
                raise ValueError(f"{field} names {quoted(unasked[0])}, which is not among the models; remove it")
        return self

    @property
    def new_s(self) -> float:
        """Seconds of new music that each model generates."""
        passage = sum(stop - start for start, stop in self.spans)
        return self.takes * (passage if self.kind == "inpaint" else self.duration_s)

    @property
    def title(self) -> str:
        """The first title of the piece in the history."""
        made = {"generate": "Untitled music", "inpaint": "Regenerated passage", "continue": "Continuation"}
        return on_one_line(self.caption)[:120] or made[self.kind]


class Change(Config):
    """The changeable properties of a piece."""

    title: str | None = None
    starred: bool | None = None


class Chart(Config):
    """A chord chart as text."""

    chords: str


def with_seed(request: MusicRequest) -> MusicRequest:
    """The same request with a seed, which is random if the request has none."""
    return request if request.seed is not None else request.model_copy(update={"seed": secrets.randbelow(2**31)})


def recipes_of(
    request: MusicRequest, *, models: Mapping[str, Mapping[str, Any]], stored: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Make the recipes of each model's takes.

    Args:
        request: a request with a seed.
        models: models of the studio, as described by `settings.shown_models`.
        stored: stored names of the request's sounds: `source`, `melody`, `drums`.

    Raises:
        UserError: the studio does not have a model, or a model does not support a part of the request.
    """
    assert request.seed is not None
    names = list(dict.fromkeys(request.models))
    for name in names:
        if name not in models:
            raise UserError(f"The studio has no model {name!r}; choose from {', '.join(models)}.")
        _require_known(request, models[name], stored=stored)
    own = _OWN[request.kind](request)
    return {
        name: [
            read_recipe(
                {
                    "kind": request.kind,
                    "model": name,
                    "caption": request.caption,
                    "seed": request.seed + number,
                    "sampling": request.sampling.get(name, {}),
                    "chords": request.chords,
                    **stored,
                    **own,
                    **({"method": request.methods[name]} if name in request.methods else {}),
                }
            ).to_json()
            for number in range(request.takes)
        ]
        for name in names
    }


_OWN: dict[str, Callable[[MusicRequest], dict[str, Any]]] = {
    "generate": lambda request: {"duration_s": request.duration_s},
    "inpaint": lambda request: {"spans": request.spans},
    "continue": lambda request: {"duration_s": request.duration_s, "side": request.side},
}
"""The fields that the recipe of each kind has besides the common ones."""


def _require_known(request: MusicRequest, model: Mapping[str, Any], *, stored: Mapping[str, str]) -> None:
    controls = [
        name for name in ("chords", "melody", "drums") if name in stored or (name == "chords" and request.chords)
    ]
    if foreign := [name for name in controls if name not in model["controls"]]:
        raise UserError(
            f"{model['name']} was not trained to follow {' or '.join(foreign)}; remove it, or choose another model."
        )
    read_sampling(model["paradigm"], request.sampling.get(model["name"], {}), source=f"The settings of {model['name']}")
    if request.kind == "generate":
        return
    if "source" not in stored:
        raise UserError("There is no music to edit; name a take, or upload a file first.")
    if not model["methods"]:
        raise UserError(f"{model['name']} was not trained for inpainting; choose another model.")
    chosen = request.methods.get(model["name"])
    if chosen is not None and chosen not in model["methods"]:
        raise UserError(
            f"{model['name']} has no inpainting method {chosen!r}; choose from {', '.join(model['methods'])}."
        )
    if request.kind == "inpaint" and not request.spans:
        raise UserError("There is no span to fill in; mark one on the waveform, or type its start and end.")
