"""The report of a study of inpainting says what the tests allow, shows what was filled in, and opens from disk."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counterpoint.study.report import inpainting
from counterpoint.study.report.content import Difference, InpaintingContent, Metric
from counterpoint.study.report.filling import duel, mirrored
from counterpoint.study.report.following import Findings
from counterpoint.study.report.inpainting import assemble_inpainting, write_inpainting_report
from counterpoint.study.report.read import Folders

from counterpoint.claims.paper import paper_inpainting
from counterpoint.report.waveform import HEIGHT, waveform
from counterpoint.study.kinds.inpainting import InpaintingStudy

Fabricate = Callable[..., Folders]
STUDY = {
    "kind": "inpainting",
    "training": {"backbone": "debug", "steps": 3},
    "inpainting": {"mask_s": 0.8, "margin_s": 0.5, "steps": 3},
    "prompts": {"duration_s": 2},
    "examples": 2,
}


def assembled(folders: Folders) -> InpaintingContent:
    study = InpaintingStudy.model_validate(STUDY).model_dump(mode="json")
    return assemble_inpainting(folders, name="tiny", study=study, study_yaml="kind: inpainting\n", own_data=False)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, fabricate_inpainting: Fabricate) -> InpaintingContent:
    return assembled(fabricate_inpainting(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, content: InpaintingContent) -> Path:
    return write_inpainting_report(content, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def test_the_verdict_says_who_joins_best_who_beats_the_anchors_and_which_zero_shot_method_wins(
    content: InpaintingContent,
) -> None:
    assert content.verdict.sentence == (
        "Supervised flow matching makes the smoothest seams of the paper's methods, smoother than auto-regression "
        "(2 of 2 measures) and zero-shot inversion (2 of 2 measures); every method beats silence and another clip in "
        "the span on every measure; of the zero-shot methods RePaint (4 of 4 measures) and projection (4 of 4 "
        "measures) beat inversion."
    )
    first, second, anchors, zero_shot, best, cost = content.verdict.points
    assert first.startswith("Auto-regression minus supervised flow matching, at the seams: seam_flux 0.50 [0.25, 0.75]")
    assert second.startswith("Supervised flow matching minus zero-shot inversion, at the seams: seam_flux \u22121.5")
    assert anchors.count("3/3 and 3/3") == 6 and "apart in 36 of these 36 comparisons" in anchors
    assert "gradient worse on seam_flux, seam_chord, fad_musicnn and tag_match_musicnn" in zero_shot
    assert "zero-shot inversion in 3, RePaint in 3 and projection in 2 of 8" in best
    assert "judged by what did not choose it: better on fad_musicnn and tag_match_musicnn" in best
    assert "auto-regression 0.50 s (10); supervised flow matching 1.00 s (20)" in cost


def changed(**seams: tuple[float, float]) -> dict[str, Any]:
    return {"seams": seams}


@pytest.mark.parametrize(
    ("found", "said", "unsaid"),
    [
        ({"clear": False}, "no method has been shown to make smoother seams than another", "smoothest"),
        ({"clear": False}, "no method has been shown to beat silence and another clip", "every method"),
        ({"clear": False}, "no zero-shot method has been shown to beat inversion.", "beat inversion;"),
        (
            changed(ar=(1.2, 0.5)),
            "supervised flow matching and auto-regression each make the smoother seams by some measures, "
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
    sentence = assembled(fabricate_inpainting(tmp_path, clips=False, **found)).verdict.sentence
    assert said.lower() in sentence.lower() and unsaid.lower() not in sentence.lower()


def test_differences_are_read_in_either_direction_and_those_without_a_result_are_none() -> None:
    metric = Metric("m", "lower", "")
    given = Difference("m", "a", "b", 1.0, 0.5, 2.0, 0.01, 0.01, 8)
    back = mirrored(given)
    assert (back.first, back.second, back.value, back.low, back.high) == ("b", "a", -1.0, -2.0, -0.5)
    undefined = replace(given, first="c", value=math.nan, low=math.nan, high=math.nan)
    found = Findings(metrics={"m": metric}, scores={}, differences=[given, back, undefined])
    lost, won = duel(found, "a", "b", ["m"]), duel(found, "b", "a", ["m"])
    assert lost and won and lost.worse == ["m"] == won.better and won.is_won and not lost.is_won
    assert duel(found, "c", "b", ["m"]) is None and duel(found, "a", "c", ["m"]) is None


def test_the_table_has_the_papers_rows_below_ours(content: InpaintingContent) -> None:
    labels = [row.label for row in content.table.rows]
    assert labels[:6] == ["AR", "AR, the paper", "FM", "FM, the paper", "FM, inversion", "FM (ZS), the paper"]
    assert labels[6:10] == ["FM, RePaint", "FM, projection", "FM, gradient", "FM, best take"]
    assert {"Ground truth", "Codec, continuous", "Silence", "Another clip"} <= {*labels}
    paper = {row.label: [[cell.value for cell in cells] for cells in row.cells] for row in content.table.rows}
    assert paper["AR, the paper"] == [["0.23"], ["0.36"], ["7.75"], ["5.65"], ["7.31"]]
    assert paper["FM, the paper"] == [["0.32"], ["0.36"], ["7.80"], ["5.48"], ["7.31"]]
    assert paper["FM (ZS), the paper"] == [["0.30"], ["0.39"], ["7.89"], ["5.73"], ["7.40"]]
    assert content.table.rows[0].cells[2:] == [[], [], []], "no stand-in"
    ratings = {rating.criterion: rating.values for rating in paper_inpainting().ratings}
    assert ratings["Transition smoothness"]["fm"] == (8.11, 0.15) and ratings["Transition smoothness"]["ar"] is None
    assert content.ratings[1] == "Audio match: supervised flow matching 7.93 \u00b1 0.21"


def test_what_chose_the_best_take_is_no_evidence_for_it(content: InpaintingContent) -> None:
    for table in content.comparisons:
        keys = [metric.key for metric, _ in table.columns]
        for row in table.rows:
            clear = {key: cells[0].is_clear for key, cells in zip(keys, row.cells, strict=True) if cells}
            chosen = "best take" in row.label
            assert all(is_clear != (chosen and key in content.seams) for key, is_clear in clear.items()), row.label
    anchors, zero_shot, trained = content.comparisons
    assert len(anchors.rows) == 7 * 2 and len(zero_shot.rows) == 6 + 1
    assert [row.label for row in trained.rows][:2] == ["AR \u2212 FM", "FM \u2212 FM, inversion"]


def test_costs_and_trainings(content: InpaintingContent, tmp_path: Path, fabricate_inpainting: Fabricate) -> None:
    costs = {row.label: [*row.values.values()] for row in content.costs}
    assert costs["fm_inversion"] == ["1.50 s", "30"]
    assert costs["fm_best"] == ["9.00 s", "180"], "all its takes"
    assert "silence" not in costs
    assert len(content.curves) == 4
    fewer = assembled(fabricate_inpainting(tmp_path, clips=False, text_model=False))
    assert [curve.name for curve in fewer.curves] == [
        "Auto-regressive, to fill in",
        "Flow matching, to fill in",
        "Flow matching, text to music",
    ]


def test_every_link_leads_into_the_folder_and_nothing_is_escaped_wrongly(report: Path, page: str) -> None:
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) > 30
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        else:
            assert (report / link).is_file(), link
    assert "<b>waltz</b>" not in page and "&lt;b&gt;waltz" in page


def test_players_show_the_span_on_yellow_and_say_when_it_is(page: str, content: InpaintingContent) -> None:
    assert page.count("<audio") == 2 * 10 == page.count('class="waveform"') == page.count("data-stage")
    assert page.count("data-head") == page.count("data-stage")
    spans = [example.span_s for example in content.examples]
    for start, stop in filter(None, spans):
        assert f"Filled in: <b>{start:.2f} to {stop:.2f} s</b>" in page
        assert page.count(f'class="seam" style="left: {100 * start / 2:.2f}%"') == 10
        assert f"Ground truth: 2 s, filled in from {start:.2f} to {stop:.2f} s" in page
    css = (Path(inpainting.__file__).parent / "report.css").read_text(encoding="utf-8")
    assert ".waveform .span { fill: var(--yellow); }" in css and "background: var(--progress)" in css
    order = re.findall(r'<figure class="player mark s-(\w+)"', page)[:10]
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


def test_all_numbers_are_in_the_files(report: Path, content: InpaintingContent) -> None:
    rows = list(csv.DictReader(io.StringIO((report / "tables" / "scores.csv").read_text())))
    assert {row["metric"] for row in rows} >= {*content.seams, "fad_musicnn"}
    assert {row["system"] for row in rows} >= {"silence", "other_clip", "ground_truth", "fm_best"}
    tests = list(csv.DictReader(io.StringIO((report / "tables" / "differences.csv").read_text())))
    assert len(tests) == len(content.differences) == (2 + 3) * (14 + 1 + 4 + 7), "each once, in its own direction"
    assert "FM (ZS), the paper" in (report / "tables" / "table4.md").read_text(encoding="utf-8")
    data = json.loads((report / "data.json").read_text())
    assert data["examples"][0]["span_s"] == list(content.examples[0].span_s or ())
    assert data["chosen"] == {"fm_inversion": 3, "fm_repaint": 3, "fm_projection": 2}
