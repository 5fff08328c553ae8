"""A study of samplers: what it shares with the comparison, what it concludes, and a tiny one from data to report."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from counterpoint.config import FlowMatchingSampling, UserError
from counterpoint.metrics import Difference, Score
from counterpoint.study import load_study, run_study
from counterpoint.study.kinds.samplers import SamplerStudy
from counterpoint.study.pages.samplers import Setting, _sentence, solver_mark
from counterpoint.study.search.points import in_words
from counterpoint.study.shipped import find_study
from counterpoint.study.work import in_order
from untrained_codec import untrained_codec

STUDY = """
kind: samplers
compose: {clips: 40, duration_s: 3}
codec: CODEC
training:
  backbone: debug
  text: {width: 16, buckets: 64}
  segment_s: 3
  steps: 2
  batch_size: 4
  validate_every: 2
  checkpoint_every: 2
prompts: {clips: 8, duration_s: 3, batch_size: 8}
settings:
  euler_4: {steps: 4}
  euler_8: {steps: 8}
  heun_2: {solver: heun, steps: 2}
  adams_3_interval: {solver: adams, steps: 3, guidance_interval: [0, 0.5], sway: -0.5}
reference: euler_8
budget: 8
timing: {batch_size: 2, repeats: 2}
examples: 1
"""


def keys(study: str) -> dict[str, str]:
    return {step.name: step.key for step in in_order(load_study(find_study(study)).plan().values())}


def test_it_trains_nothing_that_the_comparison_has_trained() -> None:
    own, quick = keys("fig3"), keys("quick")
    shared = {"data", "encode", "train_autoregressive", "train_flow_matching"}
    assert {name for name, key in own.items() if key in quick.values()} == {
        *shared,
        "examine_train_autoregressive",
        "examine_train_flow_matching",
    }
    settings = read_settings()
    assert {f"generate_{label}" for label in settings} <= own.keys()
    assert any(10 <= sampling.steps <= 20 for sampling in settings.values())


def read_settings() -> Mapping[str, FlowMatchingSampling]:
    study = load_study(find_study("fig3"))
    assert isinstance(study, SamplerStudy)
    return study.settings


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("reference=euler_7", "reference 'euler_7' is not one of the settings"),
        ("settings.autoregressive={steps: 3}", "cannot be named 'autoregressive'"),
        ("settings.bad={guidance_interval: [0.5, 2]}", "settings.bad.guidance_interval"),
        ("timing.repeats=0", "timing.repeats"),
    ],
)
def test_what_makes_no_sense_is_refused(change: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        load_study(find_study("fig3"), overrides=[change])


def setting(label: str, value: float, evaluations: int, apart: tuple[float, float] | None) -> Setting:
    difference = None
    if apart is not None:
        low, high = apart
        difference = Difference("fad_musicnn", label, "euler_50", (low + high) / 2, low, high, 0.01, 0.01, 48, True)
    return Setting(
        label=label,
        series="",
        mark=solver_mark(FlowMatchingSampling()),
        passes=evaluations,
        evaluations=evaluations,
        seconds=(1.0, 0.9, 1.2),
        score=Score("fad_musicnn", value, value - 1, value + 1, 48, "", "lower"),
        difference=difference,
    )


@pytest.mark.parametrize(
    ("value", "apart", "words"),
    [
        (9.0, (-2.0, 0.5), "adams_10 reaches the quality of euler_50 with 20 model evaluations"),
        (10.5, (-0.2, 1.2), "adams_10 does not differ clearly from euler_50 with 20"),
        (12.0, (1.0, 3.0), "No setting with at most 20 evaluations reaches euler_50; the nearest, adams_10"),
    ],
)
def test_the_answer_says_no_more_than_the_test(value: float, apart: tuple[float, float], words: str) -> None:
    reference = setting("euler_50", 10.0, 100, None)
    found = _sentence(reference, setting("adams_10", value, 20, apart), budget=20, metric="fad_musicnn")
    assert words in found
    assert "instead of 100" in found
    assert "No tried setting" in _sentence(reference, None, budget=20, metric="fad_musicnn")


def test_settings_are_described_in_words() -> None:
    settings = read_settings()
    assert in_words(settings["euler_10"]) == "guidance 3, temperature 1, Euler, 10 steps"
    assert in_words(settings["dopri5"]) == "guidance 3, temperature 1, Dopri5, tolerance 1e-05"
    assert "guided for t in [0.2, 0.6]" in in_words(settings["euler_14_interval"])
    assert "sway -0.5" in in_words(settings["adams_10_sway"])


@pytest.mark.slow
def test_a_whole_study(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(STUDY.replace("CODEC", str(untrained_codec(tmp_path / "codec"))))
    result = run_study(tmp_path / "tiny.yaml", out=tmp_path / "out", store=tmp_path / "store")
    page = result.report.read_text(encoding="utf-8")
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', page) if not link.startswith("#")]
    assert all((result.report.parent / link).is_file() for link in links)
    with (result.report.parent / "tables" / "settings.csv").open() as file:
        rows = {row["setting"]: row for row in csv.DictReader(file)}
    counts = {label: (int(row["passes"]), int(row["evaluations"])) for label, row in rows.items()}
    assert counts.pop("autoregressive")[1] > 100
    assert counts == {"euler_4": (4, 8), "euler_8": (8, 16), "heun_2": (4, 8), "adams_3_interval": (3, 5)}
    assert all(
        float(row["seconds_low"]) <= float(row["seconds"]) <= float(row["seconds_high"]) for row in rows.values()
    )
    assert rows["euler_8"]["difference"] == "" and rows["heun_2"]["difference"] != ""
    assert {len(turns) for turns in result.results.times["timing"].systems.values()} == {2}
    assert "<h1>How much quality does an evaluation buy?" in page and "euler_8" in page
