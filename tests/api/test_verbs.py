"""Every verb of the command line has its call, with the same sentence for the same mistake."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

import counterpoint as cp
from counterpoint.cli import main
from counterpoint.cli.app import app

CALLS: dict[str, Callable[..., Any]] = {
    "train": cp.train_model,
    "generate": cp.Model.generate,
    "inpaint": cp.Model.inpaint,
    "analyze": cp.analyze,
    "models": cp.models,
    "codecs": cp.codecs,
    "export": cp.export_model,
    "evaluate": cp.evaluate,
    "follow": cp.measure_following,
    "bench": cp.measure_speed,
    "doctor": cp.examine_machine,
    "data compose": cp.compose_dataset,
    "data ingest": cp.ingest_dataset,
    "data encode": cp.encode_dataset,
    "data controls": cp.extract_controls,
    "codec train": cp.train_codec,
    "codec reconstruct": cp.LoadedCodec.reconstruct,
    "study run": cp.run_study,
    "study results": cp.load_results,
    "study list": cp.studies,
    "study plan": cp.plan_study,
    "study status": cp.study_status,
    "study report": cp.report_studies,
    "study stimuli": cp.write_stimuli,
    "study samples": cp.write_samples,
    "listen new": cp.make_listening_test,
    "listen invite": cp.ListeningTest.invite,
    "listen plan": cp.ListeningTest.plan,
    "listen delete": cp.ListeningTest.delete,
    "listen results": cp.ListeningTest.results,
    "listen export": cp.ListeningTest.export,
    "listen import": cp.ListeningTest.import_ratings,
    "metrics fetch": cp.fetch_judge,
    "metrics status": cp.judges,
    "config show": cp.explain_config,
}
SERVERS = {"studio", "listen serve"}
"""They serve pages until they are interrupted, which is nothing for a program to call."""


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[str]:
    if not hasattr(command, "commands"):
        yield " ".join(path)
        return
    for name, each in command.commands.items():
        yield from verbs(each, (*path, name))


def test_every_verb_has_its_call() -> None:
    found = set(verbs(typer.main.get_command(app)))
    assert found - SERVERS == set(CALLS), "name the call of a new verb here and in docs/python.md"
    assert all(callable(call) and call.__doc__ for call in CALLS.values())


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (["analyze", "none.wav"], lambda: cp.analyze("none.wav")),
        (["codec", "reconstruct", "none.wav", "--out", "x.wav"], lambda: cp.load_codec("pocket").encode("none.wav")),
        (["data", "encode", "none"], lambda: cp.encode_dataset("none", codec="pocket")),
        (["data", "ingest", "none", "out"], lambda: cp.ingest_dataset("none", "out")),
        (["evaluate", "none", "--reference", "none"], lambda: cp.evaluate("none", "none")),
        (["generate", "a", "--model", "pocket_ar", "--out", "x.wav"], lambda: cp.load_model("pocket_ar")),
        (["train", "none.yaml", "--out", "x"], lambda: cp.train_model("none.yaml", out="x")),
        (["study", "run", "quik"], lambda: cp.run_study("quik")),
        (["study", "plan", "quik"], lambda: cp.plan_study("quik")),
        (["study", "results", "none"], lambda: cp.load_results("none")),
        (["config", "show", "quik"], lambda: cp.explain_config("quik")),
        (["listen", "plan", "none"], lambda: cp.ListeningTest("none")),
        (["export", "none", "out"], lambda: cp.export_model("none", "out")),
        (["metrics", "fetch", "none"], lambda: cp.fetch_judge("none")),
        (["analyze", "none.wav", "--device", "gpu"], lambda: cp.load_codec("pocket", device="gpu")),
    ],
)
def test_a_mistake_has_the_same_sentence(
    arguments: list[str],
    call: Callable[[], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(cp.UserError) as refused:
        call()
    printed = capfd.readouterr()
    assert not printed.out and not printed.err, "a call prints nothing"
    monkeypatch.setattr(sys, "argv", ["counterpoint", *arguments])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert capfd.readouterr().err.strip() == f"Error: {refused.value}"
