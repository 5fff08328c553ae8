"""Finished studies are found by name or folder, and what cannot be is one clear sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError, write_json
from counterpoint.metrics import Evaluation, MetricInfo, Score
from counterpoint.results.records import RESULTS_FILE, Provenance, StudyInfo
from counterpoint.results.schema import Results
from counterpoint.study.combined import write_report_of
from counterpoint.study.finished import find_results, find_several


def finish(folder: Path, study: str) -> Path:
    """A folder with the results of a study of one system and one metric."""
    info = MetricInfo("fad_musicnn", "a distance", "", "lower")
    score = Score(info.name, 5.0, 4.0, 6.0, 8, "", "lower")
    evaluation = Evaluation(8, 0, (info,), {"flow_matching": {info.name: score}}, {}, (), {})
    about = StudyInfo(name=study, kind="grid", shipped=study, scale="quick", config={"kind": "grid"})
    Results(study=about, provenance=Provenance(steps={}), evaluations={"evaluate": evaluation}).write(folder)
    return folder


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of runs, of which some can be read."""
    monkeypatch.chdir(tmp_path)
    runs = Path("runs")
    finish(runs / "quick", "quick")
    finish(runs / "again", "quick")
    finish(runs / "mine", "")
    finish(Path("elsewhere") / "mine", "")
    (runs / "unfinished" / "steps").mkdir(parents=True)
    older = finish(runs / "older", "fig8") / RESULTS_FILE
    write_json(older, {**json.loads(older.read_text()), "schema_version": 0})
    damaged = finish(runs / "damaged", "fig8") / RESULTS_FILE
    write_json(damaged, {**json.loads(damaged.read_text()), "evaluations": {"evaluate": {"n": "many"}}})
    (finish(runs / "unread", "fig8") / RESULTS_FILE).write_text("{")
    return runs


def test_a_study_is_found_by_its_name_and_by_its_folder(runs: Path) -> None:
    assert find_results("quick").study.shipped == "quick"
    assert find_results("elsewhere/mine").folder == Path("elsewhere/mine")
    assert list(find_several(["quick", "mine"])) == ["quick", "mine"]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], "Name at least one finished study"),
        (["table4"], r"There is no study 'table4'.*counterpoint study run table4"),
        (["stranger"], r"There is no study 'stranger'.*finished in runs are: again.*quick"),
        ([""], "There is no study ''"),
        (["elsewhere"], r"elsewhere has no results\.json: give the folder of a finished study"),
        (["x" * 5000], r"There is no study 'x{20,200}"),
        (["unfinished"], r"has no results\.json.*study run unfinished` continues where it stopped"),
        (["quick", "again"], r"runs/quick and runs/again are both the study quick"),
        (["quick", "runs/quick"], "are both the study quick"),
        (["mine", "elsewhere/mine"], "in folders called 'mine'; rename one"),
        (["older"], r"schema version 0.*run its study again"),
        (["damaged"], r"damaged at evaluations\.evaluate.*run its study again"),
        (["unread"], "not valid JSON"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(runs: Path, names: list[str], words: str) -> None:
    with pytest.raises(UserError) as error:
        find_several(names)
    assert re.search(words, str(error.value)), str(error.value)
    assert "\n" not in str(error.value)


def test_a_report_of_studies_replaces_nothing_else(runs: Path) -> None:
    with pytest.raises(UserError, match=r"contains results\.json, which would be lost"):
        write_report_of(["quick"], out=runs / "mine")
    assert (runs / "mine" / RESULTS_FILE).is_file()
    with pytest.raises(UserError, match=r"is in runs/quick, an input of this command"):
        write_report_of(["quick"], out=runs / "quick" / "again")


def test_results_are_printed_for_programs(runs: Path) -> None:
    whole = CliRunner().invoke(app, ["study", "results", "quick"])
    assert whole.exit_code == 0, whole.output
    assert json.loads(whole.output)["evaluations"]["evaluate"]["n"] == 8
    table = CliRunner().invoke(app, ["study", "results", "quick", "--format", "csv"])
    assert table.output.splitlines() == [
        "step,kind,system,metric,value,low,high,n,seeds,unit,better",
        "evaluate,system,flow_matching,fad_musicnn,5.0,4.0,6.0,8,1,,lower",
    ]
    unknown = CliRunner().invoke(app, ["study", "results", "quick", "--format", "csv", "--table", "score"])
    assert "no table 'score'" in str(unknown.exception)
