"""Table 2 at debug scale on a Ray cluster whose nodes are killed, compared byte by byte with the local engine.

    .venv/bin/python scripts/kill_nodes.py [--kills 10] [--out FOLDER] [--set KEY=VALUE ...]

A head without cores and two nodes of one core each run on this machine. A node is killed (SIGKILL of its raylet and of
all processes below it) while it runs a step, once for each kind of step, and then again for further steps until there
were as many kills as asked for; each time another node takes its place. The step is suspended first, so that it is
surely in the middle when its node goes. The exit status is 1 unless all nodes were killed, the results are those of the
local engine, and every step was made as often as it was killed, and once more.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

os.environ.update(  # before anything reads them
    OMP_NUM_THREADS="1",
    RAY_USAGE_STATS_ENABLED="0",
    RAY_memory_monitor_refresh_ms="0",
    RAY_health_check_period_ms="500",
)

import psutil
from ray.cluster_utils import Cluster

from counterpoint.study import run_study
from counterpoint.study.engine import Done
from counterpoint.study.engines.registry import Where
from counterpoint.study.notices import FOLDER, LOGS, Notice, notice_of

OBJECTS = 100 << 20
"""Bytes of each node's object store."""
ATTEMPTS = 10
"""At starting a node."""
KINDS = ("data", "encode", "prompts", "train", "reconstruct", "generate", "evaluate", "examine", "copies")
"""Kinds of steps of Table 2, by the first word of their names."""
TIMED = ("step.json", "result.json", "metrics.jsonl", "state.json", "generation.json")
"""Files that record when, where and how fast something was made."""


class Killer(threading.Thread):
    """Kills the node of each step of a kind whose turn it is.

    Args:
        store: folder of results, where the notices of running steps are.
        kills: how many nodes to kill.

    Attributes:
        killed: names of the steps whose nodes were killed, in order.
    """

    def __init__(self, cluster: Cluster, *, store: Path, kills: int):
        super().__init__(daemon=True)
        self._cluster, self._store, self._kills = cluster, store, kills
        self.killed: list[str] = []

    def run(self) -> None:
        while len(self.killed) < self._kills:
            for path in (self._store / FOLDER).glob("*.json"):
                notice = notice_of(self._store, path.stem)
                if notice is not None and self._is_wanted(notice.name):
                    self._strike(notice)
            time.sleep(0.005)

    def _is_wanted(self, name: str) -> bool:
        """Whether no node was killed for this step, and there are kills to spare for a second one of its kind."""
        kinds = [kind_of(name) for name in self.killed]
        missing = set(KINDS) - {*kinds, kind_of(name)}
        spare = self._kills - len(self.killed) - len(missing)
        return name not in self.killed and spare > 0

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
            kill(node)
            self._cluster.remove_node(node, allow_graceful=False)
            add_node(self._cluster)
            print(f"killed the node of {notice.name} ({len(self.killed)} of {self._kills})", flush=True)


def kind_of(name: str) -> str:
    return name.partition("_")[0]


def raylets(node: Any) -> list[int]:
    """Process ids of a node's raylet."""
    return [each.process.pid for each in node.all_processes["raylet"]]


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


def kill(node: Any) -> None:
    """SIGKILL of a raylet and of all processes below it."""
    for pid in raylets(node):
        raylet = psutil.Process(pid)
        for process in (*raylet.children(recursive=True), raylet):
            with suppress(psutil.NoSuchProcess):
                process.kill()


@contextmanager
def three_nodes() -> Iterator[Cluster]:
    """A head without cores and two nodes of one core each, all of them raylets of this machine."""
    cluster = Cluster(shutdown_at_exit=False)  # which asks for no signals, so that another thread may add nodes
    try:
        add_node(cluster, num_cpus=0, include_dashboard=False)
        for _ in range(2):
            add_node(cluster)
        yield cluster
    finally:
        cluster.shutdown()


def differing(steps: dict[str, Done], others: dict[str, Done]) -> tuple[int, list[str]]:
    """The number of files that were compared, and the names of those whose bytes differ or that only one side has."""
    compared, differ = 0, []
    for name, step in steps.items():
        one, two = (
            {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
            for folder in (step.folder, others[name].folder)
        )
        for file in sorted(one.keys() | two.keys()):
            if Path(file).name in TIMED:
                continue
            compared += 1
            if file not in one or file not in two or content(one[file], step) != content(two[file], others[name]):
                differ.append(f"{name}/{file}")
    return compared, differ


def content(path: Path, step: Done) -> bytes:
    """The bytes of a file without the place of the store, which the configuration of a training names."""
    return path.read_bytes().replace(os.fsencode(step.folder.parent), b"STORE")


def times_made(store: Path) -> Counter[str]:
    """How often each step was begun, by the logs of the steps."""
    logs = (store / LOGS).glob("*.log")
    return Counter({log.stem.rpartition("-")[0]: log.read_text().count(" ...\n") for log in logs})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--out", type=Path, help="a folder to keep; by default a temporary one, which is deleted")
    parser.add_argument("--set", dest="overrides", action="append", default=[], metavar="KEY=VALUE")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        out = chosen.out or Path(temporary)
        study = {"scale": "debug", "overrides": chosen.overrides, "device": "cpu", "say": print, "show": False}
        alone = run_study("table2", out=out / "local", store=out / "store_local", **study)
        with three_nodes() as cluster:
            store, where = out / "store_nodes", Where("ray", address=cluster.address)
            killer = Killer(cluster, store=store, kills=chosen.kills)
            killer.start()
            shared = run_study("table2", out=out / "nodes", store=store, where=where, **study)
        compared, differ = differing(alone.steps, shared.steps)
        made, wanted = times_made(store), Counter(killer.killed)
        repeated = {name: count for name, count in made.items() if count != 1 + wanted[name]}
    print(f"killed: {', '.join(killer.killed)}")
    print(f"{compared} files compared, {len(differ)} differ{': ' if differ else ''}{', '.join(differ[:20])}")
    print(f"{len(made)} steps, made more often than they were killed: {repeated or 'none'}")
    return int(len(killer.killed) != chosen.kills or bool(differ) or bool(repeated))


if __name__ == "__main__":
    sys.exit(main())
