"""Work of every kind that a study consists of, and what all of it takes on a device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from counterpoint.bench.draw import Draw
from counterpoint.bench.roofline import predict
from counterpoint.bench.takes import (
    DrawEstimate,
    TrainingEstimate,
    draw_estimate,
    looking_s,
    precision_of,
    training_estimate,
)
from counterpoint.config import TrainingConfig

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits
    from counterpoint.bench.point import Point

Handling = Literal["composed", "coded", "decoded", "tracked", "judged", "followed", "joined", "compared"]
PACE: Mapping[Handling, tuple[float, float]] = {
    "composed": (1.0, 0.0034),
    "coded": (1.0, 0.0046),
    "decoded": (0.0, 0.015),
    "tracked": (0.5, 0.0023),
    "judged": (20.0, 0.0091),
    "followed": (2.0, 0.0041),
    "joined": (1.0, 0.004),
    "compared": (0.5, 0.0006),
}
"""Seconds on two cores, per step and per second of music. `decoded` is for a codec that synthesises phases, `judged`
for the metrics that need no download, `joined` for the seams of spans, `compared` for comparisons with other clips.
Measured at the scales quick and debug with the codec of the package; other codecs and metrics differ."""


@dataclass(frozen=True)
class Music:
    """Music that is processed without a study's own networks.

    Attributes:
        clips: number of clips, of `seconds` in all.
        codec: the codec that it passes through; "" for none.
    """

    handling: Handling
    seconds: float
    clips: int = 0
    codec: str = ""


@dataclass(frozen=True)
class Workload:
    """The work of some steps.

    Attributes:
        trainings: training runs.
        draws: clips of models.
        looked_at: number of examples that a network processes without drawing or learning, with its run.
        timed: points of sampling that are timed, with random weights.
        music: all other work that takes time.
    """

    trainings: Sequence[TrainingConfig] = ()
    draws: Sequence[Draw] = ()
    looked_at: Sequence[tuple[TrainingConfig, int]] = ()
    timed: Sequence[Point] = ()
    music: Sequence[Music] = ()

    @classmethod
    def sum(cls, parts: Sequence[Workload]) -> Workload:
        """The sum of work."""
        names = [field.name for field in fields(cls)]
        return cls(**{name: [each for part in parts for each in getattr(part, name)] for name in names})

    @property
    def judged(self) -> int:
        """Number of clips that are evaluated."""
        return sum(music.clips for music in self.music if music.handling == "judged")

    @property
    def codecs(self) -> list[str]:
        """The codecs that music passes through, by name."""
        named = [*(music.codec for music in self.music), *(run.data.codec for run in self.trainings)]
        return [codec for codec in dict.fromkeys(named) if codec]


@dataclass(frozen=True)
class Estimate:
    """The cost of a study on a device.

    Attributes:
        trainings: trainings with updates.
        looking_s: time of networks that process examples without drawing or learning.
        music_s: time of all work without a study's networks, as measured on two cores.
        timed_s: time of the timed points at the device's limits, a lower bound.
    """

    device: Limits
    trainings: Sequence[TrainingEstimate]
    draws: Sequence[DrawEstimate]
    looking_s: float = 0.0
    music_s: float = 0.0
    timed_s: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it, one thing after another."""
        return self.training_s + self.sampling_s + self.looking_s + self.music_s + self.timed_s

    @property
    def training_s(self) -> float:
        return sum(run.seconds for run in self.trainings)

    @property
    def sampling_s(self) -> float:
        return sum(draw.seconds for draw in self.draws)

    @property
    def flops(self) -> float:
        return sum(part.flops for part in (*self.trainings, *self.draws))

    @property
    def clips(self) -> int:
        return sum(found.draw.clips for found in self.draws)

    @property
    def memory(self) -> int:
        """Memory of the largest run or draw in bytes."""
        return max([*(run.memory.total for run in self.trainings), *(draw.memory for draw in self.draws)], default=0)


def estimate(workload: Workload, *, device: Limits) -> Estimate:
    """The total cost on one such device."""

    points = [point.model_copy(update={"dtype": precision_of(point.dtype, device)}) for point in workload.timed]
    return Estimate(
        device=device,
        trainings=[training_estimate(config, device=device) for config in workload.trainings if config.steps],
        draws=[draw_estimate(draw, device=device) for draw in workload.draws],
        looking_s=sum(looking_s(run, examples=count, device=device) for run, count in workload.looked_at),
        music_s=sum(pace_s(music) for music in workload.music),
        timed_s=sum(predict(point, limits=device).latency_s for point in points),
    )


def pace_s(music: Music) -> float:
    """The time of processing on two cores."""
    once, a_second = PACE[music.handling]
    return once + a_second * music.seconds
