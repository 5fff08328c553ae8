"""Steps as tasks of a Ray cluster: an existing one, or one that Ray starts on this machine for the study.

Before the first step, every node is checked for this version of the package and for access to the store, so that a
wrong set-up gives an error at once and not a failure hours later.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from counterpoint.code_version import code_version
from counterpoint.config import UserError
from counterpoint.config.ray_cluster import Room, join_ray
from counterpoint.config.text import first_line
from counterpoint.package import ROOT
from counterpoint.results.records import package
from counterpoint.study.engine import Engine, LocalEngine
from counterpoint.study.engines.dispatch import STOP_S, Ended
from counterpoint.study.engines.needs import Needs, needs_of
from counterpoint.study.engines.pooled import PoolEngine
from counterpoint.study.engines.registry import Where, require
from counterpoint.study.engines.worker import HEAVY, attempt, elsewhere
from counterpoint.study.work import Step

PATIENCE_S = 1.0
PROBE_S = 120.0
"""A node must answer the check within this time, which includes importing this package."""


def ray_engine(where: Where, local: LocalEngine) -> Engine:
    """Run steps as Ray tasks, each with the cores, GPUs and memory that it needs.

    Raises:
        UserError: Ray is not installed, or an option does not fit.
    """
    where.refuse("options")
    where.refuse_remote(local)
    require("ray", extra="ray")
    if where.address and where.jobs:
        raise UserError("--jobs only applies to a cluster that Ray starts on this machine; remove it, or --address.")
    return PoolEngine(local, lambda steps: RayPool(steps, local=local, address=where.address, jobs=where.jobs))


@dataclass(frozen=True)
class Answer:
    """The answer of a node to the check.

    Attributes:
        package: version of this package, with the commit if it is known.
        code: digest of the code that runs steps.
        sees_store: whether its folder of results is the same as the driver's.
    """

    package: str
    code: str
    sees_store: bool


def answer(mark: str) -> Answer:
    """The answer of this machine; `mark` is a file that the driver has just written."""
    return Answer(package(), runner_code(), Path(mark).is_file())


def runner_code() -> str:
    """Digest of the code that runs steps, including training; nothing heavy is imported for it."""
    return code_version(ROOT / "study" / "steps" / "train.py")


class RayPool:
    """A pool of Ray tasks; see `dispatch.Pool`.

    Args:
        steps: steps to run.
        local: engine that completes one step.
        address: address of a cluster; None starts one on this machine.
        jobs: number of steps that run at once, if Ray starts a cluster on this machine.
    """

    takes_waiting = False

    def __init__(self, steps: Sequence[Step], *, local: LocalEngine, address: str | None, jobs: int | None):
        self._steps, self._local = steps, elsewhere(local)
        self._address, self._jobs = address, jobs
        self._tasks: dict[Any, tuple[str, Needs]] = {}
        self._room = Room(lambda: check_needs([needs for _, needs in self._tasks.values()], _resources()))

    def __enter__(self) -> RayPool:
        import ray

        join_ray(self._address, cpus=self._jobs, load=HEAVY)
        try:
            self._gpus = any(node.get("GPU") for node in _resources())
            if self._local.device.startswith("cuda") and not self._gpus:
                raise UserError("No node of the Ray cluster has a GPU; use --device cpu, or remove the option.")
            check_needs([self._needs(step) for step in self._steps], _resources())
            _check_nodes(_nodes(), store=self._local.store)
        except BaseException:
            ray.shutdown()
            raise
        remote: Any = ray.remote(max_retries=0)
        self._attempt = remote(attempt)
        return self

    def __exit__(self, *_: object) -> None:
        import ray

        ray.shutdown()

    def has_room(self) -> bool:
        return True

    def start(self, step: Step) -> None:
        needs = self._needs(step)
        task = self._attempt.options(**_options(needs), name=step.name)
        self._tasks[task.remote(step, local=self._local)] = step.key, needs

    def wait(self) -> Sequence[Ended]:
        """The attempts that have ended.

        Raises:
            UserError: so many nodes were lost that no other has room for a step.
        """
        ended = self._ready()
        if not ended:
            self._room.look()
        return ended

    def stop(self) -> None:
        """Interrupt every task as Ctrl-C does, and wait; a second Ctrl-C kills them, and so does `STOP_S`."""
        import ray

        deadline = time.monotonic() + STOP_S
        try:
            for task in self._tasks:
                ray.cancel(task)
            while self._tasks and time.monotonic() < deadline:
                self._ready()
        finally:
            for task in self._tasks:
                ray.cancel(task, force=True)

    def _ready(self) -> Sequence[Ended]:
        import ray

        ready, _ = ray.wait(list(self._tasks), num_returns=1, timeout=PATIENCE_S)
        return [self._ended(task) for task in ready]

    def _needs(self, step: Step) -> Needs:
        return needs_of(step, gpus=self._gpus, processes=self._local.processes)

    def _ended(self, task: Any) -> Ended:
        import ray
        from ray.exceptions import RayError, RayTaskError, TaskCancelledError

        key, _ = self._tasks.pop(task)
        try:
            return ray.get(task)
        except TaskCancelledError:
            return Ended(key, error="It was interrupted.")
        except RayTaskError as error:  # `attempt` returns errors of steps, so this is an error of `attempt` itself
            return Ended(key, error=first_line(error.cause or error))
        except RayError as error:
            return Ended(key, error=first_line(error), lost=True)


def _nodes() -> list[dict[str, Any]]:
    """The running nodes of the cluster."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]


def _resources() -> list[dict[str, float]]:
    """Resources of each running node, by Ray's names."""
    return [node["Resources"] for node in _nodes()]


def check_needs(wanted: Sequence[Needs], nodes: Sequence[dict[str, float]]) -> None:
    """Check that the cluster can run every step.

    Args:
        wanted: needs of the steps to run.
        nodes: resources of each node, by Ray's names.

    Raises:
        UserError: no node has what a step needs.
    """
    if not nodes:
        raise UserError("The Ray cluster has no running node; start one with `ray start --head`.")
    for needs in wanted:
        if not any(all(node.get(name, 0) >= count for name, count in _ray(needs).items()) for node in nodes):
            raise UserError(
                f"The step {needs.step} needs {needs.cpus} cores, {needs.gpus} GPUs and {needs.memory_gib} GiB of "
                "memory, and no node of the Ray cluster has them; add a larger node, or reduce the needs of the step "
                "(--set training.accumulate=N lowers the memory of a training)."
            )


def _ray(needs: Needs) -> dict[str, float]:
    """The needs by Ray's names of resources."""
    return {"CPU": needs.cpus, "GPU": needs.gpus, "memory": needs.memory}


def _options(needs: Needs) -> dict[str, Any]:
    return {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "memory": needs.memory}


def _check_nodes(nodes: Sequence[dict[str, Any]], *, store: Path) -> None:
    """Check every node of the cluster.

    Raises:
        UserError: a node does not answer, has another version of this package, or does not see the store.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    store.mkdir(parents=True, exist_ok=True)
    mark = store / f".seen-{uuid.uuid4().hex}"
    mark.touch()
    try:
        ask = ray.remote(max_retries=0, num_cpus=0)(answer)
        answers = {
            ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote(
                str(mark)
            ): node["NodeManagerAddress"]
            for node in nodes
        }
        for task, host in answers.items():
            check_answer(task, host=host, store=store)
    finally:
        with suppress(OSError):
            mark.unlink()


def check_answer(task: Any, *, host: str, store: Path) -> None:
    import ray
    from ray.exceptions import GetTimeoutError, RayError

    try:
        found: Answer = ray.get(task, timeout=PROBE_S)
    except GetTimeoutError as error:
        raise UserError(
            f"The node {host} of the Ray cluster has not answered for {PROBE_S:g} s; check whether `ray status` shows "
            "that it is overloaded, or remove it from the cluster."
        ) from error
    except RayError as error:
        raise UserError(
            f"The node {host} of the Ray cluster cannot run steps ({first_line(error)}); install this version of "
            f"counterpoint there ({package()})."
        ) from error
    if found.package.split(" at ")[0] != package().split(" at ")[0] or found.code != runner_code():
        raise UserError(
            f"The node {host} of the Ray cluster has counterpoint {found.package} or different code, but this machine "
            f"has {package()}; install the same version on all nodes."
        )
    if not found.sees_store:
        raise UserError(
            f"The node {host} of the Ray cluster cannot see the folder of results {store}; give a folder on storage "
            "that all nodes share with --store."
        )
