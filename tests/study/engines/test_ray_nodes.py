"""A whole study on a Ray cluster of three nodes, one of which is killed while a step runs on it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.study import run_study
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.registry import Where
from counterpoint.study.notices import FOLDER, LOGS, notice_of
from counterpoint.study.work import Step
from tiny_study import tiny_study

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")


@pytest.fixture(scope="module")
def cluster(elsewhere: None) -> Iterator[Any]:
    """A head without cores and two nodes of one core, each a raylet of its own; one of them may be lost."""
    from ray.cluster_utils import Cluster

    size = 100 << 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        found = Cluster(True, head_node_args={"num_cpus": 0, "object_store_memory": size, "include_dashboard": False})
        for _ in range(2):
            found.add_node(num_cpus=1, object_store_memory=size)
        yield found
        found.shutdown()


def kill_node_of(store: Path, name: str, cluster: Any, killed: list[str]) -> None:
    """Wait until a step of this name runs, and kill the node that runs it, with all its processes."""
    import psutil

    while not killed:
        time.sleep(0.02)
        for path in (store / FOLDER).glob("*.json"):
            notice = notice_of(store, path.stem)
            if notice is None or not notice.name.startswith(name):
                continue
            process = psutil.Process(notice.pid)
            process.suspend()  # so that the step is in the middle when its node goes
            if notice_of(store, path.stem) is None:  # it had just ended
                process.resume()
                continue
            above = {each.pid for each in process.parents()}
            [node] = [
                node
                for node in cluster.worker_nodes
                if above & {process.process.pid for process in node.all_processes["raylet"]}
            ]
            cluster.remove_node(node, allow_graceful=False)
            killed.append(notice.name)
            return


def test_a_study_survives_the_loss_of_a_node_and_gives_the_results_of_the_local_engine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    study = tiny_study(tmp_path)
    stores = {name: tmp_path / f"store_{name}" for name in ("nodes", "local")}
    killed: list[str] = []
    killer = threading.Thread(target=kill_node_of, args=(stores["nodes"], "train_", cluster, killed), daemon=True)
    killer.start()
    said: list[str] = []
    where = {"nodes": Where("ray", address=cluster.address), "local": Where()}
    done = {
        name: run_study(
            study, out=tmp_path / name, store=stores[name], where=where[name], device="cpu", say=said.append
        )
        for name in where
    }
    assert len(killed) == 1 and any(f"{killed[0]} was lost after" in line and "tried again" in line for line in said)
    logs = {path.name: path.read_text() for path in (stores["nodes"] / LOGS).glob("*.log")}
    made = Counter({name: text.count(" ...\n") for name, text in logs.items()})
    assert all(count == 1 for name, count in made.items() if not name.startswith(killed[0])), "nothing is made twice"
    compared = 0
    for name, step in done["local"].steps.items():
        for path in sorted(step.folder.rglob("*")):
            if path.suffix in (".wav", ".safetensors"):
                other = done["nodes"].steps[name].folder / path.relative_to(step.folder)
                assert other.read_bytes() == path.read_bytes(), f"{path} differs"
                compared += 1
    assert compared > 40
    first, second = (each.results.evaluations for each in done.values())
    assert all(first[step].scores == second[step].scores for step in second)


def test_a_cluster_without_gpus_says_so_before_anything_starts(cluster: Any, tmp_path: Path) -> None:
    from tests.study.engines.computations import add

    step = Step("first", add, {"number": 1, "log": str(tmp_path / "log")})
    local = LocalEngine(tmp_path / "store", device="cuda", say=lambda line: None)
    with pytest.raises(UserError, match="No node of the Ray cluster has a GPU"):
        Where("ray", address=cluster.address).open(local).run([step])
    assert not (tmp_path / "log").exists()
