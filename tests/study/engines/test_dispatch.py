"""The schedule of a study, over a pool that is a script: order, retries, failures and size."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from counterpoint.study.engine import Done
from counterpoint.study.engines.dispatch import Ended, Schedule, critical_rank, dispatch
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import nothing as no_work


@computes("nothing", version=1, workload=no_work)
def nothing(work: Work) -> None:
    """Never called here."""


def step(name: str, *inputs: Step) -> Step:
    return Step(name, nothing, {"name": name}, {given.name: given for given in inputs})


def finished(step: Step) -> Ended:
    return Ended(step.key, done=Done(Path(step.name), False, 1.0, None))


class Script:
    """A pool of some places in which a step ends as a function says, the first started first.

    Args:
        outcome: of (step, number of the attempt).
    """

    def __init__(self, outcome: Callable[[Step, int], Ended], *, places: int = 99, takes_waiting: bool = False):
        self.outcome, self.places, self.takes_waiting = outcome, places, takes_waiting
        self.running: list[Step] = []
        self.started: list[str] = []
        self.stopped = False

    def has_room(self) -> bool:
        return len(self.running) < self.places

    def start(self, step: Step) -> None:
        self.running.append(step)
        self.started.append(step.name)

    def wait(self) -> Sequence[Ended]:
        step = self.running.pop(0)
        return [self.outcome(step, self.started.count(step.name))]

    def stop(self) -> None:
        self.stopped = True


def run(plan: Sequence[Step], pool: Script, **options: int) -> Schedule:
    schedule = Schedule.of(plan, finished={}, rank=critical_rank(plan))
    dispatch(schedule, pool, **options)
    return schedule


def diamond() -> list[Step]:
    first = step("first")
    left, right = step("left", first), step("right", first)
    return [first, left, right, step("last", left, right)]


def test_a_step_starts_when_its_inputs_are_finished_and_independent_ones_run_at_once() -> None:
    seen: list[int] = []
    pool = Script(lambda step, _: finished(step))
    schedule = Schedule.of(diamond(), finished={}, rank={})
    dispatch(schedule, pool, watch=lambda _: seen.append(len(pool.running)))
    assert pool.started == ["first", "left", "right", "last"] and seen == [1, 2, 1, 1]
    assert [done.folder.name for done in schedule.finished.values()] == pool.started


def test_the_longest_way_to_the_end_goes_first() -> None:
    short, first = step("short"), step("first")
    plan = [short, first, step("second", first)]
    pool = Script(lambda step, _: finished(step), places=1)
    run(plan, pool)
    assert pool.started[0] == "first"
    seconds = {short.key: 10.0, first.key: 1.0}
    assert critical_rank(plan, seconds=seconds) == {short.key: 10.0, first.key: 2.0, plan[2].key: 1.0}


def test_what_is_finished_does_not_run() -> None:
    plan = diamond()
    pool = Script(lambda step, _: finished(step))
    there = {step.key: Done(Path(), True, 1.0, None) for step in plan[:2]}
    dispatch(Schedule.of(plan, finished=there, rank={}), pool)
    assert pool.started == ["right", "last"]


def test_steps_of_one_key_and_two_names_run_once() -> None:
    twins = [Step(name, nothing, {"number": 1}) for name in ("one", "other")]
    pool = Script(lambda step, _: finished(step))
    schedule = run([*twins, step("last", *twins)], pool)
    assert pool.started == ["one", "last"] and len(schedule.finished) == 2


@pytest.mark.parametrize("kind", ["lost", "again"])
def test_a_step_that_was_lost_or_may_succeed_is_tried_again(kind: str) -> None:
    def twice(step: Step, attempt: int) -> Ended:
        bad = step.name == "left" and attempt < 3
        return Ended(step.key, error="gone", **{kind: True}) if bad else finished(step)

    pool = Script(twice)
    schedule = run(diamond(), pool)
    assert pool.started.count("left") == 3 and not schedule.failed and len(schedule.finished) == 4


def test_a_step_that_is_lost_too_often_fails_and_the_others_go_on() -> None:
    def never(step: Step, attempt: int) -> Ended:
        return Ended(step.key, error="gone", lost=True) if step.name == "left" else finished(step)

    pool, plan = Script(never), diamond()
    schedule = run(plan, pool, retries=2)
    assert pool.started.count("left") == 3 and "right" in pool.started and "last" not in pool.started
    assert list(schedule.failed) == [plan[1].key] and schedule.blocked == [plan[3].key]


def test_a_fault_of_the_step_itself_is_not_tried_again() -> None:
    pool = Script(lambda step, _: Ended(step.key, error="wrong"))
    schedule = run(diamond(), pool)
    assert pool.started == ["first"] and len(schedule.failed) == 1 and len(schedule.blocked) == 3


def test_a_pool_that_holds_steps_back_itself_is_given_all_of_them_at_once() -> None:
    pool = Script(lambda step, _: finished(step), takes_waiting=True)
    seen: list[int] = []
    dispatch(Schedule.of(diamond(), finished={}, rank={}), pool, watch=lambda _: seen.append(len(pool.running)))
    assert seen[0] == 4


def test_an_interruption_stops_the_pool() -> None:
    def interrupted(step: Step, attempt: int) -> Ended:
        raise KeyboardInterrupt

    pool = Script(interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(diamond(), pool)
    assert pool.stopped


def test_two_thousand_steps_cost_less_than_two_milliseconds_each() -> None:
    first = step("first")
    rows: list[Step] = [first]
    for number in range(500):
        trained = step(f"train-{number}", first)
        drawn = step(f"draw-{number}", trained, first)
        rows += [trained, drawn, step(f"judge-{number}", drawn, first), step(f"write-{number}", drawn)]
    started = time.process_time()
    schedule = run(rows, Script(lambda step, _: finished(step), places=64))
    assert len(schedule.finished) == 2001
    assert time.process_time() - started < 4.0
