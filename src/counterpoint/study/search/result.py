"""What a search found, to JSON and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from counterpoint.study.search.points import Settings

Outcome = Literal["chosen", "finished", "stopped", "skipped"]


@dataclass(frozen=True)
class Standing:
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
    value: float
    low: float
    high: float
    best: str
    difference: float
    difference_low: float
    difference_high: float
    bound: float
    goes_on: bool
    reason: str


@dataclass(frozen=True)
class Cost:
    """Of drawing clips.

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
            self.clips + other.clips,
            self.seconds + other.seconds,
            max(self.passes, other.passes),
            max(self.evaluations, other.evaluations),
            self.broken or other.broken,
        )

    @property
    def seconds_per_clip(self) -> float:
        return self.seconds / max(1, self.clips)


@dataclass(frozen=True)
class Found:
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


@dataclass(frozen=True)
class SearchResult:
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
        reference: clips of the training split on the other side of the metric.
        chosen, default: keys.
        points: all of the grid, those skipped too.
    """

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

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `write_json`; what is not defined is null."""
        plain = asdict(self)
        for point in plain["points"]:
            point["standings"] = [
                {name: None if value != value else value for name, value in standing.items()}
                for standing in point["standings"]
            ]
        return plain

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SearchResult:
        """The inverse of `to_json`, also after a trip through a file."""
        points = tuple(
            Found(
                **{
                    **point,
                    "standings": tuple(map(_standing, point["standings"])),
                    "cost": Cost(**point["cost"]),
                }
            )
            for point in value["points"]
        )
        return cls(**{**value, "rungs": tuple(value["rungs"]), "prompts": tuple(value["prompts"]), "points": points})


def _standing(value: Mapping[str, Any]) -> Standing:
    known: dict[str, Any] = {name: math.nan if each is None else each for name, each in value.items()}
    return Standing(**known)
