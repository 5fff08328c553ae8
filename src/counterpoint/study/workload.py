"""What a study would compute, known before anything is, and what all of it takes on a device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoint.bench.draw import Draw
from counterpoint.config import TrainingConfig

if TYPE_CHECKING:
    from counterpoint.bench.limits import Limits
    from counterpoint.bench.point import Point
    from counterpoint.bench.takes import DrawEstimate, TrainingEstimate


@dataclass(frozen=True)
class Workload:
    """The costly part of a study: training runs, and clips drawn from them. Equal runs are one run.

    Attributes:
        codecs: that music goes through besides those of the runs.
        timed: points of sampling that are timed, with random weights; `repeats` of each.
        heard: clips that judges hear where no model draws any.
    """

    trainings: Sequence[TrainingConfig] = ()
    draws: Sequence[Draw] = ()
    codecs: Sequence[str] = ()
    timed: Sequence[Point] = ()
    repeats: int = 1
    heard: int = 0


@dataclass(frozen=True)
class Estimate:
    """A study on a device.

    Attributes:
        trainings: each once, however many systems draw from it.
        timed_s: of the points that are timed, at the device's limits: not less.
    """

    device: Limits
    trainings: Sequence[TrainingEstimate]
    draws: Sequence[DrawEstimate]
    timed_s: float = 0.0

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
        """Of the largest run or draw."""
        return max([*(run.memory.total for run in self.trainings), *(draw.memory for draw in self.draws)], default=0)


def estimate(workload: Workload, *, device: Limits) -> Estimate:
    """What the whole of it takes on one such device."""
    from counterpoint.bench.roofline import predict
    from counterpoint.bench.takes import draw_estimate, precision_of, training_estimate

    runs = {config.model_dump_json(): config for config in workload.trainings if config.steps}
    points = [point.model_copy(update={"dtype": precision_of(point.dtype, device)}) for point in workload.timed]
    return Estimate(
        device=device,
        trainings=[training_estimate(config, device=device) for config in runs.values()],
        draws=[draw_estimate(draw, device=device) for draw in workload.draws],
        timed_s=workload.repeats * sum(predict(point, limits=device).latency_s for point in points),
    )
