"""The killing of processes in the middle of their work: of whole trees, and of the nodes of a Ray cluster."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import psutil

from counterpoint.study.notices import FOLDER, Notice, notice_of

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

OBJECTS = 100 << 20
"""Bytes of each node's object store."""
ATTEMPTS = 10
"""At starting a node."""


def kill_tree(pid: int) -> None:
    """SIGKILL of a process and of all processes below it; nothing if it has ended."""
    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(pid)
        for process in (*top.children(recursive=True), top):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def wait_for(look: Callable[[], Any], *, within_s: float) -> Any:
    """Wait until `look` returns a true value, and return it.

    Raises:
        TimeoutError: it was not true in time.
    """
    end = time.monotonic() + within_s
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{look} was not true within {within_s:g} s")
        time.sleep(0.05)
    return found


@contextmanager
def three_nodes() -> Iterator[Cluster]:
    """A head without cores and two nodes of one core each, all of them raylets of this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(shutdown_at_exit=False)  # which asks for no signals, so that another thread may add nodes
    try:
        add_node(cluster, num_cpus=0, include_dashboard=False)
        for _ in range(2):
            add_node(cluster)
        yield cluster
    finally:
        cluster.shutdown()


def add_node(cluster: Cluster, *, num_cpus: int = 1, **how: Any) -> None:
    """Start a node; Ray gives it 30 s to start, which may be too short on a busy machine, so that it is tried again."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            cluster.add_node(num_cpus=num_cpus, object_store_memory=OBJECTS, **how)
            return
        except Exception as error:  # Ray raises bare ones
            print(f"a node did not start, attempt {attempt} of {ATTEMPTS}: {error}", flush=True)
            if attempt == ATTEMPTS:
                raise


class Killer(threading.Thread):
    """A context manager that kills nodes while they run steps. A step is suspended first, so that it is surely in the
    middle when its node goes.

    Args:
        store: folder of results, where the notices of running steps are.
        kills: how many nodes to kill.
        wants: whether to kill the node of a step, by its name and the names of the steps whose nodes were killed.
        after: called after each kill.

    Attributes:
        killed: names of the steps whose nodes were killed, in order.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        store: Path,
        kills: int,
        wants: Callable[[str, list[str]], bool],
        after: Callable[[], object] = lambda: None,
    ):
        super().__init__(daemon=True, name="kill nodes")
        self._cluster, self._store, self._kills = cluster, store, kills
        self._wants, self._after = wants, after
        self._enough = threading.Event()
        self.killed: list[str] = []

    def __enter__(self) -> Killer:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        self._enough.set()
        self.join(timeout=120)

    def run(self) -> None:
        while len(self.killed) < self._kills and not self._enough.wait(0.005):
            for path in (self._store / FOLDER).glob("*.json"):
                notice = notice_of(self._store, path.stem)
                if notice is not None and len(self.killed) < self._kills and self._wants(notice.name, self.killed):
                    self._strike(notice)

    def _strike(self, notice: Notice) -> None:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(notice.pid)
            process.suspend()
            if notice_of(self._store, notice.key) is None:  # the step had just ended
                process.resume()
                return
            above = {each.pid for each in process.parents()}
            [node] = [node for node in self._cluster.worker_nodes if above & set(raylets(node))]
            self.killed.append(notice.name)
            for pid in raylets(node):
                kill_tree(pid)
            self._cluster.remove_node(node, allow_graceful=False)
            self._after()


def raylets(node: Any) -> list[int]:
    """Process ids of a node's raylet."""
    return [each.process.pid for each in node.all_processes["raylet"]]
