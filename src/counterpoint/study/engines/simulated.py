"""A cluster with a simulated clock, which uses the same schedule as real studies.

Steps are queued as Ray queues them: in the order in which they were started, each until a machine has room. Machines
are lost at random and repaired; the steps that ran there start again, a training from its last checkpoint. Some steps
take longer than expected.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from counterpoint.config import TrainingConfig, UserError
from counterpoint.study.engine import Done
from counterpoint.study.engines.dispatch import Ended, Schedule, critical_rank, dispatch
from counterpoint.study.work import Step

GPUS_PER_NODE = 8
CORES_PER_GPU = 8
EFFICIENCY = 0.9
"""Speed of each GPU if several share a training, relative to a single GPU."""


@dataclass(frozen=True)
class Cluster:
    """Machines of up to eight GPUs.

    Attributes:
        gpus: total number of GPUs.
        processes: number of GPUs per training.
        cores: number of cores per GPU; every step uses one.
        hours_between_losses: mean time in hours before a machine is lost; None if machines are never lost. Large
            trainings have reported 5,000 h (Llama 3: 419 unexpected interruptions in 54 days of 16,384 GPUs).
        repair_s: time in seconds to repair a lost machine.
        straggling: share of the steps that take 1.5 times as long.
        seed: seed of losses and stragglers.
    """

    gpus: int
    processes: int = 1
    cores: int = CORES_PER_GPU
    hours_between_losses: float | None = 5_000.0
    repair_s: float = 1_800.0
    straggling: float = 0.05
    seed: int = 0

    def __post_init__(self) -> None:
        if self.gpus < 1 or not 1 <= self.processes <= min(self.gpus, GPUS_PER_NODE):
            raise UserError(
                f"{self.gpus} GPUs with {self.processes} for each training are impossible; a training needs 1 to "
                f"{GPUS_PER_NODE} GPUs of one machine, and at most as many as the cluster has."
            )


@dataclass(frozen=True)
class Simulation:
    """The cost of a study on a simulated cluster.

    Attributes:
        wall_s: time in seconds from the first step to the end.
        busy_s: GPU-seconds in which GPUs worked, including repeated work.
        repeated_s: GPU-seconds of work that was lost with a machine.
        losses: number of machines that were lost while a step ran there.
        cluster: the simulated cluster.
    """

    wall_s: float
    busy_s: float
    repeated_s: float
    losses: int
    cluster: Cluster

    @property
    def gpu_hours(self) -> float:
        """Reserved GPU-hours: all GPUs until the end."""
        return self.cluster.gpus * self.wall_s / 3600

    @property
    def busy(self) -> float:
        """Share of the reserved GPU-hours in which a GPU worked."""
        return self.busy_s / (self.cluster.gpus * self.wall_s) if self.wall_s else 0.0


def simulate(plan: Sequence[Step], *, seconds: Mapping[str, float], cluster: Cluster) -> Simulation:
    """Run a study on a simulated cluster.

    Args:
        plan: all steps that are not finished, each after its inputs.
        seconds: duration of each step on one device, by key.
    """
    pool = SimulatedPool(cluster, seconds=seconds)
    inputs = {each.key for step in plan for each in step.inputs.values() if isinstance(each, Step)}
    finished = dict.fromkeys(inputs - {step.key for step in plan}, _NOTHING)
    schedule = Schedule.of(plan, finished=finished, rank=critical_rank(plan, seconds=seconds))
    dispatch(schedule, pool, retries=10**9)
    return Simulation(pool.now, pool.busy_s, pool.repeated_s, pool.losses, cluster)


_NOTHING = Done(Path(), cached=False, seconds=0.0, peak_memory_bytes=None)


@dataclass
class _Node:
    """A machine with its free GPUs and cores, its running steps, and whether it works."""

    gpus: int
    cores: int
    running: set[str] = field(default_factory=set)
    is_up: bool = True


@dataclass(frozen=True, eq=False)
class _Run:
    """An attempt on a machine with some GPUs and one core."""

    key: str
    node: _Node
    gpus: int
    started: float


Event = Callable[[], list[Ended]]


class SimulatedPool:
    """A simulated pool; see `dispatch.Pool`. `now` is its clock in seconds."""

    takes_waiting = False

    def __init__(self, cluster: Cluster, *, seconds: Mapping[str, float]):
        self._cluster, self._seconds = cluster, seconds
        self._random = random.Random(cluster.seed)
        self.now = self.busy_s = self.repeated_s = 0.0
        self.losses = 0
        self._queue: list[Step] = []
        self._steps: dict[str, Step] = {}
        self._runs: dict[str, _Run] = {}
        self._left: dict[str, float] = {}
        self._events: list[tuple[float, int, Event]] = []
        self._counted = itertools.count()
        whole, rest = divmod(cluster.gpus, GPUS_PER_NODE)
        self._nodes = [_Node(gpus, gpus * cluster.cores) for gpus in [GPUS_PER_NODE] * whole + [rest] * bool(rest)]
        for node in self._nodes:
            self._expect_loss(node)

    def has_room(self) -> bool:
        return True

    def start(self, step: Step) -> None:
        self._steps[step.key] = step
        self._left.setdefault(step.key, self._duration(step))
        self._queue.append(step)

    def wait(self) -> Sequence[Ended]:
        """Advance to the next event: the end of an attempt, or the loss or repair of a machine."""
        self._place()
        self.now, _, event = heapq.heappop(self._events)
        return event()

    def stop(self) -> None:
        return

    def _duration(self, step: Step) -> float:
        own, gpus = self._seconds[step.key], self._gpus(step)
        own = own / (gpus * EFFICIENCY) if gpus > 1 else own
        return own * (1.5 if self._random.random() < self._cluster.straggling else 1.0)

    def _gpus(self, step: Step) -> int:
        is_training = isinstance(step.config, TrainingConfig) and step.config.steps
        return self._cluster.processes if is_training else 0

    def _place(self) -> None:
        """Start the steps that fit, in order; a step that does not fit only blocks steps with the same needs."""
        waiting: list[Step] = []
        full: set[int] = set()
        for step in self._queue:
            gpus = self._gpus(step)
            node = None if gpus in full else next((node for node in self._nodes if _fits(node, gpus)), None)
            if node is None:
                full.add(gpus)
                waiting.append(step)
            else:
                self._begin(step, node, gpus=gpus)
        self._queue = waiting

    def _begin(self, step: Step, node: _Node, *, gpus: int) -> None:
        node.gpus -= gpus
        node.cores -= 1
        node.running.add(step.key)
        run = self._runs[step.key] = _Run(step.key, node, gpus, self.now)
        self._at(self.now + self._left[step.key], lambda: self._finish(run))

    def _finish(self, run: _Run) -> list[Ended]:
        if self._runs.get(run.key) is not run:  # it was lost with its machine
            return []
        self._free(run)
        return [Ended(run.key, done=Done(Path(), False, self.now - run.started, None))]

    def _lose(self, node: _Node) -> list[Ended]:
        """End all steps on a machine, which works again after its repair."""
        ended = []
        self.losses += bool(node.running)
        for run in [self._runs[key] for key in sorted(node.running)]:
            made = self._free(run)
            kept = self._kept(self._steps[run.key], made=made)
            self.repeated_s += run.gpus * (made - kept)
            self._left[run.key] -= kept
            ended.append(Ended(run.key, error="Its machine was lost.", lost=True))
        node.is_up = False
        self._at(self.now + self._cluster.repair_s, lambda: self._repair(node))
        return ended

    def _repair(self, node: _Node) -> list[Ended]:
        node.is_up = True
        self._expect_loss(node)
        return []

    def _free(self, run: _Run) -> float:
        """End an attempt; returns its working time in seconds."""
        del self._runs[run.key]
        run.node.gpus += run.gpus
        run.node.cores += 1
        run.node.running.discard(run.key)
        made = self.now - run.started
        self.busy_s += run.gpus * made
        return made

    def _kept(self, step: Step, *, made: float) -> float:
        """The working time of an attempt up to its last checkpoint, in seconds."""
        config = step.config
        if not isinstance(config, TrainingConfig) or not config.steps:
            return 0.0
        between = self._seconds[step.key] * config.checkpoint_every / config.steps
        return made // between * between

    def _expect_loss(self, node: _Node) -> None:
        if (hours := self._cluster.hours_between_losses) is not None:
            self._at(self.now + self._random.expovariate(1 / (3600 * hours)), lambda: self._lose(node))

    def _at(self, time: float, event: Event) -> None:
        heapq.heappush(self._events, (time, next(self._counted), event))


def _fits(node: _Node, gpus: int) -> bool:
    return node.is_up and node.gpus >= gpus and node.cores > 0
