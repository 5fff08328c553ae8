"""The common engine of all pools, which runs the steps of a study in a pool and reports progress to the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from counterpoint.config import UserError
from counterpoint.study.engine import Done, LocalEngine
from counterpoint.study.engines.dispatch import RETRIES, Ended, Pool, Schedule, critical_rank, dispatch
from counterpoint.study.engines.table import StepTable
from counterpoint.study.notices import log_path
from counterpoint.study.work import Source, Step, in_order
from counterpoint.study.workload import expected_s

OpenPool = Callable[[Sequence[Step]], AbstractContextManager[Pool]]
"""A function from the steps to run to a pool for them.

It raises a `UserError` if the pool cannot run them; no step has started then.
"""


@dataclass(frozen=True)
class PoolEngine:
    """Runs several steps at once; see `study.engine.Engine`.

    Attributes:
        local: engine that completes one step; every machine of the pool must see its store.
        open_pool: function that creates the pool.
        retries: further attempts at a step that was lost, or that continues from its checkpoint.
    """

    local: LocalEngine
    open_pool: OpenPool
    retries: int = RETRIES

    def run(self, targets: Iterable[Step | Source]) -> dict[str, Done]:
        """See `Engine.run`. If a step fails, steps that do not depend on it continue.

        Raises:
            UserError: two different steps have the same name; or steps failed, after all others have finished.
        """
        started, plan = time.perf_counter(), in_order(targets)
        local, say = self.local, self.local.say
        finished = {step.key: local.recall(step) for step in plan if local.is_done(step)}
        waiting = [step for step in plan if step.key not in finished]
        say(f"{len(plan)} steps, {len(waiting)} to run; results in {local.store}")
        schedule = Schedule.of(plan, finished=finished, rank=usual_rank(plan))
        if waiting:
            with self.open_pool(waiting) as pool, StepTable(local.store, say=say) as table:
                self._dispatch(schedule, pool, table)
        if schedule.failed:
            raise UserError(self._failure(schedule))
        say(f"{len(plan)} steps in {time.perf_counter() - started:.1f} s")
        return {step.name: schedule.finished[step.key] for step in plan}

    def _dispatch(self, schedule: Schedule, pool: Pool, table: StepTable) -> None:
        try:
            dispatch(schedule, pool, retries=self.retries, on_start=table.start, on_end=table.end, watch=table.show)
        except KeyboardInterrupt:
            self.local.say("Interrupted; finished steps are kept, and the same command continues from there.")
            raise

    def _failure(self, schedule: Schedule) -> str:
        """One sentence for each failed step."""
        parts = [self._sentence(schedule.steps[key], ended) for key, ended in schedule.failed.items()]
        blocked = len(schedule.blocked)
        if blocked:
            steps = "step that depends" if blocked == 1 else "steps that depend"
            parts.append(f"{blocked} {steps} on {'it' if len(schedule.failed) == 1 else 'them'} did not run.")
        return f"{' '.join(parts)} The same command continues from there."

    def _sentence(self, step: Step, ended: Ended) -> str:
        log = log_path(self.local.store, name=step.name, key=step.key)
        return f"The step {step.name} failed: {ended.error.rstrip('.')}. Its log is {log}."


def usual_rank(plan: Sequence[Step]) -> dict[str, float]:
    """The rank by which steps start: the longest chain first, by the times that are expected on two cores, whose
    proportions are much the same elsewhere."""
    from counterpoint.bench.limits import known_devices

    return critical_rank(plan, seconds=expected_s(plan, device=known_devices()["two-cores"]))
