"""The schedule of a study: which step starts when, and what becomes of the others when one fails or is lost.

It knows no machine: a `Pool` starts steps and says how they ended. The engines bring pools of processes, of Ray tasks
and of Slurm jobs; `study plan` brings one whose clock is simulated.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from counterpoint.study.engine import Done
from counterpoint.study.work import Step

RETRIES = 3
"""Attempts at a step after the first, where another may succeed."""


@dataclass(frozen=True)
class Ended:
    """How an attempt at a step ended.

    Attributes:
        key: of the step.
        done: its result; None where there is none.
        error: why there is none, one sentence.
        lost: the process or the machine went away, through no fault of the step.
        again: another attempt may succeed.
    """

    key: str
    done: Done | None = None
    error: str = ""
    lost: bool = False
    again: bool = False


class Pool(Protocol):
    """Where steps run, several at once."""

    @property
    def takes_waiting(self) -> bool:
        """It may be given a step whose inputs have been started and are not finished, and holds it back itself."""
        ...

    def has_room(self) -> bool:
        """Whether another step would start at once, or be queued where it costs nothing."""
        ...

    def start(self, step: Step) -> None:
        """Begin an attempt."""
        ...

    def wait(self) -> Sequence[Ended]:
        """The attempts that have ended since the last call; after a second or so without any, none."""
        ...

    def stop(self) -> None:
        """Ask all that run to stop where they can go on later, and wait until they have."""
        ...


@dataclass
class Schedule:
    """The state of a study that runs: a step is finished, or running, or ready, or waits for inputs, or has failed.

    Steps of equal keys, which may have several names, are one.

    Attributes:
        steps: in order, by key.
        finished: results, by key.
        failed: how the last attempt ended, by key.
        running: keys of steps that were started.
        attempts: by key.
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
            plan: every step after its inputs.
            finished: what is done already, by key.
            rank: by key; of the steps that are ready the one with the highest starts first.
        """
        steps: dict[str, Step] = {}
        for step in plan:
            steps.setdefault(step.key, step)
        self = cls(steps, rank, finished=dict(finished))
        self._place = {key: number for number, key in enumerate(self.steps)}
        for key in self.steps:
            inputs = self._inputs(key)
            self._missing[key] = inputs - self.finished.keys()
            for given in inputs:
                self._dependents.setdefault(given, []).append(key)
            if key not in self.finished and not self._missing[key]:
                self._push(key)
        return self

    def next(self) -> Step | None:
        """A step that can start now, which is running from now on; None where there is none."""
        if not self._ready:
            return None
        _, _, key = heapq.heappop(self._ready)
        self.running.add(key)
        self.attempts[key] = self.attempts.get(key, 0) + 1
        return self.steps[key]

    def release(self, key: str) -> None:
        """Let steps start that only wait for this one."""
        for dependent in self._dependents.get(key, ()):
            missing = self._missing[dependent]
            if key in missing:
                missing.remove(key)
                if not missing and dependent not in self.finished:
                    self._push(dependent)

    def end(self, ended: Ended, *, retries: int) -> bool:
        """Take note of an attempt's end.

        Returns:
            whether the step will be tried again.
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
    def held_up(self) -> list[str]:
        """Keys of steps that cannot run, because one that they build on has failed."""
        return [key for key in self.steps if key not in self.finished and key not in self.failed]

    def _inputs(self, key: str) -> set[str]:
        """Keys of the steps that a step builds on."""
        return {given.key for given in self.steps[key].inputs.values() if isinstance(given, Step)}

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
    """Run all steps of a schedule that can be run; what it came to is in the schedule.

    Args:
        retries: attempts after the first, for steps that were lost or may succeed another time.
        on_start: called with a step before each attempt.
        on_end: called with a step, how the attempt ended, and whether there will be another.
        watch: called every second or so.

    Raises:
        KeyboardInterrupt: the pool has been asked to stop, and has.
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
    except BaseException:  # an interruption, or a pool that cannot go on
        pool.stop()
        raise


def critical_rank(plan: Sequence[Step], *, seconds: Mapping[str, float] | None = None) -> dict[str, float]:
    """By key, the time from a step's start to the end of the study, were there machines for all steps at once.

    Args:
        plan: every step after its inputs.
        seconds: by key; where unknown, every step counts as one.
    """
    rank: dict[str, float] = {}
    below: dict[str, float] = {}
    for step in reversed(plan):
        own = 1.0 if seconds is None else seconds.get(step.key, 1.0)
        rank[step.key] = max(rank.get(step.key, 0.0), own + below.get(step.key, 0.0))
        for given in step.inputs.values():
            below[given.key] = max(below.get(given.key, 0.0), rank[step.key])
    return rank
