"""`counterpoint bench` and the studies' scales, as a user types them."""

import json

import pytest
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError


def bench(*arguments):
    return CliRunner().invoke(app, ["bench", *map(str, arguments)], env={"COLUMNS": "160"})


def test_predicting_needs_no_such_device():
    found = bench("--predict", "--device", "h100", "--batch", "1,256", "--steps", "10,50")
    assert found.exit_code == 0
    for text in ("NVIDIA H100", "FM-50", "FM-10", "memory", "arithmetic", "from a batch of 4 on"):
        assert text in found.stdout


def test_a_floor_changes_what_is_predicted():
    found = bench("--predict", "--device", "h100", "--floor-ms", 0.75)
    assert "launch" in found.stdout
    assert "from a batch of 8 on" in found.stdout


def test_measuring_shows_shares_of_the_limit_and_goes_on(tmp_path):
    arguments = ("--backbone", "debug", "--duration-s", 0.1, "--steps", "2,dopri5", "--repeats", 1, "--out", tmp_path)
    found = bench(*arguments, "--engine", "both")
    assert found.exit_code == 0, found.output
    assert "FM-dopri5" in found.stdout and "reference" in found.stdout and "%" in found.stdout
    lines = (tmp_path / "points.jsonl").read_text().splitlines()
    assert {json.loads(line)["point"]["engine"] for line in lines} == {"fast", "reference"}
    assert json.loads((tmp_path / "limits.json").read_text())["kind"] == "cpu"
    clean = [line for line in lines if not json.loads(line)["disturbed"]]
    if len(clean) == len(lines):
        bench(*arguments)
        assert (tmp_path / "points.jsonl").read_text().splitlines() == lines


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--batch", "0"], "batch"),
        (["--steps", "0"], "steps"),
        (["--steps", "many"], "--steps many"),
        (["--batch", "1,,2"], "--batch"),
        (["--repeats", "0", "--backbone", "debug"], "repeats"),
        (["--device", "h100"], "--predict"),
        (["--device", "nothing", "--predict"], "nothing"),
        (["--predict", "--out", "a"], "--out"),
        (["--backbone", "huge"], "huge"),
    ],
)
def test_what_cannot_be_is_one_clear_sentence(tmp_path, arguments, words):
    found = bench(*arguments, "--out", tmp_path)
    assert isinstance(found.exception, UserError)
    assert words in str(found.exception) and "\n" not in str(found.exception)


def test_a_scale_that_a_study_lacks_is_answered_with_those_it_has(tmp_path):
    found = CliRunner().invoke(app, ["study", "run", "quick", "--scale", "paper", "--out", str(tmp_path / "x")])
    assert isinstance(found.exception, UserError)
    assert "its scales are quick, debug" in str(found.exception)
