"""Steps on a Ray cluster: one that Ray starts here, with the results of the local engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.study.engines.computations import add, break_down

from counterpoint.config import UserError
from counterpoint.results.records import package
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.needs import GIB, Needs
from counterpoint.study.engines.ray_cluster import Answer, RayPool, check_answer, check_needs, ray_engine
from counterpoint.study.engines.registry import Where
from counterpoint.study.work import Step


def test_a_step_that_no_node_has_room_for_is_named() -> None:
    nodes = [{"CPU": 4.0, "GPU": 1.0, "memory": 8.0 * GIB}, {"CPU": 64.0, "memory": 128.0 * GIB}]
    check_needs([Needs("train", cpus=4, gpus=1), Needs("judge", cpus=32)], nodes)
    with pytest.raises(UserError, match="The step train needs 16 cores, 1 GPUs and 2 GiB of memory, and no node"):
        check_needs([Needs("train", cpus=16, gpus=1)], nodes)
    with pytest.raises(UserError, match="has no running node"):
        check_needs([], [])


def test_a_step_for_which_no_node_is_left_ends_the_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")
    monkeypatch.setattr(ray, "wait", lambda tasks, **_: ([], tasks))
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": alive, "Resources": {"CPU": 1 + alive}} for alive in (0, 1)])
    for name in ("PLACED_S", "LOOK_EVERY_S"):
        monkeypatch.setattr(f"counterpoint.config.ray_cluster.{name}", 0.0)
    pool = RayPool([], local=LocalEngine(tmp_path), address=None, jobs=None)
    pool._tasks = {object(): ("key", Needs("judge", cpus=2, memory=0))}
    assert pool.wait() == []
    pool._tasks = {object(): ("key", Needs("train", cpus=3, memory=0))}
    with pytest.raises(UserError, match="The step train needs 3 cores"):
        pool.wait()


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    local = LocalEngine(tmp_path)
    with pytest.raises(UserError, match="does not support --engine-set"):
        ray_engine(Where("ray", options={"partition": "a100"}), local)
    pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")
    with pytest.raises(UserError, match="--jobs only applies to a cluster that Ray starts"):
        ray_engine(Where("ray", jobs=2, address="auto"), local)


def test_an_extra_that_is_absent_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterpoint.study.engines.registry.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'counterpoint\[ray\]'"):
        Where("ray").open(LocalEngine(tmp_path))
    with pytest.raises(UserError, match=r"pip install 'counterpoint\[slurm\]'"):
        Where("slurm").open(LocalEngine(tmp_path))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "127.0.0.1:99999"])
def test_an_address_where_nothing_listens_is_refused_at_once(tmp_path: Path, address: str) -> None:
    pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")
    step = Step("first", add, {"number": 1, "log": str(tmp_path / "log")})
    local = LocalEngine(tmp_path / "store", say=lambda line: None)
    with pytest.raises(UserError, match=f"The Ray cluster at {address} cannot be joined"):
        Where("ray", address=address).open(local).run([step])


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (Answer("9.9.9 at abc", "digest", True), r"The node host .* has counterpoint 9\.9\.9 .* install the same"),
        (Answer(package(), "another digest", True), "or different code"),
        (Answer(package(), "digest", False), "The node host .* cannot see the folder of results"),
        ("late", "The node host of the Ray cluster has not answered for 120 s"),
        ("broken", r"The node host of the Ray cluster cannot run steps \(RayError: no module\)"),
    ],
)
def test_a_node_that_cannot_run_steps_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Answer | str, sentence: str
) -> None:
    ray = pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")
    errors = {"late": ray.exceptions.GetTimeoutError("late"), "broken": ray.exceptions.RayError("no module")}

    def get(task: object, *, timeout: float) -> Answer:
        if isinstance(found, str):
            raise errors[found]
        return found

    monkeypatch.setattr(ray, "get", get)
    monkeypatch.setattr("counterpoint.study.engines.ray_cluster.runner_code", lambda: "digest")
    with pytest.raises(UserError, match=sentence):
        check_answer(None, host="host", store=tmp_path)


@pytest.mark.slow
def test_a_cluster_of_this_machine_gives_the_results_of_the_local_engine(tmp_path: Path, elsewhere: None) -> None:
    pytest.importorskip("ray", reason="the engine `ray` needs the extra `ray`")
    log = tmp_path / "log"
    log.touch()

    def plan() -> list[Step]:
        first = Step("first", add, {"number": 1, "log": str(log)})
        parts = [Step(f"part{n}", add, {"number": n, "log": str(log)}, {"first": first}) for n in (10, 20)]
        killed = Step("killed", break_down, {"how": "killed", "times": 1, "log": str(log)}, resumable=True)
        return [Step("last", add, {"number": 0, "log": str(log)}, {p.name: p for p in [*parts, killed]})]

    said: list[str] = []
    local = LocalEngine(tmp_path / "store", say=said.append)
    done = Where("ray", jobs=2).open(local).run(plan())
    assert (done["last"].folder / "value").read_text() == str(10 + 1 + 20 + 1 + 1)
    assert any("killed was lost after" in line and "tried again" in line for line in said)
    assert all(step.cached for step in local.run(plan()).values())
    wrong = Step("wrong", break_down, {"how": "wrong", "times": 9, "log": str(log)})
    with pytest.raises(UserError, match=r"The step wrong failed: The key is wrong; give another\. Its log is"):
        Where("ray", jobs=2).open(local).run([wrong])
