"""Verbs that run on several processes and machines: what they show, and what they refuse."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from counterpoint.cli import main


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Exit code and output of `counterpoint ARGUMENTS`, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["counterpoint", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        code, printed = ended.value.code, capsys.readouterr()
        return (code if isinstance(code, int) else 0), printed.out + printed.err

    return call


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--engine", "ry"], "There is no engine 'ry' (did you mean 'ray'?)"),
        (["--jobs", "0"], "--jobs 0 is out of range"),
        (["--engine", "slurm", "--engine-set", "partition"], "--engine-set partition has no value"),
        (["--engine", "local", "--address", "auto"], "The engine 'local' does not support --address"),
        (["--processes", "0"], "--processes 0 is out of range"),
        (["--engine", "ray", "--store", "memory://results"], "needs a folder that all machines share"),
    ],
)
def test_an_engine_that_cannot_run_is_refused_before_anything_starts(run, tmp_path: Path, arguments, sentence) -> None:
    code, printed = run("study", "run", "quick", "--scale", "debug", *arguments)
    assert code == 2 and sentence in printed and not list(tmp_path.iterdir())


def test_a_plan_shows_clusters_and_what_they_cost(run) -> None:
    code, printed = run("study", "plan", "table2", "--scale", "paper", "--gpus", "1,8,64", "--price", "2")
    assert (
        code == 0 and "On a cluster" in printed and "Cost" in printed and "longest chain of dependent steps" in printed
    )
    code, printed = run("study", "plan", "table2", "--scale", "paper", "--gpus", "many")
    assert code == 2 and "--gpus 'many' is no list of numbers" in printed


def test_a_dry_run_and_the_status_of_a_study_that_has_not_begun(run, tmp_path: Path) -> None:
    code, printed = run("study", "run", "quick", "--scale", "debug", "--dry-run")
    assert code == 0 and "steps would run" in printed and "evaluate" in printed
    code, printed = run("study", "status", "quick", "--scale", "debug")
    assert code == 0 and "waiting" in printed and not (tmp_path / "runs").exists()


def test_the_status_in_a_place_without_results_is_refused(run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    sentences = {"file": "is a file", "empty": "no results of a study", "nowhere": "no results of a study"}
    for place, sentence in {**sentences, "/dev/null": "is a device", "n" * 300: "too long"}.items():
        code, printed = run("study", "status", "quick", "--scale", "debug", "--store", place)
        assert code == 2 and sentence in printed, printed
    (tmp_path / "empty" / "locks").mkdir()
    assert run("study", "status", "quick", "--scale", "debug", "--store", "empty")[0] == 0
    assert run("study", "run", "quick", "--scale", "debug", "--store", "/dev/null", "--dry-run")[0] == 2
