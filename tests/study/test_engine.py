"""Steps are done once: reruns, changes, interruptions, sharing and failures."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import replace
from pathlib import Path

import pytest

from counterpoint.config import UserError, read_json, write_json
from counterpoint.config.schema import Config
from counterpoint.results.records import RECORD_FILE
from counterpoint.study.engine import LocalEngine
from counterpoint.study.work import Computation, Source, Step, Work, computes
from counterpoint.study.workload import nothing


@computes("count", version=1, workload=nothing)
def count(work: Work) -> None:
    """Write the sum of the inputs and of the configured number; note in a log that it ran."""
    total = work.config["number"] + sum(int((path / "value").read_text()) for path in work.inputs.values())
    (work.folder / "value").write_text(str(total))
    with Path(work.config["log"]).open("a") as log:
        log.write(f"{work.folder.name.split('-')[0]}\n")


@computes("fail", version=1, workload=nothing)
def fail(work: Work) -> None:
    (work.folder / "half").write_text("half")
    raise RuntimeError("broken")


@computes("interrupted", version=1, workload=nothing)
def interrupted(work: Work) -> None:
    """Needs three runs: each makes one unit and is interrupted, until all are made."""
    units = len(list(work.folder.glob("unit-*")))
    (work.folder / f"unit-{units}").touch()
    if units < 2:
        raise KeyboardInterrupt


@computes("slow", version=1, workload=nothing)
def slow(work: Work) -> None:
    time.sleep(0.5)
    count(work)


def run_slow(store: str, log: str) -> None:
    LocalEngine(Path(store), say=lambda _: None).run([Step("slow", slow, {"number": 1, "log": log})])


class Chain:
    """data -> model -> report, with a log of what ran."""

    def __init__(self, folder: Path):
        self.log = folder / "log"
        self.log.touch()
        self.said: list[str] = []
        self.engine = LocalEngine(folder / "store", say=self.said.append)

    def steps(self, *, data: int = 1, model: int = 10, report: int = 100) -> Step:
        first = Step("data", count, {"number": data, "log": str(self.log)})
        second = Step("model", count, {"number": model, "log": str(self.log)}, {"data": first})
        return Step("report", count, {"number": report, "log": str(self.log)}, {"data": first, "model": second})

    def ran(self) -> list[str]:
        names = self.log.read_text().split()
        self.log.write_text("")
        return names


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_steps_run_after_their_inputs_and_see_them(chain: Chain) -> None:
    done = chain.engine.run([chain.steps()])
    assert chain.ran() == ["data", "model", "report"]
    assert (done["report"].folder / "value").read_text() == str(100 + 1 + 11)
    assert not any(step.cached for step in done.values())


def test_a_rerun_does_nothing_and_finds_the_same_folders(chain: Chain) -> None:
    first = chain.engine.run([chain.steps()])
    chain.ran()
    second = chain.engine.run([chain.steps()])
    assert chain.ran() == []
    assert [step.folder for step in second.values()] == [step.folder for step in first.values()]
    assert all(step.cached for step in second.values())
    assert [step.seconds for step in second.values()] == [step.seconds for step in first.values()]


def test_a_changed_configuration_reruns_the_step_and_what_builds_on_it(chain: Chain) -> None:
    chain.engine.run([chain.steps()])
    chain.ran()
    chain.engine.run([chain.steps(model=20)])
    assert chain.ran() == ["model", "report"]
    chain.engine.run([chain.steps(report=200)])
    assert chain.ran() == ["report"]
    chain.engine.run([chain.steps()])
    assert chain.ran() == []


def test_two_studies_share_a_step(chain: Chain) -> None:
    chain.engine.run([chain.steps()])
    chain.ran()
    data = Step("data", count, {"number": 1, "log": str(chain.log)})
    chain.engine.run([Step("other", count, {"number": 5, "log": str(chain.log)}, {"data": data})])
    assert chain.ran() == ["other"]


def test_a_source_counts_by_content_and_not_by_place(chain: Chain, tmp_path: Path) -> None:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "value").write_text("7")

    def step(name: str, key: str) -> Step:
        source = Source("own", tmp_path / name, key)
        return Step("sum", count, {"number": 1, "log": str(chain.log)}, {"own": source})

    done = chain.engine.run([step("here", "k")])
    assert (done["sum"].folder / "value").read_text() == "8"
    assert chain.ran() == ["sum"]
    chain.engine.run([step("there", "k")])
    assert chain.ran() == []
    chain.engine.run([step("here", "other content")])
    assert chain.ran() == ["sum"]


def test_a_failing_step_leaves_nothing(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path, say=lambda _: None)
    with pytest.raises(RuntimeError, match="broken"):
        engine.run([Step("fail", fail)])
    assert not list(tmp_path.glob("fail-*"))


def test_a_failure_keeps_what_was_done_before_it(chain: Chain) -> None:
    data = Step("data", count, {"number": 1, "log": str(chain.log)})
    with pytest.raises(RuntimeError):
        chain.engine.run([Step("fail", fail, {}, {"data": data})])
    chain.engine.run([data])
    assert chain.ran() == ["data"]


def test_an_interrupted_resumable_step_goes_on_where_it_was(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path, say=lambda _: None)
    step = Step("train", interrupted, resumable=True)
    for units in (1, 2):
        with pytest.raises(KeyboardInterrupt):
            engine.run([step])
        assert len(list((tmp_path / f"{step.folder_name}.partial").iterdir())) == units
        assert not (tmp_path / step.folder_name).exists()
    done = engine.run([step])
    assert sorted(path.name for path in done["train"].folder.glob("unit-*")) == ["unit-0", "unit-1", "unit-2"]
    assert not list(tmp_path.glob("*.partial"))


def test_a_step_that_cannot_resume_starts_afresh(tmp_path: Path) -> None:
    step = Step("count", count, {"number": 3, "log": str(tmp_path / "log")})
    leftover = tmp_path / f"{step.folder_name}.partial"
    leftover.mkdir()
    (leftover / "of a run that was killed").touch()
    done = LocalEngine(tmp_path, say=lambda _: None).run([step])
    assert sorted(path.name for path in done["count"].folder.iterdir()) == ["step.json", "value"]


def test_a_step_whose_side_results_are_gone_runs_again(tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    step = Step("count", count, {"number": 3, "log": str(tmp_path / "log")}, holds=lambda _: beside.exists())
    engine = LocalEngine(tmp_path / "store", say=lambda _: None)
    beside.touch()
    engine.run([step])
    assert engine.run([step])["count"].cached
    beside.unlink()
    assert not engine.run([step])["count"].cached


def test_two_studies_at_once_do_a_step_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    arguments = (str(tmp_path / "store"), str(tmp_path / "log"))
    processes = [context.Process(target=run_slow, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "log").read_text().split() == ["slow"]


def test_two_steps_of_one_name_are_refused(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    steps = [Step("data", count, {"number": number, "log": log}) for number in (1, 2)]
    with pytest.raises(UserError, match="Two different steps"):
        LocalEngine(tmp_path, say=lambda _: None).run(steps)


def test_it_says_what_it_does_and_what_was_there(chain: Chain) -> None:
    chain.engine.run([chain.steps()])
    assert any("3 steps, 3 to run" in line for line in chain.said)
    chain.said.clear()
    chain.engine.run([chain.steps(report=5)])
    assert any("3 steps, 1 to run" in line for line in chain.said)
    assert [line for line in chain.said if "cached" in line] == ["[1/3] data cached", "[2/3] model cached"]


def test_what_another_study_has_made_under_another_name_is_used(tmp_path: Path) -> None:
    log = tmp_path / "log"
    said: list[str] = []
    engine = LocalEngine(tmp_path / "store", say=said.append)
    config = {"number": 1, "log": str(log)}
    own = engine.run([Step("train_a", count, config)])["train_a"]
    other = engine.run([Step("train_b", count, config)])["train_b"]
    assert other.cached and other.folder == own.folder and log.read_text().split() == ["train_a"]


def test_what_another_study_has_begun_is_gone_on_with(tmp_path: Path) -> None:
    engine = LocalEngine(tmp_path / "store", say=lambda _: None)
    for name in ("first", "second"):
        with pytest.raises(KeyboardInterrupt):
            engine.run([Step(name, interrupted, resumable=True)])
    done = engine.run([Step("third", interrupted, resumable=True)])["third"]
    assert len(list(done.folder.glob("unit-*"))) == 3 and not list((tmp_path / "store").glob("*.partial"))


def test_a_raised_version_runs_the_step_anew_and_what_builds_on_it(chain: Chain) -> None:
    chain.engine.run([chain.steps()])
    chain.ran()
    raised = replace(chain.steps(), function=Computation("count", 2, count.function, nothing))
    chain.engine.run([raised])
    assert chain.ran() == ["report"]


def test_a_renamed_function_and_other_code_keep_a_result(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    chain.engine.run([chain.steps()])
    chain.ran()
    monkeypatch.setattr("counterpoint.study.work.code_version", lambda source: "other")
    chain.engine.run([chain.steps()])
    assert chain.ran() == []


def test_strict_code_runs_what_other_code_computed_and_all_that_build_on_it(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = chain.engine.run([chain.steps()])
    strict = LocalEngine(chain.engine.store, say=chain.said.append, strict_code=True)
    chain.ran()
    strict.run([chain.steps()])
    assert chain.ran() == [], "the code is what it was"
    record = done["data"].folder / RECORD_FILE
    write_json(record, {**read_json(record), "code": "older"})
    strict.run([chain.steps()])
    assert chain.ran() == ["data", "model", "report"]
    strict.run([chain.steps()])
    assert chain.ran() == []


class Settings(Config):
    steps: int = 5


class MoreSettings(Settings):
    further: float = 0.5


def test_a_new_field_at_its_default_changes_no_key() -> None:
    keys = {Step("count", count, {"study": config}).key for config in (Settings(), MoreSettings(), Settings(steps=5))}
    assert len(keys) == 1
    assert Step("count", count, {"study": MoreSettings(further=1)}).key not in keys


def test_a_store_at_a_url_gives_its_results_to_another_machine(chain: Chain, tmp_path: Path) -> None:
    url = f"file://{tmp_path}/far"
    here = replace(chain.engine, remote=url)
    here.run([chain.steps()])
    assert chain.ran() == ["data", "model", "report"]
    there = replace(here, store=tmp_path / "another")
    done = there.run([chain.steps()])
    assert chain.ran() == [] and (done["report"].folder / "value").read_text() == "112"
    assert done["report"].folder.parent == tmp_path / "another" and done["report"].cached
