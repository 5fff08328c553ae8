"""The result of a search over the settings of a sampler."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, PlainSerializer

from counterpoint.results.parts import Part
from counterpoint.results.records import Record

Outcome = Literal["chosen", "finished", "stopped", "skipped"]
Value = int | float | str | tuple[float, float]
Settings = Mapping[str, Value]
"""Some fields of a sampling configuration."""
Undefined = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: None if math.isnan(value) else value, when_used="json"),
]
"""A number that may be undefined (NaN): null in JSON."""


class Standing(Record):
    """The state of a point on one rung.

    Attributes:
        n: number of prompts answered so far.
        value, low, high: primary metric, with its 95% interval over tracks.
        best: key of the best point on this rung.
        difference, difference_low, difference_high: difference from that point on the same prompts, positive if this
            one is worse, with a 95% interval.
        bound: lower bound of that difference at the rule's level; above 0 the point is stopped.
        goes_on: whether it continues to the next rung; on the last, whether it has answered all.
        reason: the reason, in words.
    """

    n: int
    value: Undefined = math.nan
    low: Undefined = math.nan
    high: Undefined = math.nan
    best: str
    difference: Undefined = math.nan
    difference_low: Undefined = math.nan
    difference_high: Undefined = math.nan
    bound: Undefined = math.nan
    goes_on: bool
    reason: str


class Cost(Record):
    """The cost of drawing clips.

    Attributes:
        clips: number of clips.
        seconds: total time, including text and codec.
        passes, evaluations: network passes per clip, the maximum over batches; the second includes rows of guidance.
        broken: why nothing could be drawn; "" otherwise.
    """

    clips: int = 0
    seconds: float = 0.0
    passes: int = 0
    evaluations: int = 0
    broken: str = ""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            clips=self.clips + other.clips,
            seconds=self.seconds + other.seconds,
            passes=max(self.passes, other.passes),
            evaluations=max(self.evaluations, other.evaluations),
            broken=self.broken or other.broken,
        )

    @property
    def seconds_per_clip(self) -> float:
        return self.seconds / max(1, self.clips)


class Found(Record):
    """The outcome of a point.

    Attributes:
        key: key of the point.
        settings: its value on every axis.
        others: the settings besides guidance, in words.
        sampling: the complete sampling settings, as plain values.
        reason: the reason for the outcome, in words.
        standings: its state on each rung.
    """

    key: str
    settings: Settings
    guidance: float
    others: str
    sampling: Mapping[str, Any]
    is_default: bool
    outcome: Outcome
    reason: str
    standings: tuple[Standing, ...]
    cost: Cost


class SearchResult(Part):
    """A whole search.

    Attributes:
        primary: the primary metric.
        better: its better direction.
        seed: seed of the half samples.
        rungs: number of prompts answered after each rung.
        keep: number of best points that always continue.
        level: the greatest probability that the truly best point is stopped anywhere.
        comparisons: number of comparisons that share the level.
        prompts: ids of the windows, in the order of answering.
        reference: number of reference clips of held-out music in the metric.
        chosen, default: keys of points.
        points: all points of the grid, including skipped ones.
    """

    FILE: ClassVar[str] = "search.json"
    paradigm: str
    primary: str
    better: Literal["lower", "higher"]
    seed: int
    rungs: tuple[int, ...]
    keep: int
    level: float
    comparisons: int
    prompts: tuple[str, ...]
    reference: int
    chosen: str
    default: str
    points: tuple[Found, ...]

    def point(self, key: str) -> Found:
        return next(point for point in self.points if point.key == key)

    @property
    def tried(self) -> list[Found]:
        return [point for point in self.points if point.outcome != "skipped"]

    def spent(self) -> tuple[float, float]:
        """Total model evaluations and seconds of drawing."""
        return (
            float(sum(point.cost.evaluations * point.cost.clips for point in self.tried)),
            sum(point.cost.seconds for point in self.tried),
        )

    def in_full(self) -> tuple[float, float]:
        """The total cost if every tried point had answered every prompt at its own cost per clip."""
        every = len(self.prompts)
        return (
            float(sum(point.cost.evaluations * every for point in self.tried)),
            sum(point.cost.seconds_per_clip * every for point in self.tried),
        )
