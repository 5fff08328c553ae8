"""Ratings flow back: into the results, the report and the claims of the study that was heard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.claims.decide import FinishedStudy, decide
from counterpoint.claims.paper import paper_claims
from counterpoint.listen.folder import read_test
from counterpoint.listen.judgments import Judgment, Rater
from counterpoint.listen.results import analyse
from counterpoint.metrics import Evaluation
from counterpoint.report import Report, Section, Table
from counterpoint.results.correlations import best_measures, correlations, spearman
from counterpoint.results.listening import ListeningResults, read_listening
from counterpoint.results.schema import Results, read_results
from counterpoint.study.kinds.inpainting import InpaintingStudy
from counterpoint.study.listening import add_listening

New = Callable[..., Path]
STUDY = {
    "kind": "inpainting",
    "training": {"backbone": "debug", "steps": 3},
    "inpainting": {"mask_s": 0.8, "margin_s": 0.5, "steps": 3},
    "prompts": {"duration_s": 2},
    "examples": 2,
}


@pytest.fixture
def found(new_test: New, simulate: Callable[..., tuple[list[Rater], list[Judgment]]]) -> ListeningResults:
    test = read_test(new_test(items=6))
    return analyse(test, *simulate(test, raters=15, careless=["random"]))


@pytest.fixture
def results(tmp_path: Path, fabricate_inpainting: Callable[..., Results]) -> Results:
    found = fabricate_inpainting(tmp_path / "study")
    config = InpaintingStudy.model_validate(STUDY).model_dump(mode="json")
    info = found.study.model_copy(update={"config": config, "shipped": "table4", "scale": "quick"})
    found = found.model_copy(update={"study": info}).at(tmp_path / "study")
    found.write(tmp_path / "study")
    return found


def section(report: Report, id: str) -> Section:
    return next(section for section in report.sections if section.id == id)


def test_table_5_stands_in_the_report_beside_the_paper_s(results: Results, found: ListeningResults) -> None:
    index = add_listening(results.folder, found)
    html = index.read_text(encoding="utf-8")
    assert "Listeners&#39; ratings" in html and (index.parent / "tables" / "ratings.csv").is_file()
    again = read_results(results.folder)
    assert again.listening == {found.name: found} == read_listening(results.folder)
    report = InpaintingStudy.model_validate(STUDY).report(again)
    table = section(report, "ratings").blocks[0]
    assert isinstance(table, Table)
    rows = {(row.group, row.label): row.places for row in table.rows}
    ours = rows["Here", "Flow matching, supervised"]
    mean = found.mean("audio_match", "fm")
    assert mean and ours[1][0].numbers == (mean.value, mean.low, mean.high)
    assert [row for row in rows if row[0] == "Paper"] == [("Paper", "Flow matching, supervised")]
    assert rows["Paper", "Flow matching, supervised"][0][0].text == "8.11"


def test_a_study_without_listeners_says_nothing_of_them(results: Results) -> None:
    report = InpaintingStudy.model_validate(STUDY).report(results)
    assert not [section for section in report.sections if section.id.startswith("ratings")]


def test_people_decide_the_claims_they_were_asked_about(results: Results, found: ListeningResults) -> None:
    row = next(row for row in paper_claims().rows if row.axis == "Music inpainting")
    smoother = row.claims[0]
    before = decide(smoother, studies={"table4": FinishedStudy("table4", results)})
    add_listening(results.folder, found)
    rated = read_results(results.folder)
    after = decide(smoother, studies={"table4": FinishedStudy("table4", rated)})
    assert before.judge == "seam_flux" and after.judge == "rated_transition_smoothness"
    assert after.outcome == "supported", "raters heard supervised flow matching as the smoothest"
    scores = rated.judged().scores["rated_transition_smoothness"]
    assert {"ar", "fm", "fm_inversion", "ground_truth", "other_clip"} <= {*scores}


def ratings_by(results: Results, found: ListeningResults, *, noises: dict[str, tuple[float, float]]) -> Evaluation:
    """The judgement of seams as if each measure were people's rating of the match, with a sign and noise."""
    rng = np.random.default_rng(0)
    seams = results.evaluations["seams"]
    clips = tuple(window.id for window in results.prompts["prompts"].windows)
    scores = {}
    for system, own in seams.scores.items():
        mean = found.mean("audio_match", system)
        rated = [mean.per_item.get(clip, 0.0) if mean else 0.0 for clip in clips]
        scores[system] = {
            name: replace(score, per_clip=tuple(sign * value + rng.normal(0, noise) for value in rated))
            for name, score in own.items()
            for sign, noise in [noises[name]]
        }
    return replace(seams, scores=scores, ids=dict.fromkeys(scores, clips))


def test_the_measure_that_agrees_with_people_is_found(results: Results, found: ListeningResults) -> None:
    seams = ratings_by(results, found, noises={"seam_flux": (-1.0, 0.1), "seam_chord": (1.0, 50.0)})
    agreeing = [each for each in correlations({"seams": seams}, found) if each.question == "audio_match"]
    values = {each.metric: each for each in agreeing}
    best = values["seam_flux"]
    assert best.over == "clips" and best.n == 5 * 6 and best.value > 0.9, "lower is better, so the sign is turned"
    assert best.low is not None and best.low > 0.8 and abs(values["seam_chord"].value) < 0.5
    assert [each.metric for each in best_measures(agreeing)] == ["seam_flux"]


def test_ranks_that_do_not_vary_have_no_correlation() -> None:
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))
    assert spearman(np.array([1.0, 2, 3, 10]), np.array([1.0, 5, 6, 7])) == pytest.approx(1.0)
