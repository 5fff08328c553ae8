"""The report of a study of inpainting says what the tests allow, and shows what was filled in."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from counterpoint.claims.paper import paper_scores
from counterpoint.metrics import Difference, MetricInfo
from counterpoint.report import Charts, Report, write_report
from counterpoint.report.waveform import HEIGHT, waveform
from counterpoint.results.schema import Judged, Results
from counterpoint.study.kinds.inpainting import InpaintingStudy
from counterpoint.study.pages.filling import duel

Fabricate = Callable[..., Results]
STUDY = {
    "kind": "inpainting",
    "training": {"backbone": "debug", "steps": 3},
    "inpainting": {"mask_s": 0.8, "margin_s": 0.5, "steps": 3},
    "prompts": {"duration_s": 2},
    "examples": 2,
}


def reported(results: Results) -> Report:
    return InpaintingStudy.model_validate(STUDY).report(results)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Fabricate) -> Results:
    return fabricate_inpainting(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def report(results: Results) -> Report:
    return reported(results)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Path:
    return write_report(report, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(folder: Path, look: SimpleNamespace) -> str:
    return look.check(folder)


def test_the_verdict_says_who_joins_best_who_beats_the_anchors_and_which_zero_shot_method_wins(
    report: Report,
) -> None:
    assert report.verdict.sentence == (
        "Supervised flow matching makes the smoothest seams of the paper's methods, smoother than auto-regression "
        "(2 of 2 measures) and zero-shot inversion (2 of 2 measures); every method beats silence and another clip in "
        "the span, on every measure; of the zero-shot methods RePaint (4 of 4 measures) and projection (4 of 4 "
        "measures) beat inversion."
    )
    first, second, anchors, zero_shot, best, cost = report.verdict.points
    assert first.startswith("Auto-regression minus supervised flow matching, at the seams: seam_flux 0.50 [0.25, 0.75]")
    assert second.startswith("Supervised flow matching minus zero-shot inversion, at the seams: seam_flux \u22121.5")
    assert anchors.count("3/3 and 3/3") == 6 and "do not overlap in 36 of these 36 comparisons" in anchors
    assert "gradient worse on seam_flux, seam_chord, fad_musicnn and tag_match_musicnn" in zero_shot
    assert "zero-shot inversion in 3, RePaint in 3 and projection in 2 of 8" in best
    assert "by metrics that were not used for the choice: better on fad_musicnn and tag_match_musicnn" in best
    assert "auto-regression 0.50 s (10); supervised flow matching 1.00 s (20)" in cost


def test_seams_are_shown_as_made_too(report: Report, look: SimpleNamespace) -> None:
    [table] = look.section(report, "seams_plain").blocks
    assert [info.name for info in table.metrics] == ["seam_flux_plain"]
    assert {"ar", "fm"} <= {system.key for system in table.systems} and table.scores["seam_flux_plain"]["ar"].value > 0


def changed(**seams: tuple[float, float]) -> dict[str, Any]:
    return {"seams": seams}


@pytest.mark.parametrize(
    ("found", "said", "unsaid"),
    [
        ({"clear": False}, "no method has been shown to make smoother seams than another", "smoothest"),
        (
            {"clear": False},
            "the methods cannot be ranked yet: no method beats both controls, silence",
            "every method",
        ),
        ({"clear": False}, "no zero-shot method has been shown to beat inversion.", "beat inversion;"),
        (
            changed(ar=(1.2, 0.5)),
            "supervised flow matching and auto-regression each make smoother seams by some measures, "
            "supervised flow matching makes smoother seams than zero-shot inversion",
            "smoothest",
        ),
        (
            changed(ar=(1.2, 0.8)),
            "Auto-regression makes the smoothest seams of the paper's methods",
            "flow matching makes",
        ),
        (
            {"without": [("ar", "fm")]},
            "Supervised flow matching makes smoother seams than zero-shot inversion (2 of 2 measures), "
            "auto-regression makes smoother seams than zero-shot inversion",
            "smoothest",
        ),
        (
            changed(fm_gradient=(7.0, 0.15)),
            "auto-regression, supervised flow matching, zero-shot inversion, RePaint and projection beat silence and",
            "every method",
        ),
        (
            changed(fm_repaint=(3.5, 0.3), fm_projection=(3.6, 0.3)),
            "of the zero-shot methods inversion wins, better than RePaint (4 of 4 measures), projection",
            "beat inversion",
        ),
        (
            changed(fm_repaint=(2.5, 0.55)),
            "of the zero-shot methods RePaint wins, better than inversion (4 of 4 measures), projection (4 of 4",
            "beat inversion",
        ),
        (
            {**changed(fm_repaint=(2.5, 0.55)), "without": [("fm_gradient", "fm_repaint")]},
            "of the zero-shot methods RePaint (4 of 4 measures) and projection (4 of 4 measures) beat inversion.",
            "wins",
        ),
        (
            changed(fm_repaint=(2.5, 0.3), fm_projection=(3.6, 0.3)),
            "no zero-shot method has been shown to beat inversion.",
            "inversion beats",
        ),
    ],
)
def test_it_says_no_more_than_the_tests(
    tmp_path: Path, fabricate_inpainting: Fabricate, found: dict[str, Any], said: str, unsaid: str
) -> None:
    sentence = reported(fabricate_inpainting(tmp_path, clips=False, **found)).verdict.sentence
    assert said.lower() in sentence.lower() and unsaid.lower() not in sentence.lower()


def test_differences_are_read_in_either_direction_and_untested_pairs_have_none() -> None:
    given = Difference("m", "a", "b", 1.0, 0.5, 2.0, 0.01, 0.01, 8, True)
    judged = Judged({})
    evaluation = SimpleNamespace(metrics=[MetricInfo("m", "", "", "lower")], differences=[given])
    judged.metrics = {"m": evaluation.metrics[0]}
    judged._tested = {(item.metric, item.first, item.second): item for item in evaluation.differences}
    lost, won = duel(judged, "a", "b", ["m"]), duel(judged, "b", "a", ["m"])
    assert lost and won and lost.worse == ["m"] == won.better and won.is_won and not lost.is_won
    assert duel(judged, "c", "b", ["m"]) is None and duel(judged, "a", "c", ["m"]) is None


def test_the_table_has_the_papers_rows_below_ours(report: Report, look: SimpleNamespace) -> None:
    rows = look.texts(look.table(report, "table4"))
    labels = [*rows]
    assert labels[:6] == ["AR", "AR, the paper", "FM", "FM, the paper", "FM, inversion", "FM (ZS), the paper"]
    assert labels[6:10] == ["FM, RePaint", "FM, projection", "FM, gradient", "FM, best take"]
    assert {"Ground truth", "Codec, continuous", "Silence", "Another clip"} <= {*labels}
    assert rows["AR, the paper"] == ["0.23", "0.36", "7.75", "5.65", "7.31"]
    assert rows["FM (ZS), the paper"] == ["0.30", "0.39", "7.89", "5.73", "7.40"]
    assert rows["AR"][2:] == ["", "", ""], "no stand-in"
    ratings = {rating.criterion: rating.values for rating in paper_scores("table_4").ratings}
    assert ratings["Transition smoothness"]["fm"] == (8.11, 0.15) and ratings["Transition smoothness"]["ar"] is None
    told = look.section(report, "table4").blocks[-1].items
    assert told[1] == "Audio match: supervised flow matching 7.93 \u00b1 0.21"


def test_what_chose_the_best_take_is_no_evidence_for_it(report: Report, look: SimpleNamespace) -> None:
    anchors, zero_shot, trained = (
        look.table(report, f"differences_{name}") for name in ("anchors", "zero_shot", "trained")
    )
    for table in (anchors, zero_shot, trained):
        for row in table.rows:
            for column, place in zip(table.columns, row.places, strict=True):
                chosen = "best take" in row.label and column.title.startswith("seam")
                assert all((cell.state == "open") == chosen for cell in place), (row.label, column.title)
    assert len(anchors.rows) == 7 * 2 and len(zero_shot.rows) == 6 + 1
    assert [row.label for row in trained.rows][:2] == ["AR \u2212 FM", "FM \u2212 FM, inversion"]


def test_costs_and_trainings(
    report: Report, tmp_path: Path, fabricate_inpainting: Fabricate, look: SimpleNamespace
) -> None:
    costs = look.texts(look.table(report, "cost"))
    assert costs["Flow matching, zero-shot: inversion"] == ["1.50 s", "30"]
    assert costs["Flow matching, zero-shot: best take"] == ["9.00 s", "180"], "all its takes"
    assert "Silence in the span" not in costs

    def curves(found: Report) -> list[str]:
        [charts] = look.section(found, "training").blocks
        assert isinstance(charts, Charts)
        return [chart.title for chart in charts.charts]

    assert len(curves(report)) == 4
    assert curves(reported(fabricate_inpainting(tmp_path, clips=False, text_model=False))) == [
        "Auto-regression, to fill in",
        "Flow matching, to fill in",
        "Flow matching, text to music",
    ]


def test_players_show_the_span_on_yellow_and_say_when_it_is(page: str, results: Results) -> None:
    assert page.count("<audio") == 2 * 10 == page.count('class="waveform"') == page.count("data-stage")
    assert page.count("data-head") == page.count("data-stage")
    for example in results.examples:
        assert example.span_s is not None
        start, stop = example.span_s
        assert f"Filled in: <b>{start:.2f} to {stop:.2f} s</b>" in page
        assert page.count(f'class="seam" style="left: {100 * start / 2:.2f}%"') == 10
        assert f"Ground truth: 2 s, filled in from {start:.2f} to {stop:.2f} s" in page
    order = re.findall(r'data-player="(\w+)"', page)[:10]
    assert order[:4] == ["ground_truth", "ar", "fm", "fm_best"] and order[-2:] == ["silence", "other_clip"]


def test_a_waveform_is_as_high_as_its_samples_and_split_at_the_span() -> None:
    audio = np.zeros(2400, dtype=np.float32)
    audio[600:1200] = 0.5
    drawn = waveform(audio, duration_s=2.4, span_s=(0.6, 1.8), name="<x>", columns=24)
    assert f'<rect class="span" x="6.00" y="0" width="12.00" height="{HEIGHT}"/>' in drawn and "&lt;x&gt;" in drawn
    outside, inside = re.findall(r'<path class="wave[^"]*" d="([^"]*)"/>', drawn)
    columns = {
        kind: [int(x) for x in re.findall(r"M(\d+) ", path)] for kind, path in (("in", inside), ("out", outside))
    }
    assert columns["in"] == [*range(6, 18)] and columns["out"] == [*range(6), *range(18, 24)]
    tops = dict(re.findall(r"M(\d+) (\d+)h1", inside))
    assert int(tops["7"]) == pytest.approx(HEIGHT / 4, abs=1) and int(tops["15"]) == pytest.approx(HEIGHT / 2, abs=1)
    lines = re.findall(r"M\d+ (\d+)h1V(\d+)", outside)
    assert all(int(bottom) > int(top) for top, bottom in lines), "silence is a line"


def test_all_versions_of_an_example_are_drawn_at_one_scale(page: str) -> None:
    truth, *others = re.findall(r'<path class="wave" d="([^"]*)"/>', page)[:10]
    assert truth and all(other == truth for other in others), "the same outside the span"


def test_all_numbers_are_in_the_files(folder: Path, page: str) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "tables" / "scores.csv").read_text())))
    assert {row["metric"] for row in rows} >= {"seam_flux", "fad_musicnn"}
    assert {row["system"] for row in rows} >= {"silence", "other_clip", "ground_truth", "fm_best"}
    tests = list(csv.DictReader(io.StringIO((folder / "tables" / "differences.csv").read_text())))
    assert len(tests) == (2 + 3) * (14 + 1 + 4 + 7), "each once, in its own direction"
    assert "FM (ZS), the paper" in (folder / "tables" / "table4.md").read_text(encoding="utf-8")
    assert "FM, inversion: 3" in page and "FM, projection: 2" in page, "whose take was the best"
