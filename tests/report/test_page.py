"""A report is one folder: every link leads inside it, nothing is fetched, and nothing breaks out of its text."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

import counterpoint.report.page as page_module
from counterpoint.metrics.base import Difference, Score
from counterpoint.report import Differences, Mark, Report, Scores, Section, Text, Verdict, write_report
from counterpoint.report.page import rich

Make = Callable[..., Report]


class Links(HTMLParser):
    """Everything a page refers to, the ids it defines, and what a screen reader would miss."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.described: list[str] = []
        self.images_without_text = 0

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.links += [value for key in ("src", "href") if (value := found.get(key))]
        self.ids += [value for key, value in attrs if key == "id" and value]
        self.described += [value for key in ("aria-labelledby", "aria-describedby") if (value := found.get(key))]
        self.images_without_text += tag == "img" and not found.get("alt")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_report: Make) -> Path:
    root = tmp_path_factory.mktemp("report")
    done: list[tuple[int, int]] = []
    index = write_report(
        make_report(root / "clips"), root / "report", progress=lambda now, total: done.append((now, total))
    )
    assert done == [(3, 6), (6, 6)]
    return index.parent


@pytest.fixture(scope="module")
def html(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Links:
    links = Links()
    links.feed(html)
    return links


def test_every_link_leads_to_a_file_of_the_folder_or_a_place_of_the_page(folder: Path, page: Links) -> None:
    assert len(page.links) > 20 and len(set(page.ids)) == len(page.ids)
    assert set(page.described) <= set(page.ids)
    for link in page.links:
        if link.startswith("#"):
            assert link[1:] in page.ids, link
        else:
            target = (folder / link).resolve()
            assert target.is_file() and target.is_relative_to(folder.resolve()), link


def test_nothing_is_fetched_from_anywhere(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".css", ".js"):
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"(?:https?:)?//[a-z]|@import|url\(|fetch\(|XMLHttpRequest", text), path.name


def test_players_and_pictures_are_there_for_every_clip_of_every_example(folder: Path, page: Links) -> None:
    sounds = [link for link in page.links if link.startswith("audio/")]
    pictures = [link for link in page.links if link.startswith("pictures/")]
    assert len(sounds) == len(pictures) == 2 * 3
    assert page.images_without_text == 0
    for sound in sounds:
        assert soundfile.info(str(folder / sound)).duration == pytest.approx(0.5, abs=0.1)


def test_examples_can_be_linked_and_say_what_was_asked_once(html: str, page: Links) -> None:
    assert {"listen-1", "listen-2", "listen-1-name"} <= set(page.ids)
    assert html.count("&lt;script&gt;alert") == 1, "buttons are described by the heading, not by the caption again"
    assert "unconditional" in html, "an example without a caption says so"


def test_a_caption_cannot_break_out_of_the_page(html: str) -> None:
    assert "<script>alert" not in html


def test_the_verdict_comes_first_and_warnings_with_it(html: str) -> None:
    order = [html.index(f'class="{name}"') for name in ("verdict", "warning", "points", "headline", "contents")]
    assert order == sorted(order)
    assert '<p class="verdict">On this data, alpha is nearer, by <code>fad_toy</code>.</p>' in html


def test_folded_sections_can_be_opened_and_are_in_the_contents(html: str) -> None:
    section = html[html.index('<section id="curves">') :]
    assert section.index("<details>") < section.index("</section>")
    assert '<a href="#curves">Curves</a>' in html


def test_numbers_that_are_not_defined_do_not_break_the_report(tmp_path: Path, make_report: Make) -> None:
    nan = float("nan")
    base = make_report(tmp_path / "clips", count=0)
    [dots, scores], [tests, _] = base.sections[0].blocks, base.sections[2].blocks
    assert isinstance(scores, Scores) and isinstance(tests, Differences)
    broken = Scores(
        name="scores",
        systems=scores.systems,
        metrics=scores.metrics,
        scores={"fad_toy": {"alpha": Score("fad_toy", nan, nan, nan, 8, "", "lower")}},
    )
    open_ = Differences(
        name="differences",
        systems=tests.systems,
        metrics=tests.metrics,
        differences=[Difference("fad_toy", "alpha", "beta", nan, nan, nan, nan, nan, 8, True)],
    )
    sections = [Section(id="scores", title="Scores", blocks=[broken, open_])]
    index = write_report(make_report(tmp_path / "clips", count=0, sections=sections), tmp_path / "report")
    assert index.read_text(encoding="utf-8").count("not defined") >= 3
    assert dots.kind == "dots"


def test_two_tables_of_one_name_are_refused(tmp_path: Path, make_report: Make) -> None:
    base = make_report(tmp_path, count=0)
    twice = [*base.sections, Section(id="again", title="Again", blocks=[base.sections[0].blocks[1]])]
    with pytest.raises(ValueError, match=r"Two tables .* 'scores'"):
        write_report(make_report(tmp_path, count=0, sections=twice), tmp_path / "report")


def test_the_script_is_sound() -> None:
    script = Path(page_module.__file__).parent / "page.js"
    try:
        subprocess.run(["node", "--check", str(script)], check=True, capture_output=True)
    except FileNotFoundError:
        text = script.read_text()
        assert text.count("{") == text.count("}") and text.count("(") == text.count(")")


def test_every_class_that_marks_draw_with_is_in_the_style_sheet() -> None:
    folder = Path(page_module.__file__).parent
    sheet = "".join((folder / part).read_text(encoding="utf-8") for part in page_module.ASSETS["page.css"])
    assert all(f".fill-{fill}" in sheet for fill in ("half", "hollow", "dotted"))
    assert all(f".dash-{dash}" in sheet for dash in ("dashed", "dotted", "mixed", "long"))
    assert Mark(colour="red").style == "--c: var(--red)" and "--red:" in sheet
    assert Mark(colour="#123456").style == "--c: #123456"


def test_terms_are_code_and_all_else_is_text() -> None:
    assert rich("fad_toy of fad_toys & `a <b>`", ["fad_toy"]) == (
        "<code>fad_toy</code> of fad_toys &amp; <code>a &lt;b&gt;</code>"
    )
    assert rich("plain") == "plain"


def test_text_alone_makes_a_report(tmp_path: Path, make_report: Make) -> None:
    only = [Section(id="a", title="A", blocks=[Text(quotes=["They say."], links=[("There", "study.yaml")])])]
    report = make_report(tmp_path, count=0, sections=only, verdict=Verdict("Nothing."))
    html = write_report(report, tmp_path / "report").read_text(encoding="utf-8")
    assert "<blockquote>They say.</blockquote>" in html and 'href="study.yaml">There' in html
