"""Steps in several processes: the results are those of one, and what happens to a process happens to no other step."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.study.engines.computations import add, break_down, until_interrupted

from counterpoint.config import UserError, read_json
from counterpoint.results.records import RECORD_FILE, StepRecord
from counterpoint.study.engine import Engine, LocalEngine
from counterpoint.study.engines import processes
from counterpoint.study.engines.pooled import PoolEngine
from counterpoint.study.engines.processes import ProcessPool
from counterpoint.study.engines.simulated import Cluster, simulate
from counterpoint.study.engines.worker import listen_for_interrupts
from counterpoint.study.work import Step
from killing import wait_for


class Bench:
    """An engine of two processes over a store of its own."""

    def __init__(self, folder: Path):
        self.store, self.log = folder / "store", folder / "log"
        self.log.touch()
        self.said: list[str] = []
        local = LocalEngine(self.store, say=self.said.append)
        self.engine = PoolEngine(local, lambda steps: ProcessPool(local, jobs=2))

    def add(self, name: str, number: int, *inputs: Step, seconds: float = 0) -> Step:
        config = {"number": number, "log": str(self.log), "seconds": seconds}
        return Step(name, add, config, {each.name: each for each in inputs})

    def broken(self, name: str, *, how: str, times: int, resumable: bool = True) -> Step:
        config = {"how": how, "times": times, "log": str(self.log)}
        return Step(name, break_down, config, resumable=resumable)

    def ran(self) -> list[str]:
        return [line.split()[0] for line in self.log.read_text().splitlines()]


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch) -> None:
    """These steps need no torch."""
    monkeypatch.setattr(processes, "HEAVY", ("counterpoint.study.engines.worker",))


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def value(engine: Engine, step: Step) -> str:
    return (engine.run([step])[step.name].folder / "value").read_text()


def test_results_are_those_of_the_engine_that_runs_one_after_another(bench: Bench) -> None:
    first = bench.add("first", 1)
    parts = [bench.add(name, 10, first, seconds=0.5) for name in ("left", "right_")]
    last = bench.add("last", 100, *parts)
    assert value(bench.engine, last) == "122"
    processes = {line.split()[1] for line in bench.log.read_text().splitlines()}
    assert len(processes) == 1, "left and right are one step of two names, so nothing ran at once"
    done = LocalEngine(bench.store, say=bench.said.append).run([last])
    assert all(step.cached for step in done.values())


def test_independent_steps_run_at_once_and_what_is_cached_here_is_cached_there(bench: Bench) -> None:
    parts = [bench.add(f"part{number}", number, seconds=1.5) for number in (1, 2)]
    last = bench.add("last", 0, *parts)
    LocalEngine(bench.store, say=bench.said.append).run([bench.add("part3", 3)])
    done = bench.engine.run([last, bench.add("part3", 3)])
    assert (done["last"].folder / "value").read_text() == "3" and done["part3"].cached
    assert len({line.split()[1] for line in bench.log.read_text().splitlines()[1:]}) == 2


def test_a_step_whose_process_is_killed_goes_on(bench: Bench) -> None:
    step = bench.broken("train", how="killed", times=2)
    assert value(bench.engine, step) == "1"
    assert sum("was lost" in line for line in bench.said) == 2


def test_a_fault_names_the_step_and_its_log_and_the_others_go_on(bench: Bench) -> None:
    wrong = bench.broken("wrong", how="wrong", times=9)
    last = bench.add("last", 0, wrong)
    other = bench.add("other", 7)
    with pytest.raises(UserError, match=r"The step wrong failed: The key is wrong; give another\.") as caught:
        bench.engine.run([last, other])
    log = next((bench.store / "logs").glob("wrong-*.log"))
    assert str(log) in str(caught.value) and "1 step that depends on it did not run" in str(caught.value)
    assert "The key is wrong" in log.read_text() and bench.ran().count("wrong") == 1
    assert (bench.engine.run([other])["other"].cached) and not list(bench.store.glob("last-*"))


def test_another_attempt_at_a_step_that_goes_on_where_it_was(bench: Bench) -> None:
    assert value(bench.engine, bench.broken("fetch", how="net", times=1)) == "1"
    with pytest.raises(UserError, match="OSError: The net is down"):
        bench.engine.run([bench.broken("afresh", how="net", times=9, resumable=False)])


def test_ctrl_c_leaves_what_can_go_on(bench: Bench) -> None:
    step = Step("train", until_interrupted, {"log": str(bench.log)}, resumable=True)

    def interrupt() -> None:
        wait_for(bench.ran, within_s=120)
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGINT)

    listen_for_interrupts()  # tests may run in the background, where a shell has them ignore SIGINT
    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        bench.engine.run([step])
    assert list(bench.store.glob("train-*.partial")) and "continues from there" in bench.said[-1]
    assert value(bench.engine, step) == "2"


def test_a_study_takes_as_long_as_the_simulation_of_its_schedule_says(bench: Bench) -> None:
    """Steps that sleep, in two processes, which take a while to start."""
    first = bench.add("first", 1, seconds=0.2)
    parts = [bench.add(f"part{n}", n, first, seconds=0.8 - n / 10) for n in range(5)]
    plan = [first, *parts, bench.add("last", 9, *parts, seconds=0.2)]
    seconds = {step.key: step.config["seconds"] for step in plan}
    calm = Cluster(2, cores=1, hours_between_losses=None, straggling=0)
    expected = simulate(plan, seconds=seconds, cluster=calm).wall_s
    done = bench.engine.run(plan)
    records = [StepRecord.model_validate(read_json(step.folder / RECORD_FILE)) for step in done.values()]
    taken = max(record.finished for record in records) - min(record.finished - record.seconds for record in records)
    assert expected == pytest.approx(0.2 + 1.7 + 0.2) and expected <= taken < expected + 60
