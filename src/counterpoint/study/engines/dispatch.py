"""The schedule of a study: the order in which steps start, and the consequences when a step fails or is lost.

It is independent of machines: a `Pool` starts steps and reports how they ended. The engines provide pools of processes,
of Ray tasks and of Slurm jobs; `study plan` provides one with a simulated clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from counterpoint.study.engine import Done
from counterpoint.study.work import Step

RETRIES = 3
"""Further attempts at a step after the first, if another may succeed."""
STOP_S = 300.0
"""Time in which an interrupted step must end, as on a cluster of Slurm; it is killed then."""


@dataclass(frozen=True)
class Ended:
    """How an attempt at a step ended.

    Attributes:
        key: key of the step.
        done: result of the step; None if it has none.
        error: reason for a missing result, in one sentence.
        lost: whether the process or the machine was lost, through no fault of the step.
        again: whether another attempt may succeed.
    """

    key: str
    done: Done | None = None
    error: str = ""
    lost: bool = False
    again: bool = False


class Pool(Protocol):
    """A set of workers that run several steps at once."""

    @property
    def takes_waiting(self) -> bool:
        """Whether the pool accepts a step whose inputs are still running, and delays it itself."""
        ...

    def has_room(self) -> bool:
        """Whether another step would start at once, or can be queued at no cost."""
        ...

    def start(self, step: Step) -> None:
        """Start an attempt."""
        ...

    def wait(self) -> Sequence[Ended]:
        """The attempts that have ended since the last call; empty after about a second without any."""
        ...

    def stop(self) -> None:
        """Stop all running steps so that they can continue later; kill those that have not stopped after `STOP_S`."""
        ...


@dataclass
class Schedule:
    """The state of a running study: each step is finished, running, ready, waiting for inputs, or failed.

    Steps with the same key, which may have several names, are one step.

    Attributes:
        steps: steps in order, by key.
        finished: results, by key.
        failed: end of the last attempt, by key.
        running: keys of the running steps.
        attempts: numbers of attempts, by key.
    """

    steps: Mapping[str, Step]
    rank: Mapping[str, float]
    finished: dict[str, Done] = field(default_factory=dict)
    failed: dict[str, Ended] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    attempts: dict[str, int] = field(default_factory=dict)
    _missing: dict[str, set[str]] = field(default_factory=dict)
    _dependents: dict[str, list[str]] = field(default_factory=dict)
    _ready: list[tuple[float, int, str]] = field(default_factory=list)
    _place: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Iterable[Step], *, finished: Mapping[str, Done], rank: Mapping[str, float]) -> Schedule:
        """The state before the first step starts.

        Args:
            plan: all steps, each after its inputs.
            finished: results of the steps that are finished already, by key.
            rank: priorities, by key; the ready step with the highest rank starts first.
        """
        steps: dict[str, Step] = {}
        for step in plan:
            steps.setdefault(step.key, step)
        self = cls(steps, rank, finished=dict(finished))
        self._place = {key: number for number, key in enumerate(self.steps)}
        for key in self.steps:
            inputs = self._inputs(key)
            self._missing[key] = inputs - self.finished.keys()
            for input_key in inputs:
                self._dependents.setdefault(input_key, []).append(key)
            if key not in self.finished and not self._missing[key]:
                self._push(key)
        return self

    def next(self) -> Step | None:
        """Mark a step that can start now as running and return it; None if there is none."""
        if not self._ready:
            return None
        _, _, key = heapq.heappop(self._ready)
        self.running.add(key)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return self.steps[key]

    def release(self, key: str) -> None:
        """Make the steps ready that only wait for this one."""
        for dependent in self._dependents.get(key, ()):
            missing = self._missing[dependent]
            if key in missing:
                missing.remove(key)
                if not missing and dependent not in self.finished:
                    self._push(dependent)

    def end(self, ended: Ended, *, retries: int) -> bool:
        """Record the end of an attempt.

        Returns:
            Whether the step will be tried again.
        """
        self.running.discard(ended.key)
        if ended.done is not None:
            self.finished[ended.key] = ended.done
            self.failed.pop(ended.key, None)
            self.release(ended.key)
            return False
        if (ended.lost or ended.again) and self.attempts[ended.key] <= retries:
            self._missing[ended.key] = self._inputs(ended.key) - self.finished.keys() - self.running
            if not self._missing[ended.key]:
                self._push(ended.key)
            return True
        self.failed[ended.key] = ended
        return False

    @property
    def blocked(self) -> list[str]:
        """Keys of the steps that cannot run, because one of their inputs has failed."""
        return [key for key in self.steps if key not in self.finished and key not in self.failed]

    def _inputs(self, key: str) -> set[str]:
        """Keys of the steps whose results a step uses."""
        return {each.key for each in self.steps[key].inputs.values() if isinstance(each, Step)}

    def _push(self, key: str) -> None:
        heapq.heappush(self._ready, (-self.rank.get(key, 0.0), self._place[key], key))


Watch = Callable[[Schedule], object]


def dispatch(
    schedule: Schedule,
    pool: Pool,
    *,
    retries: int = RETRIES,
    on_start: Callable[[Step], object] = lambda step: None,
    on_end: Callable[[Step, Ended, bool], object] = lambda step, ended, again: None,
    watch: Watch = lambda schedule: None,
) -> None:
    """Run all steps of a schedule that can be run; the schedule then contains their results.

    Args:
        retries: further attempts after the first, for steps that were lost or may succeed another time.
        on_start: called with a step before each attempt.
        on_end: called with a step, the end of the attempt, and whether another attempt follows.
        watch: called about once per second.

    Raises:
        KeyboardInterrupt: the user interrupted the study, and the pool has stopped.
    """
    try:
        while True:
            while pool.has_room() and (step := schedule.next()) is not None:
                on_start(step)
                pool.start(step)
                if pool.takes_waiting:
                    schedule.release(step.key)
            if not schedule.running:
                return
            watch(schedule)
            for ended in pool.wait():
                on_end(schedule.steps[ended.key], ended, schedule.end(ended, retries=retries))
    except BaseException:  # an interruption, or a pool that cannot continue
        pool.stop()
        raise


def critical_rank(plan: Sequence[Step], *, seconds: Mapping[str, float] | None = None) -> dict[str, float]:
    """The time from the start of each step to the end of the study on an unlimited number of machines, by key.

    Args:
        plan: all steps, each after its inputs.
        seconds: durations of steps, by key; by default, every step counts as one second.
    """
    rank: dict[str, float] = {}
    below: dict[str, float] = {}
    for step in reversed(plan):
        own = 1.0 if seconds is None else seconds.get(step.key, 1.0)
        rank[step.key] = max(rank.get(step.key, 0.0), own + below.get(step.key, 0.0))
        for each in step.inputs.values():
            below[each.key] = max(below.get(each.key, 0.0), rank[step.key])
    return rank
