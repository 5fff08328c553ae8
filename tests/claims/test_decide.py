"""Claims are decided by the first study and the first judge that can, and by what they found."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from counterpoint.claims.decide import Decision, FinishedStudy, decide
from counterpoint.claims.paper import paper_claims, paper_scores
from counterpoint.metrics import Difference
from counterpoint.metrics.preferences import FAMILIES
from counterpoint.results.schema import Results
from counterpoint.study.shipped import CONFIGS

FAD = "fad_musicnn"
PAPER = paper_claims()
Make = Callable[..., Results]


def decided(words: str, *results: Results) -> Decision:
    """What comes of the one claim that has these words."""
    claims = [claim for row in PAPER.rows for claim in row.claims if words in claim.claim]
    assert len(claims) == 1, words
    return decide(claims[0], studies={each.study.shipped: FinishedStudy(each.study.name, each) for each in results})


def test_what_the_paper_says_is_there_to_be_tested() -> None:
    there = {path.stem for path in CONFIGS.glob("*.yaml")}
    claims = [claim for row in PAPER.rows for claim in row.claims]
    assert PAPER.rows[0].axis == "Text-to-music fidelity"
    assert sum(row.in_table for row in PAPER.rows) == 5
    assert {source.study for claim in claims for source in claim.sources} <= there
    assert {claim.judges for claim in claims} <= set(FAMILIES)
    assert len({claim.claim for claim in claims}) == len(claims)
    for name, rows in {"table_6": 9, "table_7": 7, "table_8_full": 12, "figure_8": 0, "appendix_a": 4}.items():
        table = paper_scores(name)
        assert len(table.rows) == rows
        assert all(row.scores.keys() == table.measures.keys() for row in table.rows)


@pytest.mark.parametrize(
    ("ahead", "directed", "close"), [(10.0, "supported", "contradicted"), (-10.0, "contradicted", "contradicted")]
)
def test_who_is_ahead_decides(quick: Make, ahead: float, directed: str, close: str) -> None:
    results = quick(ahead=ahead)
    found = decided("AR has the better fidelity, at every", results)
    assert (found.outcome, found.judge) == (directed, FAD)
    assert found.passed_over[0] == "fad_vggish"
    assert found.effects[0][0].paired
    assert decided("comparable in fidelity, at every", results).outcome == close


def test_debug_evidence_counts_for_nothing(quick: Make) -> None:
    found = decided("AR has the better fidelity, at every", quick(scale="debug"))
    assert found.outcome == "untested" and "debug scale, which is no evidence" in found.reason


def test_a_small_clear_lead_is_both_comparable_and_ahead(finish: Make) -> None:
    scores = {FAD: {"ground_truth": 10.0, "autoregressive": 50.0, "flow_matching": 51.5}}
    apart = Difference(FAD, "flow_matching", "autoregressive", 1.5, 0.5, 2.5, 0.01, 0.01, 48, True)
    results = finish("quick", scores, differences=[apart])
    assert decided("AR has the better fidelity, at every", results).outcome == "supported", "whichever way round"
    close = decided("comparable in fidelity, at every", results)
    assert close.outcome == "supported"
    assert close.effects[0][0].margin == pytest.approx(0.1 * (50.75 - 10)), "above the true music"


def test_the_papers_judge_comes_before_a_stand_in(quick: Make) -> None:
    better = {"autoregressive": 0.9, "flow_matching": 0.2}
    found = decided("AR has the better fidelity, at every", quick(fad_vggish=better))
    assert (found.judge, found.outcome, list(found.passed_over)) == ("fad_vggish", "undecided", [])
    assert not found.effects[0][0].paired


def test_a_grid_is_asked_before_the_small_study_and_at_every_frame_rate(quick: Make, finish: Make) -> None:
    values = {"ar_enc_25hz": 40, "fm_enc_25hz": 45, "ar_enc_50hz": 42, "fm_enc_50hz": 47, "fm_vae_50hz": 60}
    table2 = finish("table2", {FAD: {**values, "fm_vae_25hz": 59, "reconstruction_pocket_codes": 3}})
    found = decided("AR has the better fidelity, at every", quick(), table2)
    assert found.study == table2.study.name
    assert (found.outcome, len(found.effects)) == ("supported", 2)
    mixed = finish("table2", {FAD: {**values, "fm_enc_50hz": 42.1}})
    assert decided("AR has the better fidelity, at every", mixed).outcome == "undecided"
    turned = finish("table2", {FAD: {**values, "fm_enc_50hz": 30}})
    assert decided("AR has the better fidelity, at every", turned).outcome == "contradicted"


def test_a_grid_judged_apart_tells_frame_rate_from_length(finish: Make) -> None:
    fads = {row.system: row.scores["fad"] for row in paper_scores("table_7").rows}
    claim = "FM loses fidelity as the frame rate doubles"
    tight = finish("fig4", {FAD: {system: (value, 0.005) for system, value in fads.items()}}, scale="paper")
    assert decided(claim, tight).outcome == "supported", "on the paper's numbers"
    loose = finish("fig4", {FAD: {system: (value, 0.5) for system, value in fads.items()}}, scale="paper")
    assert decided(claim, loose).outcome == "undecided"
    short = finish("fig4", {FAD: {system: value for system, value in fads.items() if system.endswith("_10s")}})
    found = decided(claim, short)
    assert found.outcome == "untested" and "--scale paper" in found.reason


def test_what_the_true_music_of_a_duration_scores_is_taken_off(finish: Make) -> None:
    truths = {"10s": 10.0, "20s": 6.0, "40s": 2.0}
    cells = {f"fm_{rate}hz_{length}": truth + 5 for rate in (25, 50, 100) for length, truth in truths.items()}
    claim = "FM loses fidelity as the frame rate doubles"
    assert decided(claim, finish("fig4", {FAD: cells})).outcome == "supported", "shorter clips do"
    with_truth = {**cells, **{f"ground_truth_{length}": (truth, 0.1) for length, truth in truths.items()}}
    found = decided(claim, finish("fig4", {FAD: with_truth}))
    assert found.outcome == "undecided"
    assert found.effects[0][0].value == pytest.approx(0)
    assert found.effects[0][0].size == pytest.approx(5)


def test_trends_over_the_batch(finish: Make) -> None:
    values = {
        f"{paradigm}_b{batch}_{duration}": top - slope * step
        for paradigm, top, slope in (("ar", 90.0, 10.0), ("fm", 60.0, 2.0))
        for step, batch in enumerate((4, 8, 16, 128))
        for duration in ("2.5s", "5s")
    }
    results = finish("fig8", {FAD: values})
    assert decided("AR gains more fidelity", results).outcome == "supported"
    gains = decided("AR gains fidelity as", results)
    assert (gains.outcome, len(gains.effects)) == ("supported", 2)
    near = decided("From an eighth of the largest batch", results)
    assert [effect.what for effect, _ in near.effects] == [
        f"FM_B16_{duration} − FM_B128_{duration}" for duration in ("2.5S", "5S")
    ]
    swapped = {name.translate(str.maketrans({"a": "f", "r": "m", "f": "a", "m": "r"})): v for name, v in values.items()}
    assert decided("AR gains more fidelity", finish("fig8", {FAD: swapped})).outcome == "contradicted"


def test_a_slope_uses_what_was_tested_clip_by_clip(finish: Make) -> None:
    values = {"euler_10": 71.0, "euler_50": 70.6, "euler_200": 70.5}
    tested = [
        Difference(FAD, label, "euler_50", value - 70.6, value - 70.65, value - 70.55, 0.001, 0.001, 48, True)
        for label, value in values.items()
        if label != "euler_50"
    ]
    scores = {FAD: {label: (value, 1.5) for label, value in values.items()}}
    claim = "FM gains fidelity from every doubling"
    assert decided(claim, finish("fig3", scores, differences=tested)).outcome == "supported"
    assert decided(claim, finish("fig3", scores)).outcome == "undecided"


def test_times_are_compared_where_both_were_measured(speed: Make) -> None:
    times = {
        ("AR", 8, 10): 9.0,
        ("FM", 8, 10): 3.0,
        ("AR", 256, 10): 40.0,
        ("FM", 256, 10): 70.0,
        ("AR", 4, 10): 1.0,
    }
    results = speed(times)
    small, large = decided("In batches of up to 64", results), decided("In batches of more than 64", results)
    assert (small.outcome, large.outcome) == ("supported", "supported")
    assert [len(each.effects) for each in (small, large)] == [1, 1]
    close = speed(times | {("AR", 8, 10): 3.1})
    assert decided("In batches of up to 64", close).outcome == "undecided", "quartiles overlap"


def test_what_is_not_tested_says_what_would(quick: Make) -> None:
    results = quick()
    assert "`counterpoint study run fig8`" in decided("AR gains fidelity as", results).reason
    lacking = decided("content enjoyment", results)
    assert lacking.lacks_judge and "quick has no metric of enjoyment" in lacking.reason
