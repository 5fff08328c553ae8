"""The settings of a study's parts, which kinds of studies have in common and the steps read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config.base import Config, Positive
from counterpoint.config.sampling import AnySampling
from counterpoint.config.schema import CONTROLS, BudgetConfig, ControlName, NetworkConfig, ParadigmName, SegmentsConfig
from counterpoint.study.search.points import Point, expand

PositiveSeconds = Annotated[float, Field(gt=0)]
Examples = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0)]


class ComposeConfig(Config):
    """How much of the embedded corpus to make."""

    clips: Positive = 400
    duration_s: PositiveSeconds = 10.0
    seed: Seed = 0


class ClipsConfig(Config):
    """The held-out windows of music that a study is about."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: PositiveSeconds = 5.0
    splits: Annotated[tuple[Literal["test", "valid", "train"], ...], Field(min_length=1)] = ("test", "valid")
    """Where they are cut, in the order of preference; all of music that no model has heard, else what was held out."""


class SharedTrainingConfig(BudgetConfig, SegmentsConfig, NetworkConfig):
    """What all models of a study are trained with: one network, one budget, one order of examples. The controls are
    those of the models that have any."""

    controls: tuple[ControlName, ...] = CONTROLS


class PromptsConfig(ClipsConfig):
    """The held-out windows of music whose captions every system answers."""

    seed: Seed = 0
    """Of every generation; clip i takes `seed + i`."""
    batch_size: Positive = 16


class EvaluationConfig(Config):
    """How clips are judged."""

    primary: str = "fad_musicnn"
    """The metric that the verdict is about, chosen before anything was run."""
    seed: Seed = 0
    """Of every resampling."""


class ExamineConfig(Config):
    """How it is found out what a trained model has learned."""

    clips: Annotated[int, Field(ge=8)] = 96
    """Held-out segments, at most."""
    candidates: Annotated[int, Field(ge=2)] = 8
    """Captions to pick the true one from."""
    seed: Seed = 0
    """Of the wrong candidates, and of all times and noise."""


class SampleConfig(Config):
    """What is drawn of every dataset: windows of random rows, of any split."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: Annotated[float, Field(gt=0)] = 10.0
    seed: Seed = 0


class TimingConfig(Config):
    """How long a clip takes: draws of all settings in turn, so that a busy moment falls on all of them."""

    batch_size: Positive = 4
    repeats: Positive = 3


Settings = dict[str, int | float | str | tuple[float, float]]
"""Fields of `SamplingConfig`, some of them."""


class Grid(Config):
    """The settings of one paradigm's sampler that are tried: every combination of guidance and the axes."""

    default: AnySampling
    """What the search is to improve on; settings that no axis names are as here."""
    guidance: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
    axes: tuple[Annotated[tuple[Settings, ...], Field(min_length=1)], ...] = ()
    """The values of each other hyper-parameter; two that belong together, as a solver and its steps, are one value."""
    skip: tuple[Settings, ...] = ()
    """Points that have all settings of one of these are not tried; the result and the report name them."""

    def points(self) -> list[Point]:
        """All of them, those skipped too.

        Raises:
            ValueError: see `expand`.
        """
        return expand(self.default, guidance=self.guidance, axes=self.axes, skip=self.skip)

    def tried(self) -> list[Point]:
        """Those that are not skipped."""
        return [point for point in self.points() if not point.skipped]

    def check(self, paradigm: ParadigmName) -> None:
        """
        Raises:
            ValueError: a setting that the paradigm does not read, a value of guidance among the axes, a point that is
                there twice, something skipped that is not there, or fewer than two points left.
        """
        given = [self.default.model_fields_set, *(value.keys() for axis in (*self.axes, self.skip) for value in axis)]
        known = type(self.default).model_fields
        for name in (name for names in given for name in names if name not in known):
            raise ValueError(f"{paradigm} does not read {name!r}; its settings are {', '.join(known)}")
        if any("guidance" in value for axis in self.axes for value in axis):
            raise ValueError("guidance is a list of its own beside the axes")
        points = self.points()
        for own in self.skip:
            if not any(own.items() <= point.settings.items() for point in points):
                raise ValueError(f"skip names {own}, which no point of the grid has")
        if len(self.tried()) < 2:
            raise ValueError("fewer than two points are left to be tried; give the axes more values, or skip fewer")


class LadderConfig(Config):
    """How the field is narrowed."""

    first: Annotated[int, Field(ge=8)] = 8
    """Prompts on the first rung; each further one doubles them, up to all."""
    keep: Positive = 3
    """So many best go on from every rung."""

    def rungs(self, prompts: int) -> tuple[int, ...]:
        """Prompts answered after each rung."""
        found, n = [], self.first
        while n < prompts:
            found.append(n)
            n *= 2
        return (*found, prompts)
