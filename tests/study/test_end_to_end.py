"""A whole study, tiny and with a codec that was never trained: every part is real and they fit together."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from counterpoint.study import StudyResult, run_study
from tiny_study import tiny_study

pytestmark = pytest.mark.slow

PARADIGMS = ("autoregressive", "flow_matching")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("study")


@pytest.fixture(scope="module")
def result(folder: Path) -> StudyResult:
    return run_study(tiny_study(folder, "floors: true"), out=folder / "out", store=folder / "store")


def test_everything_runs_and_the_report_stands_alone(result: StudyResult, folder: Path) -> None:
    assert not any(step.cached for step in result.steps.values())
    assert result.report == folder / "out" / "report" / "index.html"
    page = result.report.read_text(encoding="utf-8")
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', page) if not link.startswith("#")]
    assert len([link for link in links if link.startswith("audio/")]) == 2 * 4 + 2 * 3
    for link in links:
        assert (result.report.parent / link).is_file(), link
    assert "Not yet: " in page and "On this data and budget" not in page, "four updates teach nothing"
    for heading in ("What the models have learned", "Resources of each model", "Departures from the paper"):
        assert heading in page


def test_what_the_models_have_learned_and_who_copies_is_in_the_results(result: StudyResult) -> None:
    for paradigm in PARADIGMS:
        learned = result.results.examined(f"train_{paradigm}")
        assert learned is not None and learned.examination.beside and learned.examination.picks is not None
    [copies] = result.results.copies.values()
    assert copies.systems["training_copies"].copies and not copies.systems["ground_truth"].copies
    assert {"unigram", "bigram", "gaussian"} <= copies.systems.keys()


def test_the_table_holds_every_system_with_intervals(result: StudyResult) -> None:
    with (result.report.parent / "tables" / "scores.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "fad_musicnn"]
    assert {row["system"] for row in rows} >= {
        *PARADIGMS,
        *("unigram", "bigram", "gaussian"),
        "ground_truth",
        "reconstruction_codec_codes",
        "reconstruction_codec_latents",
    }
    assert all(float(row["low_95"]) <= float(row["value"]) <= float(row["high_95"]) for row in rows)
    truth, *others = sorted(rows, key=lambda row: row["system"] != "ground_truth")
    assert float(truth["value"]) < min(
        float(row["value"]) for row in others if "half" not in row["system"] and "copies" not in row["system"]
    )


def test_both_models_answered_the_same_prompts(result: StudyResult) -> None:
    captions = []
    for paradigm in PARADIGMS:
        lines = (result.steps[f"generate_{paradigm}"].folder / "metadata.jsonl").read_text().splitlines()
        captions.append([(entry["id"], entry["caption"]) for entry in map(json.loads, lines)])
    assert len(captions[0]) == 8
    assert captions[0] == captions[1]


def test_a_second_run_does_nothing_and_links_lead_to_the_models(result: StudyResult, folder: Path) -> None:
    again = run_study(folder / "tiny.yaml", out=folder / "other", store=folder / "store")
    assert all(step.cached for step in again.steps.values())
    for paradigm in PARADIGMS:
        assert (folder / "other" / "steps" / f"train_{paradigm}" / "model.json").is_file()
    assert again.report.read_bytes() == result.report.read_bytes()
