"""What others see of a step that runs, failed, was lost or waits."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from counterpoint.config import DataConfig, ModelConfig, TrainingConfig, UserError
from counterpoint.study.engine import LocalEngine
from counterpoint.study.following import follow, read_losses
from counterpoint.study.notices import LOST_AFTER_S, Announcement, notice_of
from counterpoint.study.status import curve, print_status, status_of
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import nothing as no_work

SEEN: list[object] = []


@computes("look", version=1, workload=no_work)
def look(work: Work) -> None:
    """See, while it runs, what others see of it."""
    work.progress(3, 12)
    step = Step("look", look, {})
    following = follow(step, store=work.folder.parent)
    SEEN.append((following.state, following.notice is not None and following.notice.pid > 0))


@computes("fail", version=1, workload=no_work)
def fail(work: Work) -> None:
    raise UserError("The music is missing; ingest some.")


def test_a_step_is_seen_running_and_finished(tmp_path: Path) -> None:
    step = Step("look", look, {})
    assert follow(step, store=tmp_path).state == "waiting"
    LocalEngine(tmp_path, say=lambda _: None).run([step])
    assert SEEN == [("running", True)]
    assert follow(step, store=tmp_path).state == "finished" and notice_of(tmp_path, step.key) is None


def test_a_failure_is_kept_until_the_next_attempt(tmp_path: Path) -> None:
    step = Step("fail", fail, {})
    with pytest.raises(UserError):
        LocalEngine(tmp_path, say=lambda _: None).run([step])
    found = follow(step, store=tmp_path)
    assert found.state == "failed" and found.notice is not None and found.notice.is_lasting
    console = Console(record=True, width=120)
    print_status(status_of({"fail": step}, store=tmp_path), console)
    assert "fail failed: The music is missing; ingest some." in console.export_text()


def test_a_notice_that_nobody_renews_is_of_a_lost_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step("look", look, {})
    with Announcement(tmp_path, name=step.name, key=step.key) as announcement:
        announcement(1, 2)
        assert follow(step, store=tmp_path).state == "running"
        later = time.time() + LOST_AFTER_S + 1
        monkeypatch.setattr("counterpoint.study.following.time.time", lambda: later)
        assert follow(step, store=tmp_path).state == "stopped"


def test_a_training_is_followed_by_its_metrics(tmp_path: Path) -> None:
    config = TrainingConfig(model=ModelConfig(paradigm="flow_matching"), data=DataConfig(dataset="data"), steps=40)
    step = Step("train", look, config, resumable=True)
    partial = tmp_path / f"{step.folder_name}.partial"
    partial.mkdir(parents=True)
    lines = [{"step": n, "loss": 4 - n / 10} for n in range(1, 21)] + [{"step": 20, "valid_loss": 2.5}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines)
    (partial / "metrics.jsonl").write_text(text + '{"step": 21, "lo')
    found = follow(step, store=tmp_path)
    assert (found.state, found.progress, found.latest_loss) == ("stopped", "20/40 50%", "2.0000")
    assert read_losses(partial / "metrics.jsonl") == [(line["step"], line["loss"]) for line in lines[:-1]]


def test_losses_are_drawn_from_high_to_low() -> None:
    drawn, words = curve([(n, 10.0 - n) for n in range(10)], width=5).split("  ")
    assert drawn == "█▆▅▃▁" and words == "9.5 to 1.5"
    assert curve([(1, 2.0), (2, 2.0)]).startswith("▁▁")
