"""What a search over the settings of a sampler found."""

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
"""Fields of a sampling configuration, some of them."""
Undefined = Annotated[
    float,
    BeforeValidator(lambda value: math.nan if value is None else value),
    PlainSerializer(lambda value: None if math.isnan(value) else value, when_used="json"),
]
"""A number that may be not defined, NaN: null in JSON."""


class Standing(Record):
    """How a point stood on one rung.

    Attributes:
        n: prompts it had answered.
        value, low, high: of the primary metric, with its 95% interval over tracks.
        best: key of the point that was best on this rung.
        difference, difference_low, difference_high: to that point on the same prompts, positive where this one is
            worse, with a 95% interval.
        bound: the least of that difference at the rule's level; above 0 the point is hopeless.
        goes_on: to the next rung; on the last, it has answered all.
        reason: for that, in words.
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
        clips: drawn.
        seconds: together, text and codec included.
        passes, evaluations: of the network, a clip, the most of any batch; in the second the rows of guidance count.
        broken: why nothing could be drawn; "" where it could.
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
    """What became of a point.

    Attributes:
        key: of the point.
        settings: a value of every axis.
        others: those beside guidance, in words.
        sampling: in full, plain.
        reason: for the outcome, in words.
        standings: a rung each.
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
        primary: the metric it went by.
        better: its good direction.
        seed: of the half samples.
        rungs: prompts that a point has answered after each.
        keep: so many best always go on.
        level: the chance, at most, that the truly best point is stopped anywhere.
        comparisons: that the level is shared by.
        prompts: ids of the windows, in the order in which they are answered.
        reference: clips of held-out music on the other side of the metric.
        chosen, default: keys.
        points: all of the grid, those skipped too.
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
        """Model evaluations and seconds of drawing."""
        return (
            float(sum(point.cost.evaluations * point.cost.clips for point in self.tried)),
            sum(point.cost.seconds for point in self.tried),
        )

    def in_full(self) -> tuple[float, float]:
        """The same, had every point that was tried answered every prompt at its own cost a clip."""
        every = len(self.prompts)
        return (
            float(sum(point.cost.evaluations * every for point in self.tried)),
            sum(point.cost.seconds_per_clip * every for point in self.tried),
        )
