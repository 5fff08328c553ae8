"""Steps as jobs of a Slurm cluster, through submitit: one job per step, which waits for the jobs of its inputs.

Slurm warns a job before its time limit. A training then writes a checkpoint, and the job is queued again under the same
number, so that the jobs that depend on it keep waiting.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any

from counterpoint.config import UserError
from counterpoint.study.engine import Engine, LocalEngine
from counterpoint.study.engines.dispatch import Ended
from counterpoint.study.engines.needs import needs_of
from counterpoint.study.engines.pooled import PoolEngine
from counterpoint.study.engines.registry import Where, require
from counterpoint.study.engines.worker import attempt, elsewhere, listen_for_interrupts
from counterpoint.study.notices import notice_of
from counterpoint.study.work import Step

if TYPE_CHECKING:
    import submitit

FOLDER = "slurm"
"""Folder in the store for the files of submitit, such as the sbatch files."""
CHECK_FILES_EVERY_S = 2.0
QUERY_EVERY_S = 60.0
"""Interval of queries to Slurm, which reveal jobs that were killed; results are noticed earlier, by their files."""
CLUSTERS = ("slurm", "local", "debug")
OWN_OPTIONS = {"cluster": "slurm", "timeout_min": "1440", "cpus": "4", "gpus": "no", "signal_delay_s": "300"}
"""Options that are not parameters of sbatch, with their defaults: the executor of submitit (`local` and `debug` run on
this machine, for a trial), the time limit of a job, the cores of a step, whether trainings request a GPU (`yes`), and
the time between the warning and the limit."""


def slurm_engine(where: Where, local: LocalEngine) -> Engine:
    """Run steps as Slurm jobs.

    Raises:
        UserError: submitit is not installed, this machine does not belong to a Slurm cluster, or an option is unknown.
    """
    where.refuse("jobs", "address")
    where.refuse_remote(local)
    require("submitit", extra="slurm")
    own = {name: str(where.options.get(name, default)) for name, default in OWN_OPTIONS.items()}
    if own["cluster"] not in CLUSTERS:
        raise UserError(f"cluster={own['cluster']} is unknown; choose one of {', '.join(CLUSTERS)}.")
    more = {name: value for name, value in where.options.items() if name not in OWN_OPTIONS}
    return PoolEngine(local, lambda steps: SlurmPool(local, own=own, more=more))


class StepJob:
    """The function that a job calls.

    Args:
        step: step whose inputs are finished when the job starts.
        local: engine that completes the step.
    """

    def __init__(self, step: Step, *, local: LocalEngine):
        self.step, self.local = step, local
        self._warned = False

    def __call__(self) -> Ended:
        """Complete the step.

        Raises:
            RuntimeError: the step failed; Slurm then does not start the jobs that depend on it.
        """
        listen_for_interrupts()
        for name in ("SIGUSR1", "SIGUSR2"):  # submitit requests one of them from Slurm
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._warn)
        ended = attempt(self.step, local=self.local)
        if ended.done is None and self._warned:
            requeue()
        if ended.done is None:
            raise RuntimeError(ended.error)
        return ended

    def _warn(self, number: int, frame: FrameType | None) -> None:
        """Interrupt the step shortly before the time limit, as Ctrl-C does, so that a training writes a checkpoint."""
        self._warned = True
        os.kill(os.getpid(), signal.SIGINT)


def requeue() -> None:
    """Queue this job again and end it; without Slurm, the engine finds it lost and starts it again."""
    if number := os.environ.get("SLURM_JOB_ID"):
        subprocess.run(["scontrol", "requeue", number], check=True, timeout=60)
    sys.exit(1)


class SlurmPool:
    """A pool of Slurm jobs; see `dispatch.Pool`.

    Args:
        local: engine that completes one step; all nodes must see its store.
        own: values of `OWN_OPTIONS`.
        more: parameters of sbatch by submitit's names, such as `partition` and `account`.
    """

    def __init__(self, local: LocalEngine, *, own: Mapping[str, str], more: Mapping[str, str]):
        self._local, self._own, self._more = elsewhere(local), own, more
        self._jobs: dict[str, submitit.Job[Ended]] = {}
        self._steps: dict[str, Step] = {}
        self._queried = time.monotonic()

    @property
    def takes_waiting(self) -> bool:
        """Slurm supports dependencies between jobs; the executors of this machine do not."""
        return self._own["cluster"] == "slurm"

    def __enter__(self) -> SlurmPool:
        import submitit

        try:
            self._executor = submitit.AutoExecutor(self._local.store / FOLDER, cluster=self._own["cluster"])
        except RuntimeError as error:
            raise UserError(
                "This machine has no Slurm (srun was not found); run the command on a login node of the cluster, or "
                "test it with --engine-set cluster=local."
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        return

    def has_room(self) -> bool:
        return self.takes_waiting or not self._jobs

    def start(self, step: Step) -> None:
        try:
            self._executor.update_parameters(**self._parameters(step))
            job = self._executor.submit(StepJob(step, local=self._local))
        except (NameError, ValueError, TypeError) as error:
            raise UserError(f"The options of Slurm are invalid: {' '.join(str(error).split())[:300]}") from error
        self._jobs[step.key], self._steps[step.key] = job, step

    def wait(self) -> Sequence[Ended]:
        force = time.monotonic() - self._queried >= QUERY_EVERY_S
        if force:
            self._queried = time.monotonic()
        done = [key for key, job in self._jobs.items() if job.done(force_check=force)]
        if not done:
            time.sleep(CHECK_FILES_EVERY_S)
        return [self._ended(key, self._jobs.pop(key)) for key in done]

    def stop(self) -> None:
        """Cancel every job; a training writes a checkpoint first."""
        for job in self._jobs.values():
            with suppress(Exception):  # it may have ended meanwhile
                job.cancel(check=False)

    def _parameters(self, step: Step) -> dict[str, Any]:
        """The parameters of sbatch for a step."""
        processes, gpus = self._local.processes, self._own["gpus"] == "yes"
        needs = needs_of(step, gpus=gpus, cpus=int(self._own["cpus"]), processes=processes)
        found: dict[str, Any] = {
            "name": step.name,
            "timeout_min": int(self._own["timeout_min"]),
            "cpus_per_task": needs.cpus,
            "mem_gb": needs.memory_gib,
        }
        if needs.gpus:
            found["gpus_per_node"] = needs.gpus
        if self.takes_waiting:
            found |= {f"slurm_{name}": value for name, value in self._more.items()}
            found["slurm_signal_delay_s"] = int(self._own["signal_delay_s"])
            found["slurm_additional_parameters"] = {"requeue": True, "kill-on-invalid-dep": "yes"}
            before = [self._jobs[each.key].job_id for each in step.inputs.values() if each.key in self._jobs]
            found["slurm_dependency"] = f"afterok:{':'.join(before)}" if before else None
        return found

    def _ended(self, key: str, job: submitit.Job[Ended]) -> Ended:
        with suppress(Exception):  # an error of the job is reported below
            return job.result()
        notice = notice_of(self._local.store, key)
        if notice is None or not notice.error:
            return Ended(key, error=f"Its job {job.job_id} ended in the state {job.state}.", lost=True)
        return Ended(key, error=notice.error, again=self._steps[key].resumable and not notice.is_lasting)
