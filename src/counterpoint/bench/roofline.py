"""How fast a device could be at best: each pass takes the longest of its arithmetic, its reads, and its launch.

For AR and FM of any size on any device whose ceilings are known, without running anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from counterpoint.bench.limits import Limits
from counterpoint.bench.point import PAPER_LATENT, Point
from counterpoint.paradigm.cost import Cost, ar_step, fm_evaluation, parameters, sampling_bytes

Bound = Literal["arithmetic", "memory", "launch"]
MOST_POSITIONS = 64
"""Steps of an auto-regressive clip looked at: between them time is all but linear in the position."""
MOST_BATCH = 4096
MOST_SECONDS = 3600


@dataclass(frozen=True)
class Prediction:
    """The limit of a point on a device.

    Attributes:
        latency_s: of the whole batch.
        throughput: clips a second.
        passes: steps or evaluations.
        bound: what most of the time goes into.
        fits: weights and all that sampling needs fit into the device's memory; None where that is not known.
    """

    latency_s: float
    throughput: float
    passes: int
    bound: Bound
    fits: bool | None

    @property
    def pass_s(self) -> float:
        """Of one step or evaluation."""
        return self.latency_s / self.passes


def predict(point: Point, *, limits: Limits, floor_s: float = 0.0, evaluations: int | None = None) -> Prediction:
    """The limit of a point.

    Args:
        floor_s: a pass takes no less, however small: the launch of its kernels.
        evaluations: of the velocity, where the solver chooses them itself.
    """
    spent: dict[Bound, float] = {"arithmetic": 0.0, "memory": 0.0, "launch": 0.0}
    passes = 0.0
    for cost, times in _costs(point, evaluations):
        candidates: dict[Bound, float] = {
            "arithmetic": cost.flops / limits.rate(point.dtype),
            "memory": cost.traffic / limits.bandwidth,
            "launch": floor_s,
        }
        longest = max(candidates, key=lambda bound: candidates[bound])
        spent[longest] += times * candidates[longest]
        passes += times
    latency_s = sum(spent.values())
    return Prediction(
        latency_s=latency_s,
        throughput=point.batch / latency_s,
        passes=round(passes),
        bound=max(spent, key=lambda bound: spent[bound]),
        fits=None if limits.memory is None else memory_needed(point) <= limits.memory,
    )


def memory_needed(point: Point) -> float:
    """Bytes of weights and of sampling."""
    return parameters(point.model, PAPER_LATENT) * point.job.weight_bytes + sampling_memory(point)


def sampling_memory(point: Point) -> int:
    """Bytes that drawing the batch takes beside the weights."""
    job = point.job
    return sampling_bytes(
        point.model,
        PAPER_LATENT,
        batch=job.batch,
        frames=job.frames,
        passes=2 if job.guided else 1,
        text_tokens=job.text_tokens,
        dtype_bytes=int(job.state_bytes),
    )


def crossover_batch(flow: Point, *, limits: Limits, floor_s: float = 0.0) -> int | None:
    """The smallest batch at which auto-regression draws as many clips a second as `flow`; None where none does."""

    def overtakes(batch: int) -> bool:
        return _ratio(flow.model_copy(update={"batch": batch}), limits=limits, floor_s=floor_s) >= 1

    return _first(overtakes, most=MOST_BATCH)


def crossover_duration(flow: Point, *, limits: Limits, floor_s: float = 0.0) -> int | None:
    """The shortest duration, whole seconds, at which auto-regression is slower than `flow`; None up to an hour.

    Batch and all else are `flow`'s.
    """

    def lags(seconds: int) -> bool:
        return _ratio(flow.model_copy(update={"duration_s": float(seconds)}), limits=limits, floor_s=floor_s) < 1

    return _first(lags, most=MOST_SECONDS)


def _costs(point: Point, evaluations: int | None) -> list[tuple[Cost, float]]:
    """Passes of the network and how often each comes."""
    config, job = point.model, point.job
    if point.paradigm == "flow_matching":
        return [(fm_evaluation(config, PAPER_LATENT, job), evaluations or point.steps)]
    steps = point.frames + PAPER_LATENT.num_codebooks - 1
    looked_at = min(steps, MOST_POSITIONS)
    share = steps / looked_at
    positions = (round((index + 0.5) * share - 0.5) for index in range(looked_at))
    return [(ar_step(config, PAPER_LATENT, job, position=position), share) for position in positions]


def _ratio(flow: Point, *, limits: Limits, floor_s: float) -> float:
    """How many times as fast as `flow` auto-regression is."""
    autoregressive = flow.model_copy(update={"paradigm": "autoregressive"})
    slow, fast = (predict(point, limits=limits, floor_s=floor_s).latency_s for point in (flow, autoregressive))
    return slow / fast


def _first(holds: Callable[[int], bool], *, most: int) -> int | None:
    """The smallest whole number from 1 that `holds` for, if from some number on it does for all."""
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
