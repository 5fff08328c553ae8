"""A cluster with a simulated clock: the schedule is the one that studies run by, and only the waiting is left out.

Steps are queued as Ray queues them: in the order in which they were started, each until its machine has room. Machines
are lost at random and come back; what ran there begins again, a training at its last checkpoint. Some steps take longer
than expected.
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
"""The speed of each of several GPUs that share a training, relative to one alone."""


@dataclass(frozen=True)
class Cluster:
    """Machines of up to eight GPUs.

    Attributes:
        gpus: all of them.
        processes: GPUs that each training takes.
        cores: for each GPU; every step takes one.
        hours_between_losses: mean time that one machine works before it is lost; None: none is ever lost. 5,000 h is
            what large trainings have reported (Llama 3: 419 unexpected interruptions in 54 days of 16,384 GPUs).
        repair_s: until a lost machine is back.
        straggling: share of the steps that take half as long again.
        seed: of losses and stragglers.
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
                f"{self.gpus} GPUs and {self.processes} of them for each training make no sense: a training takes 1 to "
                f"{GPUS_PER_NODE} GPUs of one machine, and no more than there are."
            )


@dataclass(frozen=True)
class Simulation:
    """What a study took on a simulated cluster.

    Attributes:
        wall_s: from the first step to the end.
        busy_s: GPU-seconds in which GPUs worked, repeated work included.
        repeated_s: GPU-seconds of work that was lost with a machine.
        losses: machines that were lost while something ran there.
        cluster: that was simulated.
    """

    wall_s: float
    busy_s: float
    repeated_s: float
    losses: int
    cluster: Cluster

    @property
    def gpu_hours(self) -> float:
        """Reserved: all GPUs until the end."""
        return self.cluster.gpus * self.wall_s / 3600

    @property
    def busy(self) -> float:
        """Share of them in which a GPU worked."""
        return self.busy_s / (self.cluster.gpus * self.wall_s) if self.wall_s else 0.0


def simulate(plan: Sequence[Step], *, seconds: Mapping[str, float], cluster: Cluster) -> Simulation:
    """Run a study on a simulated cluster.

    Args:
        plan: every step after its inputs; those that are finished already left out.
        seconds: of each step on one device, by key.
    """
    pool = SimulatedPool(cluster, seconds=seconds)
    there = {given.key for step in plan for given in step.inputs.values() if isinstance(given, Step)}
    finished = dict.fromkeys(there - {step.key for step in plan}, _NOTHING)
    schedule = Schedule.of(plan, finished=finished, rank=critical_rank(plan, seconds=seconds))
    dispatch(schedule, pool, retries=10**9)
    return Simulation(pool.now, pool.busy_s, pool.repeated_s, pool.losses, cluster)


_NOTHING = Done(Path(), cached=False, seconds=0.0, peak_memory_bytes=None)


@dataclass
class _Node:
    """A machine: what is free there, what runs there, and whether it works."""

    gpus: int
    cores: int
    running: set[str] = field(default_factory=set)
    is_up: bool = True


@dataclass(frozen=True, eq=False)
class _Run:
    """An attempt, on a machine, with so many GPUs and one core."""

    key: str
    node: _Node
    gpus: int
    started: float


Event = Callable[[], list[Ended]]


class SimulatedPool:
    """See `dispatch.Pool`; `now` is its clock, seconds."""

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
        """Go on to the next event: the end of an attempt, or a machine that is lost or back."""
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
        """Begin what there is room for, in order; what has none does not hold up what needs something else."""
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
        """All that runs on a machine ends; the machine is back after its repair."""
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
        """End an attempt; returns the seconds that it has worked."""
        del self._runs[run.key]
        run.node.gpus += run.gpus
        run.node.cores += 1
        run.node.running.discard(run.key)
        made = self.now - run.started
        self.busy_s += run.gpus * made
        return made

    def _kept(self, step: Step, *, made: float) -> float:
        """The seconds of an attempt's work up to its last checkpoint."""
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
