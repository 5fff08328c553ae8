"""Steps as Slurm jobs: what sbatch is told, and trials with submitit's executors of this machine."""

from __future__ import annotations

import os
import re
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
from tests.study.engines.computations import add, break_down, until_interrupted

from counterpoint.config import UserError
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.pooled import PoolEngine
from counterpoint.study.engines.registry import Where
from counterpoint.study.engines.slurm import OWN_OPTIONS, SlurmPool
from counterpoint.study.work import Step
from killing import wait_for

submitit = pytest.importorskip("submitit", reason="the engine `slurm` needs the extra `slurm`")

SBATCH = """#!/bin/sh
cp "$1" "$SENT/$(ls "$SENT" | wc -l).sh"
echo "Submitted batch job $((41 + $(ls "$SENT" | wc -l)))"
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "log").touch()
    return tmp_path / "log"


@pytest.fixture
def sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A login node whose sbatch keeps the files that it is given; other commands of Slurm do nothing."""
    programs, sent = tmp_path / "programs", tmp_path / "sent"
    programs.mkdir()
    sent.mkdir()
    for name, text in (
        ("sbatch", SBATCH),
        ("srun", "#!/bin/sh\n"),
        ("scancel", "#!/bin/sh\n"),
        ("sacct", "#!/bin/sh\n"),
    ):
        (programs / name).write_text(text)
        (programs / name).chmod((programs / name).stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SENT", str(sent))
    return sent


def chain(log: Path) -> tuple[Step, Step, Step]:
    first = Step("first", add, {"number": 1, "log": str(log)})
    second = Step("second", add, {"number": 2, "log": str(log)}, {"first": first})
    return first, second, Step("third", add, {"number": 3, "log": str(log)}, {"first": first, "second": second})


def test_sbatch_is_told_resources_limits_and_what_to_wait_for(tmp_path: Path, sent: Path, log: Path) -> None:
    more = {"partition": "a100", "account": "music"}
    with SlurmPool(LocalEngine(tmp_path / "store"), own={**OWN_OPTIONS, "timeout_min": "90"}, more=more) as pool:
        assert pool.takes_waiting
        for step in chain(log):
            pool.start(step)
        pool.stop()
    files = [(sent / f"{number}.sh").read_text() for number in range(3)]
    flags = [dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", text, flags=re.M)) for text in files]
    shared = {"account": "music", "cpus-per-task": "4", "mem": "2GB", "partition": "a100", "requeue": "", "time": "90"}
    for own, name in zip(flags, ("first", "second", "third"), strict=True):
        assert shared.items() <= own.items() and own["job-name"] == name
        assert own["signal"] in ("USR1@300", "USR2@300") and own["kill-on-invalid-dep"] == "yes"
    assert [own.get("dependency") for own in flags] == [None, "afterok:42", "afterok:42:43"]
    assert all("submitit.core._submit" in text for text in files)


def test_an_option_that_sbatch_does_not_know_is_named(tmp_path: Path, sent: Path, log: Path) -> None:
    pool = SlurmPool(LocalEngine(tmp_path), own=OWN_OPTIONS, more={"partitoin": "a100"})
    with pool, pytest.raises(UserError, match=r"The options of Slurm are invalid: .*partitoin"):
        pool.start(chain(log)[0])


def test_a_machine_without_slurm_says_so(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match="This machine has no Slurm"):
        Where("slurm").open(LocalEngine(tmp_path, say=lambda _: None)).run(chain(log))
    with pytest.raises(UserError, match="cluster=pbs is unknown"):
        Where("slurm", options={"cluster": "pbs"}).open(LocalEngine(tmp_path))


def on_this_machine(store: Path, said: list[str]) -> PoolEngine:
    engine = Where("slurm", options={"cluster": "local"}).open(LocalEngine(store, say=said.append))
    assert isinstance(engine, PoolEngine)
    return engine


@pytest.mark.slow
def test_jobs_of_this_machine_give_the_results_of_the_local_engine(tmp_path: Path, log: Path, elsewhere: None) -> None:
    said: list[str] = []
    engine = on_this_machine(tmp_path / "store", said)
    done = engine.run(chain(log)[1:2])
    assert (done["second"].folder / "value").read_text() == "3"
    assert all(step.cached for step in engine.local.run(chain(log)[1:2]).values())
    with pytest.raises(UserError, match=r"The step wrong failed: The key is wrong; give another\. Its log is"):
        engine.run([Step("wrong", break_down, {"how": "wrong", "times": 9, "log": str(log)})])


@pytest.mark.slow
def test_a_job_that_is_warned_writes_its_state_and_goes_on(tmp_path: Path, log: Path, elsewhere: None) -> None:
    said: list[str] = []
    step = Step("train", until_interrupted, {"log": str(log)}, resumable=True)

    def warn() -> None:
        wait_for(log.read_text, within_s=120)
        time.sleep(1)
        os.kill(int(log.read_text().split()[1]), signal.SIGUSR2)

    threading.Thread(target=warn, daemon=True).start()
    done = on_this_machine(tmp_path / "store", said).run([step])
    assert (done["train"].folder / "value").read_text() == "2" and any("was lost after" in line for line in said)
