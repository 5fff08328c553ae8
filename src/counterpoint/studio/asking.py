"""What a page or a script asks for, and the recipes that it becomes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from counterpoint.config import UserError
from counterpoint.config.base import Config, Seed
from counterpoint.config.sampling import read_sampling
from counterpoint.recipe import read_recipe
from counterpoint.studio.reading import KIT

MOST_TAKES = 8
LONGEST_S = 120.0
"""Of one clip or continuation."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
_Time = Annotated[float, Field(ge=0, le=LONGEST_S)]
Note = tuple[_Time, _Time, Annotated[int, Field(ge=0, le=127)]]
Name = Annotated[str, Field(max_length=200)]


class StepGrid(Config):
    """Drums step by step, sixteenths, repeated for as long as the clip lasts."""

    bpm: Annotated[float, Field(ge=30, le=300)] = 120.0
    rows: dict[str, list[Literal[0, 1]]]
    """Steps by drum: kick, snare, hat, open hat, clap, tom."""

    @field_validator("rows")
    @classmethod
    def _even(cls, rows: dict[str, list[int]]) -> dict[str, list[int]]:
        if unknown := [name for name in rows if name not in KIT]:
            raise ValueError(f"there is no drum {unknown[0]!r}: choose of {', '.join(KIT)}")
        if len({len(steps) for steps in rows.values()}) != 1 or not 1 <= len(next(iter(rows.values()), [])) <= 64:
            raise ValueError("every row must have the same number of steps, 1 to 64")
        return rows


class Ask(Config):
    """A request: the same for every model that it names, with the same seeds.

    Melody, drums and music to edit are named by the ids of files and takes that the studio has.
    """

    kind: Literal["generate", "inpaint", "continue"] = "generate"
    models: Annotated[list[Name], Field(min_length=1, max_length=4)]
    caption: Annotated[str, Field(max_length=2000)] = ""
    duration_s: Seconds = 5.0
    """Of a new clip, or of what is added to one."""
    seed: Seed | None = None
    """The first take's; by default any. Take i has the seed + i."""
    takes: Annotated[int, Field(ge=1, le=MOST_TAKES)] = 1
    sampling: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings by model."""
    chords: Annotated[str, Field(max_length=4000)] | None = None
    melody: Annotated[str, Field(max_length=64)] | None = None
    """Id of a file."""
    notes: Annotated[list[Note], Field(max_length=500)] | None = None
    """(start, end, MIDI number) of each note of a melody; in place of a file."""
    drums: Annotated[str, Field(max_length=64)] | None = None
    """Id of a file."""
    grid: StepGrid | None = None
    """In place of a file of drums."""
    take: Annotated[str, Field(max_length=64)] | None = None
    """Id of the take that is edited."""
    spans: Annotated[list[tuple[float, float]], Field(max_length=50)] = Field(default_factory=list)
    """Start and stop of each span to fill in, seconds."""
    side: Literal["end", "start"] = "end"
    """Where a take is made longer."""
    methods: dict[str, str] = Field(default_factory=dict)
    """How to fill in, by model; by default the best that each knows."""

    @field_validator("notes")
    @classmethod
    def _notes_last(cls, notes: list[Note] | None) -> list[Note] | None:
        if any(end <= start for start, end, _ in notes or ()):
            raise ValueError("a note must end later than it starts")
        return notes

    @property
    def new_s(self) -> float:
        """Seconds of new music that each model makes."""
        passage = sum(stop - start for start, stop in self.spans)
        return self.takes * (passage if self.kind == "inpaint" else self.duration_s)

    @property
    def title(self) -> str:
        """What the history calls it, until somebody finds a better name."""
        made = {"generate": "Untitled music", "inpaint": "A passage made again", "continue": "Continued"}
        return self.caption.strip()[:120] or made[self.kind]


def with_seed(ask: Ask) -> Ask:
    """The same with a seed, drawn where none was given."""
    return ask if ask.seed is not None else ask.model_copy(update={"seed": secrets.randbelow(2**31)})


def recipes_of(
    ask: Ask, *, models: Mapping[str, Mapping[str, Any]], stored: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """The recipes of each model's takes.

    Args:
        ask: with a seed.
        models: that the studio has, as `settings.shown_models` describes them.
        stored: names of its files among the library's sounds: `source`, `melody`, `drums`.

    Raises:
        UserError: a model that the studio does not have, or something that a model does not know.
    """
    assert ask.seed is not None
    names = list(dict.fromkeys(ask.models))
    for name in names:
        if name not in models:
            raise UserError(f"The studio has no model {name!r}: choose of {', '.join(models)}.")
        _require_known(ask, models[name], stored=stored)
    own = _OWN[ask.kind](ask)
    return {
        name: [
            read_recipe(
                {
                    "kind": ask.kind,
                    "model": name,
                    "caption": ask.caption,
                    "seed": ask.seed + number,
                    "sampling": ask.sampling.get(name, {}),
                    "chords": ask.chords,
                    **stored,
                    **own,
                    **({"method": ask.methods[name]} if name in ask.methods and ask.kind != "generate" else {}),
                }
            ).to_json()
            for number in range(ask.takes)
        ]
        for name in names
    }


_OWN: dict[str, Callable[[Ask], dict[str, Any]]] = {
    "generate": lambda ask: {"duration_s": ask.duration_s},
    "inpaint": lambda ask: {"spans": ask.spans},
    "continue": lambda ask: {"duration_s": ask.duration_s, "side": ask.side},
}
"""What the recipe of each kind has beside the common fields."""


def _require_known(ask: Ask, model: Mapping[str, Any], *, stored: Mapping[str, str]) -> None:
    asked = [name for name in ("chords", "melody", "drums") if name in stored or (name == "chords" and ask.chords)]
    if foreign := [name for name in asked if name not in model["controls"]]:
        raise UserError(
            f"{model['name']} was not trained to follow {' or '.join(foreign)}: leave that out, or choose another."
        )
    read_sampling(model["paradigm"], ask.sampling.get(model["name"], {}), source=f"The settings of {model['name']}")
    if ask.kind == "generate":
        return
    if "source" not in stored:
        raise UserError("There is no music to edit: name a take, or upload a file first.")
    if not model["methods"]:
        raise UserError(f"{model['name']} was not trained to fill in music; choose another model.")
    chosen = ask.methods.get(model["name"])
    if chosen is not None and chosen not in model["methods"]:
        raise UserError(f"{model['name']} cannot fill in by {chosen!r}; it can by {', '.join(model['methods'])}.")
    if ask.kind == "inpaint":
        _require_spans(ask.spans)


def _require_spans(spans: Sequence[tuple[float, float]]) -> None:
    if not spans:
        raise UserError("There is no span to fill in: drag one over the waveform, or type where it starts and stops.")
    if any(stop <= start for start, stop in spans):
        raise UserError("A span must stop later than it starts.")
