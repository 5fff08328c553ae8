"""Settings of a study's parts, which kinds of studies share and steps read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from counterpoint.config.base import Config, Positive, Seconds
from counterpoint.config.sampling import AnySampling
from counterpoint.config.schema import CONTROLS, BudgetConfig, ControlName, NetworkConfig, ParadigmName, SegmentsConfig
from counterpoint.study.search.points import Point, expand

PositiveSeconds = Annotated[float, Field(gt=0)]
Examples = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0)]


class ComposeConfig(Config):
    """The size of the embedded corpus."""

    clips: Positive = 400
    duration_s: PositiveSeconds = 10.0
    seed: Seed = 0


class ClipsConfig(Config):
    """The held-out windows of music of a study."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: PositiveSeconds = 5.0
    splits: Annotated[tuple[Literal["test", "valid", "train"], ...], Field(min_length=1)] = ("test", "valid")
    """Splits from which they are cut, in the order of preference; by default those on which no model is trained."""


class SharedTrainingConfig(BudgetConfig, SegmentsConfig, NetworkConfig):
    """The common training settings of all models of a study: one network, one budget, one order of examples. The
    controls are those of the models that have any."""

    controls: tuple[ControlName, ...] = CONTROLS


class PromptsConfig(ClipsConfig):
    """The held-out windows of music whose captions every system answers."""

    seed: Seed = 0
    """Seed of every generation; clip i has `seed + i`."""
    batch_size: Positive = 16


class EvaluationConfig(Config):
    """Settings of the evaluation."""

    primary: str = "fad_musicnn"
    """The metric of the verdict, chosen before anything was run."""
    seed: Seed = 0
    """Seed of every resampling."""


class ExamineConfig(Config):
    """Settings of the examination of trained models."""

    clips: Annotated[int, Field(ge=8)] = 96
    """Greatest number of held-out segments."""
    candidates: Annotated[int, Field(ge=2)] = 8
    """Number of captions from which the true one is selected."""
    seed: Seed = 0
    """Seed of the wrong candidates and of all times and noise."""


class SampleConfig(Config):
    """The sample of every dataset: windows of random rows, of any split."""

    clips: Annotated[int, Field(ge=8)] = 64
    duration_s: Seconds = 10.0
    seed: Seed = 0


class TimingConfig(Config):
    """Timing of clips: all settings are drawn in turn, so that disturbances affect all of them."""

    batch_size: Positive = 4
    repeats: Positive = 3


Settings = dict[str, int | float | str | tuple[float, float]]
"""Some fields of `SamplingConfig`."""


class Grid(Config):
    """The tried settings of one paradigm's sampler: every combination of guidance and the axes."""

    default: AnySampling
    """The default that the search improves; it also sets the values outside the axes."""
    guidance: Annotated[tuple[Annotated[float, Field(ge=0)], ...], Field(min_length=1)]
    axes: tuple[Annotated[tuple[Settings, ...], Field(min_length=1)], ...] = ()
    """The values of each other hyper-parameter; two that belong together, such as a solver and its steps, are one."""
    skip: tuple[Settings, ...] = ()
    """Points that have all settings of one of these are not tried; the result and the report list them."""

    def points(self) -> list[Point]:
        """All points, including skipped ones.

        Raises:
            ValueError: see `expand`.
        """
        return expand(self.default, guidance=self.guidance, axes=self.axes, skip=self.skip)

    def tried(self) -> list[Point]:
        """All points that are not skipped."""
        return [point for point in self.points() if not point.skipped]

    def check(self, paradigm: ParadigmName) -> None:
        """
        Raises:
            ValueError: the paradigm does not read a setting, guidance is among the axes, a point occurs twice, `skip`
                names a point that does not exist, or fewer than two points remain.
        """
        given = [self.default.model_fields_set, *(value.keys() for axis in (*self.axes, self.skip) for value in axis)]
        known = type(self.default).model_fields
        for name in (name for names in given for name in names if name not in known):
            raise ValueError(f"{paradigm} does not read {name!r}; its settings are {', '.join(known)}")
        if any("guidance" in value for axis in self.axes for value in axis):
            raise ValueError("guidance has its own list beside the axes")
        points = self.points()
        for own in self.skip:
            if not any(own.items() <= point.settings.items() for point in points):
                raise ValueError(f"skip names {own}, which no point of the grid has")
        if len(self.tried()) < 2:
            raise ValueError("fewer than two points remain; give the axes more values, or skip fewer")


class LadderConfig(Config):
    """Settings of the rungs."""

    first: Annotated[int, Field(ge=8)] = 8
    """Number of prompts on the first rung; each further rung doubles it, up to all."""
    keep: Positive = 3
    """Number of best points that continue from every rung."""

    def rungs(self, prompts: int) -> tuple[int, ...]:
        """Numbers of prompts answered after each rung."""
        found, n = [], self.first
        while n < prompts:
            found.append(n)
            n *= 2
        return (*found, prompts)
