"""The limits of a device: each pass takes the longest of its arithmetic, its memory reads, and its launch.

They apply to models of any paradigm and size on any device with known limits, without running anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from counterpoint.bench.limits import Limits
from counterpoint.bench.point import PAPER_LATENT, Point

Bound = Literal["arithmetic", "memory", "launch"]
MOST_POSITIONS = 64
"""Number of steps of an auto-regressive clip that are computed: between them time is nearly linear in the position."""
MOST_BATCH = 4096
MOST_SECONDS = 3600


@dataclass(frozen=True)
class Prediction:
    """The limit of a point on a device.

    Attributes:
        latency_s: latency of the whole batch.
        throughput: clips per second.
        passes: number of steps or evaluations.
        bound: the resource that takes most of the time.
        fits: whether weights and sampling fit into the device's memory; None if that is unknown.
    """

    latency_s: float
    throughput: float
    passes: int
    bound: Bound
    fits: bool | None

    @property
    def pass_s(self) -> float:
        """Seconds of one step or evaluation."""
        return self.latency_s / self.passes


def predict(point: Point, *, limits: Limits, floor_s: float = 0.0, evaluations: int | None = None) -> Prediction:
    """The limit of a point.

    Args:
        floor_s: least time of a pass, for the launch of its kernels.
        evaluations: number of network passes, if they were counted; by default that of the cost model.
    """
    spent: dict[Bound, float] = {"arithmetic": 0.0, "memory": 0.0, "launch": 0.0}
    count = evaluations or point.cost.count(point.model, PAPER_LATENT, frames=point.frames, sampling=point.sampling)
    steps = point.cost.steps(point.model, PAPER_LATENT, point.job, count=count, looked_at=MOST_POSITIONS)
    for cost, times in steps:
        candidates: dict[Bound, float] = {
            "arithmetic": cost.flops / limits.rate(point.dtype),
            "memory": cost.traffic / limits.bandwidth,
            "launch": floor_s,
        }
        longest = max(candidates, key=lambda bound: candidates[bound])
        spent[longest] += times * candidates[longest]
    latency_s = sum(spent.values())
    return Prediction(
        latency_s=latency_s,
        throughput=point.batch / latency_s,
        passes=count,
        bound=max(spent, key=lambda bound: spent[bound]),
        fits=None if limits.memory is None else memory_needed(point) <= limits.memory,
    )


def memory_needed(point: Point) -> float:
    """Bytes of weights and of sampling."""
    return point.cost.parameters(point.model, PAPER_LATENT) * point.job.weight_bytes + sampling_memory(point)


def sampling_memory(point: Point) -> int:
    """Bytes for drawing the batch, without the weights."""
    job = point.job
    return point.cost.sampling_bytes(
        point.model,
        PAPER_LATENT,
        batch=job.batch,
        frames=job.frames,
        passes=2 if job.guided else 1,
        text_tokens=job.text_tokens,
        dtype_bytes=int(job.state_bytes),
    )


def crossover_batch(point: Point, *, rival: str, limits: Limits, floor_s: float = 0.0) -> int | None:
    """The smallest batch at which the paradigm `rival` draws as many clips per second as `point`; None without any."""

    def overtakes(batch: int) -> bool:
        return _lead(point.model_copy(update={"batch": batch}), rival=rival, limits=limits, floor_s=floor_s) >= 1

    return _first(overtakes, most=MOST_BATCH)


def crossover_duration(point: Point, *, rival: str, limits: Limits, floor_s: float = 0.0) -> int | None:
    """The shortest duration, whole seconds, at which the paradigm `rival` is slower than `point`; None up to an hour.

    Batch size and everything else are those of `point`.
    """

    def lags(seconds: int) -> bool:
        longer = point.model_copy(update={"duration_s": float(seconds)})
        return _lead(longer, rival=rival, limits=limits, floor_s=floor_s) < 1

    return _first(lags, most=MOST_SECONDS)


def _lead(point: Point, *, rival: str, limits: Limits, floor_s: float) -> float:
    """How many times as fast as `point` the rival is."""
    other = point.model_copy(update={"paradigm": rival})
    slow, fast = (predict(each, limits=limits, floor_s=floor_s).latency_s for each in (point, other))
    return slow / fast


def _first(holds: Callable[[int], bool], *, most: int) -> int | None:
    """The smallest positive integer for which `holds` is true, if it then stays true."""
    if holds(1):
        return 1
    low, high = 1, 2
    while not holds(high):
        low, high = high, 2 * high
        if low >= most:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
