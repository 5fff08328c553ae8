"""A report is one folder: every link leads inside it, nothing is fetched, all numbers are in its tables."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from counterpoint.study.report import (
    Content,
    CostRow,
    Curve,
    Difference,
    Example,
    Fact,
    Metric,
    Note,
    Score,
    System,
    Verdict,
    write_report,
)
from counterpoint.study.report.following import steered_models
from counterpoint.study.report.read import Folders
from counterpoint.study.report.tables import Table, scores_csv, scores_table

from counterpoint.audio import save_audio
from counterpoint.report.media import log_mel
from counterpoint.report.numbers import MINUS, interval, number, p_value

PAIR = ("autoregressive", "flow_matching")
TRICKY = 'Drums & bass <script>alert("1")</script>, 50% {slow}_'


class Links(HTMLParser):
    """Everything a page refers to, and the ids it defines."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.images_without_text = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [value for key in ("src", "href") if (value := found.get(key))]
        self.ids |= {value for key, value in attrs if key == "id" and value}
        self.images_without_text += tag == "img" and not found.get("alt")


def content(folder: Path, *, clips: int = 2) -> Content:
    rng = np.random.default_rng(0)
    systems = [System(key, key.replace("_", " ").capitalize(), key, "What it is.") for key in ("ground_truth", *PAIR)]
    examples = []
    for index in range(clips):
        files = {}
        for system in systems:
            files[system.key] = folder / f"{index}-{system.key}.wav"
            save_audio(files[system.key], rng.normal(0, 0.1, 16_000).astype(np.float32), sample_rate=32_000)
        examples.append(Example(str(index), TRICKY if index == 0 else "", files))
    scores = {
        "fad_musicnn": {system.key: Score(10.0 * n + 1, 10.0 * n, 10.0 * n + 3, 8) for n, system in enumerate(systems)},
        "sig_flatness": {"autoregressive": Score(0.01, 0.008, 0.012, 8)},
    }
    return Content(
        name="tiny",
        made="1 January 2026",
        verdict=Verdict("On this data, fad_musicnn shows no difference.", ["A point."]),
        primary="fad_musicnn",
        pair=PAIR,
        headline_facts=[Fact("Music", "2 clips")],
        systems=systems,
        metrics=[Metric("fad_musicnn", "lower", "A distance."), Metric("sig_flatness", "neither", "Noisiness.")],
        scores=scores,
        differences=[Difference("fad_musicnn", *PAIR, -10.0, -12.0, -8.0, 0.001, 0.002, 8)],
        curves=[Curve(key, "nats", [(1, 3.0), (2, 2.0)], [(0, 3.1), (2, 2.2)]) for key in PAIR],
        costs=[CostRow("Parameters", {"autoregressive": "1", "flow_matching": "2"})],
        codec=[],
        examples=examples,
        example_systems=["ground_truth", *PAIR],
        codec_systems=[],
        facts=[Fact("Data", "two clips")],
        notes=[Note("Limits", "Tiny.")],
        command="counterpoint study run tiny",
        files={"study.yaml": "steps: 1\n"},
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return write_report(content(folder / "clips"), folder / "report").parent


@pytest.fixture(scope="module")
def page(report: Path) -> Links:
    links = Links()
    links.feed((report / "index.html").read_text(encoding="utf-8"))
    return links


def test_every_link_leads_to_a_file_of_the_folder_or_a_place_of_the_page(report: Path, page: Links) -> None:
    assert len(page.links) > 20
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            target = (report / link).resolve()
            assert target.is_file() and target.is_relative_to(report.resolve()), link


def test_nothing_is_fetched_from_anywhere(report: Path) -> None:
    for path in report.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?:https?:)?//[a-z]|@import|url\(|fetch\(|XMLHttpRequest", text), path.name


def test_players_and_pictures_are_there_for_every_system_of_every_example(report: Path, page: Links) -> None:
    sounds = [link for link in page.links if link.startswith("audio/")]
    pictures = [link for link in page.links if link.startswith("pictures/")]
    assert len(sounds) == len(pictures) == 2 * 3
    assert page.images_without_text == 0
    for sound in sounds:
        assert soundfile.info(str(report / sound)).duration == pytest.approx(0.5, abs=0.1)


def test_a_caption_cannot_break_out_of_the_page(report: Path) -> None:
    html = (report / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "unconditional" in html, "an example without a caption says so"


def test_the_numbers_are_in_every_form_of_the_table(report: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((report / "tables" / "scores.csv").read_text())))
    assert {(row["system"], row["metric"], row["value"]) for row in rows} >= {("flow_matching", "fad_musicnn", "21.0")}
    for name in ("scores.md", "scores.tex"):
        assert "21.0 [20.0, 23.0]" in (report / "tables" / name).read_text(encoding="utf-8")
    data = json.loads((report / "data.json").read_text())
    assert data["scores"]["fad_musicnn"]["flow_matching"]["value"] == 21.0


def test_numbers_that_are_not_defined_do_not_break_the_report(tmp_path: Path) -> None:
    base = content(tmp_path / "clips", clips=0)
    scores = {"fad_musicnn": {"autoregressive": Score(float("nan"), float("nan"), float("nan"), 8)}}
    difference = replace(base.differences[0], value=float("nan"), low=float("nan"), high=float("nan"))
    curves = [Curve("autoregressive", "nats", [], [])]
    index = write_report(replace(base, scores=scores, differences=[difference], curves=curves), tmp_path / "report")
    assert "not defined" in index.read_text(encoding="utf-8")
    json.loads((tmp_path / "report" / "data.json").read_text(), parse_constant=lambda name: pytest.fail(name))


def test_the_script_is_sound() -> None:
    script = Path(write_report.__code__.co_filename).parent / "report.js"
    try:
        subprocess.run(["node", "--check", str(script)], check=True, capture_output=True)
    except FileNotFoundError:
        text = script.read_text()
        assert text.count("{") == text.count("}") and text.count("(") == text.count(")")


def test_markdown_and_latex_escape_what_would_break_them() -> None:
    table = Table("50% of a_b", ["System", "x|y"], [["a & b_c", f"{MINUS}1 < 2"]])
    assert "x\\|y" in table.markdown()
    latex = table.latex()
    assert r"a \& b\_c" in latex
    assert r"\ensuremath{-}1 \ensuremath{<} 2" in latex
    assert r"50\% of a\_b" in latex
    assert not re.search(r"(?<!\\)[%_#]", latex)


def test_a_system_without_any_score_is_left_out_of_the_table(tmp_path: Path) -> None:
    base = content(tmp_path, clips=0)
    only_one = {"sig_flatness": base.scores["sig_flatness"]}
    table = scores_table(replace(base, scores=only_one), base.descriptions)
    assert [row[0] for row in table.rows] == ["Autoregressive"]
    assert scores_csv(replace(base, scores=only_one)).count("\n") == 2


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.306, 0.82, 1.897, "1.3 [0.8, 1.9]"),
        (-0.012, -0.05, 0.03, f"{MINUS}0.012 [{MINUS}0.050, 0.030]"),
        (1234.5, 1100.2, 1400.7, "1234 [1100, 1401]"),
        (0.0, 0.0, 0.0, "0.00 [0.00, 0.00]"),
        (71.2, 57.0, 78.3, "71 [57, 78]"),
    ],
)
def test_an_interval_has_the_same_decimals_throughout(value: float, low: float, high: float, text: str) -> None:
    assert interval(value, low, high) == text


def test_small_numbers_read_well() -> None:
    assert p_value(0.0004) == "< 0.001"
    assert p_value(0.0312) == "0.031"
    assert number(-0.0001, places=2) == "0.00", "no minus before a zero"
    assert number(float("inf")) == "not defined"


def test_a_spectrogram_shows_pitch_from_bottom_to_top() -> None:
    time = np.arange(32_000) / 32_000
    low, high = (np.sin(2 * np.pi * hertz * time).astype(np.float32) for hertz in (200, 4000))
    assert log_mel(low).mean(axis=1).argmax() < log_mel(high).mean(axis=1).argmax()
    assert log_mel(np.zeros(32_000, np.float32)).max() == 0


@pytest.mark.parametrize("free", ["_null", ""])
def test_models_that_know_controls_have_a_section_of_their_own(
    tmp_path: Path, fabricate: Callable[..., Folders], free: str
) -> None:
    folders = fabricate(tmp_path / "study")
    paths = {name.replace("_null", free): path for name, path in folders.paths.items()}
    for file in ("evaluation.json", "heard.json"):
        text = (paths["adhere"] / file).read_text()
        (paths["adhere"] / file).write_text(text.replace("_null", free))
    windows = folders.json("prompts", "prompts.json")["windows"]
    shipped = {"autoregressive": "pocket-ar"} if free else {}
    found = steered_models(
        Folders(paths), given=("chords", "melody", "drums"), windows=windows, wanted=1, shipped=shipped
    )
    assert found is not None
    steered, systems = found
    base = content(tmp_path / "clips", clips=1)
    names = {system.key: system for system in (*base.systems, *systems)}
    index = write_report(replace(base, systems=list(names.values()), steered=steered), tmp_path / "report")
    page = index.read_text(encoding="utf-8")
    section = page[page.index('<section id="controls">') : page.index('<section id="training">')]
    for paradigm in ("Auto-regressive", "Flow matching"):
        assert f"{paradigm}, controls: chords asked C Am7 F G/B; heard C Am7 F G/B" in section
    assert section.count("<audio") == section.count('class="timelines"') == 5
    assert "AR, controls" in section and "0.60" in section and 'href="tables/controls.md"' in section
    assert [point[:15] for point in steered.points] == ["Auto-regressive", "Flow matching, "]
    assert ("not the models compared above" in section) == ("that ships (pocket-ar)" in steered.points[0]) == bool(free)
    assert all("intervals apart" in point for point in steered.points)
    for link in re.findall(r'src="([^"]+)"', section):
        assert (index.parent / link).is_file(), link


def test_models_without_controls_have_none(report: Path, tmp_path: Path, fabricate: Callable[..., Folders]) -> None:
    assert 'id="controls"' not in (report / "index.html").read_text(encoding="utf-8")
    paths = fabricate(tmp_path).paths
    for without in ("adhere", "generate_"):
        kept = {name: path for name, path in paths.items() if not name.startswith(without)}
        assert steered_models(Folders(kept), given=("chords",), windows=[], wanted=1, shipped={}) is None
