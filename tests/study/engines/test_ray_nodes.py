"""A whole study on a Ray cluster of three nodes, one of which is killed while a step runs on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.study import StudyResult, run_study
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.registry import Where
from counterpoint.study.notices import LOGS
from counterpoint.study.work import Step
from killing import Killer, three_nodes
from tiny_study import tiny_study

pytestmark = pytest.mark.slow
ray = pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")


@pytest.fixture(scope="module")
def cluster(elsewhere: None) -> Iterator[Any]:
    """Three nodes, each a raylet of its own; one of them may be lost."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        with three_nodes() as found:
            yield found


def test_a_study_survives_the_loss_of_a_node_and_gives_the_results_of_the_local_engine(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    study = tiny_study(tmp_path)
    stores = {name: tmp_path / f"store_{name}" for name in ("nodes", "local")}
    said: list[str] = []

    def run(name: str, where: Where) -> StudyResult:
        return run_study(study, out=tmp_path / name, store=stores[name], where=where, device="cpu", say=said.append)

    def is_training(name: str, killed: list[str]) -> bool:
        return name.startswith("train_")

    with Killer(cluster, store=stores["nodes"], kills=1, wants=is_training) as killer:
        done = {"nodes": run("nodes", Where("ray", address=cluster.address))}
    done["local"] = run("local", Where())
    killed = killer.killed
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
