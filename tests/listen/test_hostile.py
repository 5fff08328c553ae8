"""Folders, designs, tables and requests of a listening test with mistaken or malicious content."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from starlette.testclient import TestClient
from typer.testing import CliRunner

from counterpoint.cli.app import app
from counterpoint.config import UserError
from counterpoint.listen.answers import Answers
from counterpoint.listen.design import find_design, read_design
from counterpoint.listen.exchange import import_ratings
from counterpoint.listen.folder import read_test
from counterpoint.listen.planning import make_plan
from counterpoint.listen.results import collect
from counterpoint.listen.server import create_server

New = Callable[..., Path]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("manifest.json", "[]", "manifest.json is damaged; make"),
        ("manifest.json", '{"study": "x"}', "manifest.json is damaged at seed"),
        ("key.json", "null", "key.json is damaged"),
        ("key.json", '{"names": {}, "files": {}}', "key.json does not name the system"),
        ("origin.json", "5", "origin.json does not name the study"),
        ("origin.json", '{"study": ["x"]}', "origin.json does not name the study"),
        ("origin.json", "[" * 100_000, "origin.json is nested too deeply"),
    ],
)
def test_a_damaged_file_is_named(new_test: New, name: str, text: str, message: str) -> None:
    folder = new_test()
    (folder / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_test(folder)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("questions.0.high", 10**18, "values, and may have 1001"),
        ("training", 10**9, "training: Input should be less than or equal to 1000"),
        ("repeats", True, "must not be true or false"),
        ("seconds_per_answer", float("nan"), "finite number"),
    ],
)
def test_a_design_beyond_all_bounds_is_refused(tmp_path: Path, key: str, value: Any, message: str) -> None:
    values = yaml.safe_load(find_design("mos").read_text(encoding="utf-8"))
    *path, last = key.split(".")
    group = values
    for part in path:
        group = group[int(part) if part.isdigit() else part]
    group[last] = value
    (tmp_path / "d.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_design(tmp_path / "d.yaml")


@pytest.mark.parametrize("name", ["x" * 300, "\udce9", ".", "nope"])
def test_what_is_no_design_gets_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match=r"a YAML file (like one|of the same form)"):
        find_design(name)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"value": True}, "value nan"),
        ({"value": [5]}, "which is not a number"),
        ({"value": {"a": 1}}, "which is not a number"),
        ({"rater": ["ann"]}, "write a name"),
        ({"rater": "\0 "}, "write a name"),
        ({"rater": "x" * 201}, "write a name"),
        ({"item": {"a": 1}}, "names the item"),
        (None, "contains no ratings"),
    ],
)
def test_a_line_of_a_strange_type_is_named(new_test: New, tmp_path: Path, changed: dict | None, message: str) -> None:
    line = {"rater": "ann", "item": "track-1", "system": "fm", "question": "audio_match", "value": 5}
    table = tmp_path / "a.jsonl"
    table.write_text("" if changed is None else json.dumps({**line, **changed}) + "\n", encoding="utf-8")
    answers = Answers(read_test(new_test()))
    with pytest.raises(UserError, match=message):
        import_ratings(answers, table)
    assert collect(answers).entered == 0
    answers.close()


def test_counts_and_widths_have_bounds(new_test: New) -> None:
    test = read_test(new_test())
    answers = Answers(test)
    for count in (0, -5, 10**9):
        with pytest.raises(UserError, match=f"--raters {count} is out of range"):
            answers.invite(count)
        with pytest.raises(UserError, match=f"--raters {count} is out of range"):
            make_plan(test, raters=count)
    for width in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UserError, match="half width"):
            collect(answers, half_width=width)
    assert collect(answers).entered == 0
    answers.close()


def test_results_are_written_over_no_file_of_the_test(new_test: New) -> None:
    folder = new_test()
    Answers(read_test(folder)).close()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for option, name in (("--json", "manifest.json"), ("--json", "answers.db"), ("--csv", "test.yaml")):
        done = CliRunner().invoke(app, ["listen", "results", str(folder), option, str(folder / name)])
        assert isinstance(done.exception, UserError), done.output
    assert all((folder / name).read_bytes() == content for name, content in before.items() if ".db" not in name)
    gone = CliRunner().invoke(app, ["listen", "delete", str(folder), "\udce9"])
    assert isinstance(gone.exception, UserError)


def test_half_characters_and_unheard_clips_are_refused(new_test: New) -> None:
    test = read_test(new_test())
    answers = Answers(test)
    client = TestClient(create_server(test, answers), raise_server_exceptions=False)
    for body in ('{"platform_id": "\\ud800"}', b"\xff", "[]", "[" * 100_000, '{"platform_id": 5}', ""):
        refused = client.post("/api/enter", content=body)
        assert refused.status_code == 400 and len(refused.json()["error"]) > 10, body
    token = client.post("/api/enter", json={"platform_id": ""}).json()["token"]
    answers.check_headphones(token, answers.headphone_key(token))
    trial = client.get(f"/api/r/{token}").json()["trial"]
    given = [
        {"version": version, "question": question["id"], "value": question["low"]}
        for version in range(1 if trial["presentation"] == "pair" else len(trial["clips"]))
        for question in trial["questions"]
    ]
    body = json.dumps({"answers": given, "heard": [float("nan")] * len(trial["clips"]), "plays": []})
    unheard = client.put(f"/api/r/{token}/trials/{trial['id']}", content=body)
    assert unheard.status_code == 422 and "whole clip" in unheard.json()["error"]
    assert client.post(f"/api/r/{token}/finish", content='{"comment": "\\udfff"}').status_code == 400
    answers.close()
