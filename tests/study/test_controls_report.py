"""The report of a study of controls says what the tests allow, shows what was asked, and opens from disk."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from counterpoint.study.report.content import ControlsContent
from counterpoint.study.report.controls import assemble_controls, write_controls_report
from counterpoint.study.report.following import listed, measures
from counterpoint.study.report.read import Folders

from counterpoint.study.kinds.controls import ControlStudy

Fabricate = Callable[..., Folders]
STUDY = {"kind": "controls", "training": {"backbone": "debug", "steps": 3}, "examples": 2}


def assembled(folders: Folders, **changes: Any) -> ControlsContent:
    study = ControlStudy.model_validate({**STUDY, **changes}).model_dump(mode="json")
    return assemble_controls(folders, name="tiny", study=study, study_yaml="kind: controls\n", own_data=False)


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, fabricate: Fabricate) -> ControlsContent:
    return assembled(
        fabricate(tmp_path_factory.mktemp("study"), following={"flow_matching_all": 0.5, "null": 0.2, "all": 0.7})
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, content: ControlsContent) -> Path:
    return write_controls_report(content, tmp_path_factory.mktemp("report")).parent


@pytest.fixture(scope="module")
def page(report: Path) -> str:
    return (report / "index.html").read_text(encoding="utf-8")


def test_the_verdict_names_who_follows_and_who_does_so_better(content: ControlsContent) -> None:
    assert content.verdict.sentence == (
        "Given chords, melody and drums, both paradigms follow chords, downbeats and melody. "
        "Auto-regressive is the more faithful in chords, downbeats and melody."
    )
    own, other, across, *costs, frame = content.verdict.points
    assert own.startswith("Auto-regressive, given all and given nothing: chords 0.70 [0.63, 0.77] against 0.20")
    assert own.count("intervals apart") == 3 and other.startswith("Flow matching")
    assert "chords 0.20 [0.10, 0.30]" in across
    assert len(costs) == 2 and "fad_musicnn" in costs[0] and "(worse)" in costs[0]
    assert "by chord_iou_viterbi25_exact (another prompt's music 0.190 [0.171, 0.209], the true music 0.80" in frame


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"clear": False}, "neither paradigm has been shown to follow any of them."),
        ({"clear": False}, "In chords, downbeats and melody no difference between the two could be shown."),
        (
            {"following": {"autoregressive_all": 0.1, "null": 0.3}},
            "auto-regressive has not been shown to follow any of them; flow matching follows chords,",
        ),
        ({"following": {"autoregressive_all": 0.3, "all": 0.6}}, "Flow matching is the more faithful in"),
    ],
)
def test_it_says_no_more_than_the_tests(
    tmp_path: Path, fabricate: Fabricate, found: dict[str, Any], words: str
) -> None:
    assert words in assembled(fabricate(tmp_path, **found)).verdict.sentence


def test_exact_truth_is_preferred_and_the_papers_way_used_without_it(tmp_path: Path, fabricate: Fabricate) -> None:
    names = [
        "chord_iou_macro_x",
        "chord_iou_x",
        "chord_iou_x_exact",
        "downbeat_f1_y",
        "melody_similarity",
        "melody_z_exact",
    ]
    assert measures(names) == {"chords": "chord_iou_x_exact", "drums": "downbeat_f1_y", "melody": "melody_z_exact"}
    assert measures(names, exact=False) == {
        "chords": "chord_iou_x",
        "drums": "downbeat_f1_y",
        "melody": "melody_similarity",
    }
    assert measures([*names, "chord_iou_chordino"], exact=False)["chords"] == "chord_iou_chordino"
    content = assembled(fabricate(tmp_path, exact=False))
    assert not any("_exact" in text for text in (content.verdict.sentence, *content.verdict.points))
    assert not any(
        system.key == "ground_truth" and key in content.scores and "ground_truth" in content.scores[key]
        for key in content.adherence
        for system in content.systems
    ), "not against itself"


def test_the_table_has_the_papers_rows_below_ours(content: ControlsContent) -> None:
    labels = [row.label for row in content.table.rows]
    assert labels == [
        *(
            f"{short}, {given}{of}"
            for given in ("all", "one alone")
            for short in ("AR", "FM")
            for of in ("", ", the paper")
        ),
        *(f"{short}, {given}" for given in ("nothing", "text model") for short in ("AR", "FM")),
    ]
    assert [metric.key for metric, _ in content.table.columns] == [
        "fad_musicnn",
        "tag_match_musicnn",
        "chord_iou_viterbi25",
        "downbeat_f1_librosa",
        "melody_similarity",
    ]
    paper = {
        row.label: [[cell.value for cell in cells] for cells in row.cells]
        for row in content.table.rows
        if not row.is_ours
    }
    assert paper["AR, all, the paper"] == [["0.72"], ["0.37"], ["0.57"], ["0.39"], ["0.41"]]
    assert paper["FM, one alone, the paper"] == [
        ["1.41", "1.16", "1.45"],
        ["0.38", "0.33", "0.37"],
        ["0.40"],
        ["0.40"],
        ["0.31"],
    ]
    alone = content.table.rows[4]
    assert [cell.what for cell in alone.cells[0]] == ["chords", "drums", "melody"] and len(alone.cells[2]) == 1


def test_a_study_of_one_control_has_no_others(tmp_path: Path, fabricate: Fabricate) -> None:
    folders = fabricate(tmp_path / "study", controls=("chords",))
    content = assembled(folders, controls={"names": ["chords"]})
    assert content.verdict.sentence.startswith("Given chords, both paradigms follow chords.")
    index = write_controls_report(content, tmp_path / "report")
    assert "Auto-regressive, melody" not in index.read_text(encoding="utf-8")
    assert [metric.key for metric, _ in content.table.columns if "_f1" in metric.key or "melody" in metric.key] == []


def test_every_link_leads_into_the_folder_and_nothing_is_escaped_wrongly(report: Path, page: str) -> None:
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) > 30
    for link in links:
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page, link
        else:
            assert (report / link).is_file(), link
    assert "<b>waltz</b>" not in page and "&lt;b&gt;waltz" in page


def test_players_have_their_timelines_and_say_what_was_asked(page: str) -> None:
    assert page.count("<audio") == 2 * 5 == page.count('class="timelines"')
    labels = re.findall(r'class="timelines"[^>]*aria-label="([^"]+)"', page)
    assert "Auto-regressive, all: chords asked C Am7 F G/B; heard C Am7 F G/B, the same 100% of the time" in labels[1]
    assert "2 of 2 downbeats within 50 ms" in labels[1]
    assert "Auto-regressive, nothing: chords target C Am7 F G/B; heard Dm N" in labels[3]
    assert page.count('<g class="free">') == 2 * 2 * 3 and page.count("data-head") == page.count("data-stage") == 10


def test_all_numbers_are_in_the_files(report: Path, content: ControlsContent) -> None:
    rows = list(csv.DictReader(io.StringIO((report / "tables" / "scores.csv").read_text())))
    assert {row["metric"] for row in rows} >= {*content.adherence, "fad_musicnn"}
    assert {row["system"] for row in rows} >= {"another_clip", "ground_truth", "flow_matching_drums"}
    tests = list(csv.DictReader(io.StringIO((report / "tables" / "differences.csv").read_text())))
    assert len(tests) == len(content.differences) == 8 * (8 + 4) + 3 * 10
    assert "AR, one alone" in (report / "tables" / "table3.md").read_text(encoding="utf-8")
    assert json.loads((report / "data.json").read_text())["table"]["rows"][1]["cells"][2][0]["value"] == "0.57"


def test_names_are_listed_as_people_do() -> None:
    assert [listed(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "nothing",
        "a",
        "a and b",
        "a, b and c",
    ]
