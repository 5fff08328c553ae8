"""What verbs say: in words, as JSON, or nothing; whole where no terminal is; and how far they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from counterpoint.audio import Sound
from counterpoint.cli import _report, output, progress
from counterpoint.cli.app import app
from counterpoint.cli.options import sampling_attributes
from counterpoint.config import AutoregressiveSampling, FlowMatchingSampling, SamplingConfig, TrainingConfig, UserError
from counterpoint.config.explain import explain, to_yaml
from counterpoint.config.load import load_yaml

CLASSES = {kind.__name__: kind for kind in (SamplingConfig, AutoregressiveSampling, FlowMatchingSampling)}


def test_every_sampling_setting_has_its_option_with_its_meaning() -> None:
    found = {(owner, attribute.name): attribute for _, owner, attribute in sampling_attributes()}
    own = {
        (name, field) for name, kind in CLASSES.items() for field in kind.model_fields if field in kind.__annotations__
    }
    assert set(found) == own and all(attribute.meaning for attribute in found.values())
    help_of = {
        verb: CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200"}).output
        for verb in ("generate", "follow")
    }
    for _, name in own:
        assert all(f"--{name.replace('_', '-')} " in text for text in help_of.values()), name
    assert "Sampling, flow matching only" in help_of["generate"]


NO_REPORT = ("study results", "studio", "listen")
"""Verbs that print what was asked for in a format of their own, or serve pages."""


def test_a_verb_that_reports_can_be_quiet_and_can_speak_json() -> None:
    root = get_command(app)
    verbs = {}
    for name, command in root.commands.items():  # pyright: ignore[reportAttributeAccessIssue]
        inner = getattr(command, "commands", None)
        verbs |= {name: command} if inner is None else {f"{name} {key}": each for key, each in inner.items()}
    assert len(verbs) > 20
    for name, command in verbs.items():
        options = {option for parameter in command.params for option in getattr(parameter, "opts", ())}
        assert {"--quiet", "--json"} <= options or name.startswith(NO_REPORT), name


def test_one_result_in_three_forms() -> None:
    words = CliRunner().invoke(app, ["codecs"])
    data = CliRunner().invoke(app, ["codecs", "--json"])
    quiet = CliRunner().invoke(app, ["codecs", "--quiet"])
    assert words.stdout.startswith("pocket") or "\npocket" in words.stdout
    assert "pocket" in {each["name"] for each in json.loads(data.stdout)}
    assert quiet.output == "" and quiet.exit_code == 0


def test_numbers_that_json_lacks_become_null() -> None:
    assert json.loads(output.to_json({"a": float("nan"), "b": (Path("x"), 1.5, None)})) == {
        "a": None,
        "b": ["x", 1.5, None],
    }


def test_a_table_in_a_file_keeps_all_its_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from rich.table import Table

    monkeypatch.delenv("COLUMNS", raising=False)
    table = Table(*[f"column {index}" for index in range(40)])
    table.add_row(*["1234567.89 to 2345678.90"] * 40)
    output.console().print(table)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.count("1234567.89 to 2345678.90") == 40 for line in lines)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., list[str]]:
    """What a verb that calls back so often, a second apart, prints where there is no terminal."""

    def run(*shares: float, total: float, shown: bool = True) -> list[str]:
        clock = iter(range(1000))
        monkeypatch.setattr(progress.time, "monotonic", lambda: 6.0 * next(clock))
        with progress.progress_bar("Generating", unit="clips", shown=shown) as move:
            for share in shares:
                move(share, total)
        written = capsys.readouterr()
        assert not written.out
        return written.err.splitlines()

    return run


def test_without_a_terminal_a_line_now_and_then_says_how_far_it_is(told: Callable[..., list[str]]) -> None:
    assert not sys.stderr.isatty()
    assert told(0.25, 0.5, 0.75, 1, total=1) == ["Generating: 0.5/1 clips", "Generating: 1/1 clips"]
    assert told(1, total=1) == [], "what is quick says nothing"
    assert told(5, 10, 15, 20, total=20, shown=False) == []


def test_a_configuration_is_shown_with_all_keys_and_runs_again(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("model: {paradigm: flow_matching, backbone: debug}\ndata: {dataset: music}\nsteps: 7\n")
    shown = CliRunner().invoke(app, ["config", "show", str(path), "--set", "seed=3"])
    assert shown.exit_code == 0, shown.output
    again = tmp_path / "again.yaml"
    again.write_text(shown.stdout)
    assert load_yaml(again, TrainingConfig) == load_yaml(path, TrainingConfig, overrides=["seed=3"])
    assert "steps: 7  # default: 500000" in shown.stdout
    assert "# Micro-batches per update." in shown.stdout
    assert "# Only flow matching reads this key. s of the probability path (Eq. 2)." in shown.stdout
    keys = json.loads(CliRunner().invoke(app, ["config", "show", str(path), "--json"]).stdout)
    assert {"path": "steps", "value": 7, "default": 500000}.items() <= next(
        key for key in keys if key["path"] == "steps"
    ).items()


@pytest.mark.parametrize("name", ["training", "codec", "quick", "table4", "fig5"])
def test_whatever_can_be_set_can_be_shown(name: str) -> None:
    shown = CliRunner().invoke(app, ["config", "show", name])
    assert shown.exit_code == 0, shown.output
    assert isinstance(yaml.safe_load(shown.stdout), dict) and "# " in shown.stdout


def test_a_key_of_one_paradigm_names_it() -> None:
    owners = {key.path: key.owner for key in explain(TrainingConfig)}
    assert owners["model.codebooks"] == "auto-regression" and owners["model.times_scale"] == "flow matching"
    assert not owners["model.backbone"] and not owners["steps"]


def test_defaults_are_those_of_the_group_where_it_stands() -> None:
    keys = {key.path: key for key in explain(TrainingConfig)}
    assert keys["model.backbone.layers"].value == keys["model.backbone.layers"].default == 6
    assert keys["data.dataset"].is_required and keys["model"].is_group
    assert "# dataset: must be set" in to_yaml(explain(TrainingConfig))


def test_a_path_is_suggested_for_a_key_of_another_group(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("model: {paradigm: flow_matching}\ndata: {dataset: music}\n")
    for key, meant in (("learning_rate", "optimizer.learning_rate"), ("model.dropout", "model.backbone.dropout")):
        with pytest.raises(UserError, match=f"did you mean '{meant}'"):
            load_yaml(tmp_path / "x.yaml", TrainingConfig, overrides=[f"{key}=0.5"])


def test_evaluation_json_is_the_scores(tmp_path: Path) -> None:
    for name, seed in (("mine", 1), ("music", 2)):
        (tmp_path / name).mkdir()
        for index, noise in enumerate(np.random.default_rng(seed).normal(0, 0.1, (8, 16_000))):
            Sound(noise, 16_000).save(tmp_path / name / f"{index}.wav")
    found = CliRunner().invoke(
        app, ["evaluate", str(tmp_path / "mine"), "--reference", str(tmp_path / "music"), "--json"]
    )
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["scores"]["mine"]["fad_musicnn"]["n"] == 8


@pytest.mark.parametrize(
    ("error", "said", "code"),
    [
        (UserError("There is no \x1b[31mred.wav."), r"Error: There is no \x1b[31mred.wav.", 2),
        (MemoryError(), "Error: Memory has run out; reduce the request", 1),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "Error: Memory has run out", 1),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory"), "Error: Memory has run out", 1),
    ],
)
def test_what_a_user_can_mend_is_one_sentence(
    error: Exception, said: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _report(error) == code
    assert capsys.readouterr().err.startswith(said)


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(RuntimeError, match="a bug"):
        _report(RuntimeError("a bug"))


def test_an_encoding_without_a_character_is_no_error() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
    command = [sys.executable, "-m", "counterpoint", "codecs"]
    done = subprocess.run(command, capture_output=True, env=environment, timeout=600)
    assert done.returncode == 0 and b"pocket" in done.stdout, done.stderr.decode()
    done.stdout.decode("ascii")
