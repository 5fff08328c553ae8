"""The report of a study of controls says what the tests allow, and shows what was asked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from counterpoint.report import Report, write_report
from counterpoint.results.schema import Results
from counterpoint.study.kinds.controls import ControlStudy
from counterpoint.study.pages.controls import measures

Fabricate = Callable[..., Results]
STUDY = {"kind": "controls", "training": {"backbone": "debug", "steps": 3}, "examples": 2}


def reported(results: Results, **changes: Any) -> Report:
    return ControlStudy.model_validate({**STUDY, **changes}).report(results)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, fabricate: Fabricate) -> Report:
    found = {"flow_matching_all": 0.5, "null": 0.2, "all": 0.7}
    return reported(fabricate(tmp_path_factory.mktemp("study"), following=found))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, report: Report) -> Path:
    return write_report(report, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(folder: Path, look: SimpleNamespace) -> str:
    return look.check(folder)


def test_the_verdict_names_who_follows_and_who_does_so_better(report: Report) -> None:
    assert report.verdict.sentence == (
        "Given chords, melody and drums, both paradigms follow chords, downbeats and melody. "
        "Auto-regression follows chords, downbeats and melody more closely."
    )
    own, other, across, *costs, frame = report.verdict.points
    assert own.startswith(
        "Auto-regression, with chords, downbeats and melody given and with the caption only: chords 0.70"
    )
    assert own.count("clearly different") == 3 and other.startswith("Flow matching")
    assert "chords 0.20 [0.10, 0.30]" in across
    assert len(costs) == 2 and "fad_musicnn" in costs[0] and "(worse)" in costs[0]
    assert "by chord_iou_viterbi25_exact (another prompt's music 0.190 [0.171, 0.209], the real music 0.80" in frame


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"clear": False}, "no paradigm has been shown to follow any of them."),
        ({"clear": False}, "The difference in chords, downbeats and melody could be chance."),
        (
            {"following": {"autoregressive_all": 0.1, "null": 0.3}},
            "auto-regression has not been shown to follow any of them; flow matching follows chords,",
        ),
        ({"following": {"autoregressive_all": 0.3, "all": 0.6}}, "Flow matching follows"),
    ],
)
def test_it_says_no_more_than_the_tests(
    tmp_path: Path, fabricate: Fabricate, found: dict[str, Any], words: str
) -> None:
    assert words in reported(fabricate(tmp_path, **found)).verdict.sentence


def test_exact_truth_is_preferred_and_the_papers_way_used_without_it(
    tmp_path: Path, fabricate: Fabricate, look: SimpleNamespace
) -> None:
    results = fabricate(tmp_path / "exact")
    judged, given = results.judged("adhere"), ("chords", "melody", "drums")
    assert measures(judged, given)["chords"] == "chord_iou_viterbi25_exact"
    assert measures(judged, given, played=False) == {
        "chords": "chord_iou_viterbi25",
        "drums": "downbeat_f1_librosa",
        "melody": "melody_similarity",
    }
    report = reported(fabricate(tmp_path / "heard", exact=False))
    assert not any("_exact" in text for text in (report.verdict.sentence, *report.verdict.points))
    rows = look.texts(look.table(report, "adherence"))
    assert "Ground truth" not in rows, "not against itself"


def test_the_table_has_the_papers_rows_below_ours(report: Report, look: SimpleNamespace) -> None:
    table = look.table(report, "table3")
    assert [row.label for row in table.rows] == [
        *(
            f"{short}, {given}{of}"
            for given in ("all", "one alone")
            for short in ("AR", "FM")
            for of in ("", ", the paper")
        ),
        *(f"{short}, {given}" for given in ("nothing", "text model") for short in ("AR", "FM")),
    ]
    assert [column.exact or column.title for column in table.columns] == [
        "fad_musicnn",
        "tag_match_musicnn",
        "chord_iou_viterbi25",
        "downbeat_f1_librosa",
        "melody_similarity",
    ]
    rows = look.texts(table)
    assert rows["AR, all, the paper"] == ["0.72", "0.37", "0.57", "0.39", "0.41"]
    assert rows["FM, one alone, the paper"][0] == "chords 1.41 / drums 1.16 / melody 1.45"
    alone = table.rows[4]
    assert [cell.what for cell in alone.places[0]] == ["chords", "drums", "melody"] and len(alone.places[2]) == 1


def test_a_study_of_one_control_has_no_others(tmp_path: Path, fabricate: Fabricate, look: SimpleNamespace) -> None:
    results = fabricate(tmp_path, controls=("chords",))
    report = reported(results, training={**STUDY["training"], "controls": ["chords"]})  # pyright: ignore
    assert report.verdict.sentence.startswith("Given chords, both paradigms follow chords.")
    names = [column.exact or column.title for column in look.table(report, "table3").columns]
    assert not any("_f1" in name or "melody" in name for name in names)


def test_players_have_their_timelines_and_say_what_was_asked(page: str) -> None:
    assert page.count("<audio") == 2 * 5 == page.count('class="timelines"')
    labels = re.findall(r'class="timelines"[^>]*aria-label="([^"]+)"', page)
    chords = "chords requested C Am7 F G/B; detected C Am7 F G/B, the same 100% of the time"
    assert f"Auto-regression, all: {chords}" in labels[1]
    assert "2 of 2 downbeats within 50 ms" in labels[1]
    assert "Auto-regression, nothing: chords target C Am7 F G/B; detected Dm N" in labels[3]
    assert page.count('<g class="free">') == 2 * 2 * 3 and page.count("data-head") == page.count("data-stage") == 10


def test_all_numbers_are_in_the_files(folder: Path, page: str) -> None:
    rows = list(csv.DictReader(io.StringIO((folder / "tables" / "scores.csv").read_text())))
    assert {row["metric"] for row in rows} >= {"melody_similarity", "fad_musicnn"}
    assert {row["system"] for row in rows} >= {"another_clip", "ground_truth", "flow_matching_drums"}
    tests = list(csv.DictReader(io.StringIO((folder / "tables" / "differences.csv").read_text())))
    assert len(tests) == 6 * (8 + 4) + 3 * 10
    assert "AR, one alone" in (folder / "tables" / "table3.md").read_text(encoding="utf-8")
    assert "&lt;b&gt;waltz" in page
