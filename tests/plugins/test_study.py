"""Table 2 with a third paradigm and a further judge of another package: trained, drawn from, judged and reported."""

from __future__ import annotations

from itertools import combinations

import pytest

from counterpoint.study import StudyResult, run_study

pytestmark = pytest.mark.slow

SYSTEMS = {"ar_enc_25hz": "autoregressive", "fm_enc_25hz": "flow_matching", "1s_enc_25hz": "one_step"}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    folder = tmp_path_factory.mktemp("table2")
    overrides = [
        "axes.paradigm.values={ar: autoregressive, fm: flow_matching, 1s: one_step}",
        "axes.latent.values={enc: rvq}",
        "axes.rate.values={25hz: 25hz}",
        "sampling.one_step={passes: 2}",
        "examples=1",
    ]
    return run_study(
        "table2", out=folder / "out", store=folder / "store", overrides=overrides, scale="debug", say=lambda _: None
    )


def test_all_three_are_judged_and_each_pair_is_compared(result: StudyResult) -> None:
    found = result.results
    assert {key: found.systems[key].paradigm for key in SYSTEMS} == SYSTEMS
    [evaluation] = found.evaluations.values()
    for key in SYSTEMS:
        assert evaluation.scores[key].keys() >= {"fad_musicnn", "zero_crossings"}
    pairs = {frozenset((each.first, each.second)) for each in evaluation.differences}
    assert {frozenset(pair) for pair in combinations(SYSTEMS, 2) if SYSTEMS[pair[0]] == "autoregressive"} <= pairs


def test_the_report_shows_the_third_by_its_names_and_colour(result: StudyResult) -> None:
    page = result.report.read_text(encoding="utf-8")
    assert "One step" in page and "#4d7a3a" in page
    assert "zero_crossings" in page
