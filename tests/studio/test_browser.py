"""The studio's page in headless Chromium: made, steered, edited, cancelled, by mouse, by keys, and on a telephone."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import uvicorn
from tests.studio.conftest import RATE, build, tone, until

from counterpoint.studio.app import studio_app
from counterpoint.studio.studio import Studio

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = playwright.expect
PATIENCE_MS = 60_000
"""Machines that test are busy."""
expect.set_options(timeout=PATIENCE_MS)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).parents[1] / "web" / "vendor" / "axe" / "axe.min.js"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
]


class Served:
    """A studio that is served by a thread, and can be stopped and started again in its folder."""

    def __init__(self, folder: Path, *, token: str | None = None):
        self.folder, self.token = folder, token
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.studio: Studio = build(self.folder)
        config = uvicorn.Config(
            studio_app(self.studio, token=self.token), port=self.port, log_level="warning", timeout_graceful_shutdown=1
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        until(lambda: self.server.started, bool)

    def stop(self) -> None:
        self.studio.events.close()
        self.server.should_exit = True
        self.thread.join(20)

    @property
    def drawer(self) -> Any:
        return self.studio.drawer

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "studio")
    yield served
    if served.drawer.gate:
        served.drawer.gate.set()
    served.stop()


@pytest.fixture(scope="module", autouse=True)
def charts_are_loaded() -> None:
    """So that no page has to wait for it."""
    import counterpoint.generate.chart  # noqa: F401


def opened(browser: Any, served: Served, **options: Any) -> Any:
    """The page, when it is ready; whatever goes wrong in it fails the test."""
    page = browser.new_page(**{"viewport": {"width": 1440, "height": 1000}, **options})
    page.set_default_timeout(PATIENCE_MS)
    page.on("pageerror", lambda error: pytest.fail(f"The page failed: {error}"))
    page.goto(served.address)
    page.wait_for_selector("body[data-ready]")
    return page


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    page = opened(browser, served)
    yield page
    page.close()


def make(page: Any, caption: str = "calm piano") -> None:
    page.fill("#caption", caption)
    page.fill("#length", "2")
    page.click("#make")


def hold(served: Served) -> threading.Event:
    served.drawer.gate = threading.Event()
    return served.drawer.gate


def violations(page: Any) -> list[str]:
    """What axe finds of levels A and AA."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})")
    return [f"{one['id']}: {one['nodes'][0]['target']} {one['help']}" for one in found["violations"]]


def test_two_paradigms_stand_side_by_side_and_a_switch_keeps_the_moment(page):
    make(page)
    expect(page.locator(".column")).to_have_count(2)
    expect(page.locator(".take")).to_have_count(2)
    page.locator("h2.title").click()
    first, second = page.locator(".take-wave").all()
    first.focus()
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert first.get_attribute("aria-valuenow") == "1.0"
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("1")
    page.keyboard.press(" ")
    page.keyboard.press("2")
    expect(page.locator(".take").last).to_contain_class("active")
    assert 0.9 <= float(second.get_attribute("aria-valuenow")) <= 1.9


def test_louder_takes_are_played_softer(page, served):
    draw = served.drawer._report_take

    def louder(asked, recipe, number, on_report):
        def report(message):
            if "take" in message and "flow" in asked["model"]:
                message["take"]["facts"]["rms"] *= 2
            on_report(message)

        draw(asked, recipe, number, report)

    served.drawer._report_take = louder
    make(page)
    expect(page.locator(".take")).to_have_count(2)
    volumes = page.evaluate(
        """async () => {
            const seen = [];
            const play = HTMLMediaElement.prototype.play;
            HTMLMediaElement.prototype.play = function () { seen.push(this.volume); return play.call(this); };
            for (const button of document.querySelectorAll('.take .play')) button.click();
            return seen;
        }"""
    )
    assert volumes == pytest.approx([1.0, 0.5], abs=0.05)


def test_a_chart_steers_and_what_is_heard_is_shown(page):
    page.click("#steer > summary")
    page.fill("#chords", "120 bpm | C | Asus4 |")
    expect(page.locator("#chords-status")).to_have_text("Asus4 is replaced by A.")
    expect(page.locator("#chords-strip span")).to_have_count(2)
    expect(page.locator("#steer-summary")).to_have_text("chords")
    make(page)
    expect(page.locator(".analysis-picture svg")).to_have_count(2)
    expect(page.locator(".share").first).to_contain_text("50%")
    page.fill("#chords", "H:0")
    expect(page.locator("#chords-status")).to_contain_text("H")
    assert page.get_attribute("#chords", "aria-invalid") == "true"


STEERING = ("Enter chords by bar", "Draw the melody on a piano roll", "Set the drums on a step grid")


def test_bars_a_piano_roll_and_a_step_grid_are_set_by_mouse_and_keys(page, served):
    page.click("#steer > summary")
    for name in STEERING:
        page.get_by_text(name, exact=True).click()
    page.get_by_label("Chords of bar 1").fill("C")
    page.get_by_label("Chords of bar 3").fill("Am F")
    expect(page.locator("#chords")).to_have_value("120 bpm 4/4 | C | % | Am F |")
    roll = page.locator("#roll [data-cell]")
    roll.nth(5).click()
    roll.first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    page.get_by_text("Rock", exact=True).click()
    expect(page.locator("#steer-summary")).to_have_text("chords, a melody, drums")
    make(page)
    expect(page.locator(".take")).to_have_count(2)
    recipe = served.drawer.served[0]["recipes"][0]
    assert recipe["melody"].endswith(".mid") and recipe["drums"].endswith(".wav")
    assert recipe["chords"].startswith("120 bpm")


def test_singing_becomes_a_melody(page):
    page.click("#steer > summary")
    page.click("#sing")
    expect(page.locator("#sing")).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(1200)
    page.click("#sing")
    expect(page.locator("#melody-given")).to_contain_text("singing")
    expect(page.locator("#steer-summary")).to_have_text("a melody")


def bring(page: Any, folder: Path) -> Path:
    song = folder / "song.wav"
    soundfile.write(song, np.stack([tone(4.0), tone(4.0, hz=330)], axis=1), RATE, "PCM_24")
    page.click("#tab-edit")
    page.set_input_files("#music-file", str(song))
    expect(page.locator("#edit-title")).to_have_text("song")
    return song


def drag(page: Any, start: float, stop: float) -> None:
    """Over the waveform, from one share of it to another."""
    page.locator("#edit-place").scroll_into_view_if_needed()
    box = page.locator("#edit-place").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], middle)
    page.mouse.down()
    for step in range(1, 6):
        page.mouse.move(box["x"] + (start + step / 5 * (stop - start)) * box["width"], middle)
    page.mouse.up()


def test_spans_are_dragged_and_made_again_and_a_take_is_gone_on_with(page, served, tmp_path):
    bring(page, tmp_path)
    drag(page, 0.25, 0.5)
    expect(page.locator("#spans li")).to_have_count(1)
    drag(page, 0.7, 0.8)
    expect(page.locator("#spans li")).to_have_count(2)
    start = page.get_by_label("Start of span 1, seconds")
    assert float(start.input_value()) == pytest.approx(1.0, abs=0.1)
    start.fill("1.5")
    start.press("Tab")
    page.get_by_label("Remove span 2").click()
    page.fill("#takes", "2")
    page.click("#make")
    expect(page.locator(".take")).to_have_count(4)
    recipe = served.drawer.served[0]["recipes"][0]
    assert recipe["kind"] == "inpaint" and recipe["spans"] == [[1.5, pytest.approx(2.0, abs=0.1)]]
    assert page.locator(".column").first.locator(".seams").first.inner_text().startswith("Seams 0.0")  # the best
    page.get_by_label("Edit Auto-regression, take 1").click()
    expect(page.locator("#edit-title")).not_to_have_text("song")
    page.click("#undo")
    expect(page.locator("#edit-title")).to_have_text("song")
    page.click("#redo")
    expect(page.locator("#edit-title")).not_to_have_text("song")


def test_music_is_continued(page, served, tmp_path):
    bring(page, tmp_path)
    page.get_by_label("Continue at the end").check()
    page.fill("#length", "3")
    page.click("#make")
    expect(page.locator(".take")).to_have_count(2)
    recipe = served.drawer.served[0]["recipes"][0]
    assert (recipe["kind"], recipe["side"], recipe["duration_s"]) == ("continue", "end", 3.0)


def test_without_a_span_the_page_says_what_to_do(page, tmp_path):
    page.click("#tab-edit")
    page.click("#make")
    expect(page.locator("#alert")).to_contain_text("drop a file here")
    bring(page, tmp_path)
    page.click("#make")
    expect(page.locator("#alert")).to_contain_text("mark one on the waveform")


def test_a_job_is_cancelled(page, served):
    hold(served)
    make(page)
    page.get_by_label("Cancel Auto-regression").click()
    expect(page.locator(".column").first.locator(".status-text")).to_have_text("Cancelled")
    served.drawer.gate.set()
    expect(page.locator(".take")).to_have_count(1)  # the other one is made


def test_a_page_that_is_loaded_again_finds_its_job(page, served):
    gate = hold(served)
    make(page, "a piece that takes a while")
    expect(page.locator(".progress")).to_have_count(2)
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator("h2.title")).to_have_text("a piece that takes a while")
    expect(page.locator(".column").first.locator(".status-text")).to_have_text("Generating")
    gate.set()
    expect(page.locator(".take")).to_have_count(2)


def test_a_job_that_a_restart_interrupts_can_be_made_again(page, served):
    hold(served)
    make(page)
    expect(page.locator(".column").first.locator(".status-text")).to_have_text("Generating")
    served.stop()
    served.start()
    page.reload()
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".column").first.locator(".status-text")).to_contain_text("Interrupted")
    for left in (1, 0):
        page.get_by_text("Try again").first.click()
        expect(page.get_by_text("Try again")).to_have_count(left)
    expect(page.locator(".take")).to_have_count(2)


def test_the_history_is_searched_starred_and_opened(page):
    for caption in ("first piece", "second piece"):
        make(page, caption)
        expect(page.locator("h2.title")).to_have_text(caption)
        expect(page.locator(".take")).to_have_count(2)
    expect(page.locator(".entry")).to_have_count(2)
    page.fill("#search", "first")
    expect(page.locator(".entry")).to_have_count(1)
    page.locator(".entry").click()
    expect(page.locator("h2.title")).to_have_text("first piece")
    page.locator(".star").click()
    expect(page.locator(".entry-title")).to_contain_text("★")
    page.fill("#search", "")
    page.get_by_label("★ only").check()
    expect(page.locator(".entry")).to_have_count(1)
    page.get_by_text("Link", exact=True).click()
    link = page.locator(".link-line a").get_attribute("href")
    page.goto(link)
    page.wait_for_selector("body[data-ready]")
    expect(page.locator(".take")).to_have_count(2)


def test_takes_of_two_pieces_are_compared(page):
    for caption in ("first piece", "second piece"):
        make(page, caption)
        expect(page.locator("h2.title")).to_have_text(caption)
        expect(page.locator("#result .take")).to_have_count(2)
        page.get_by_label("Compare Auto-regression, take 1").click()
    expect(page.locator("#compare .take")).to_have_count(2)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("2")
    expect(page.locator("#compare .column").last.locator(".take.active")).to_have_count(1)
    page.locator("#compare").get_by_text("Close").click()
    expect(page.locator("#compare")).to_be_hidden()


def test_a_form_lets_those_in_who_know_the_token(browser, tmp_path):
    served = Served(tmp_path / "closed", token="a long secret")
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(served.address)
    for token in ("wrong", "a long secret"):
        assert violations(page) == []
        page.fill("#token", token)
        page.keyboard.press("Enter")
        page.wait_for_selector("[role=alert]" if token == "wrong" else "body[data-ready]")
    page.close()
    served.stop()


def test_pieces_are_gathered_for_a_listening_test(page, served):
    seen = []

    def make_test(wanted, *, owner):
        seen.append(wanted)
        return {"items": len(wanted.items), "systems": [], "name": "x", "command": "counterpoint listen serve x"}

    served.studio.make_test = make_test
    for caption in ("calm piano", "loud drums"):
        make(page, caption)
        expect(page.locator("h2.title")).to_have_text(caption)
        expect(page.locator(".take")).to_have_count(2)
        page.get_by_role("button", name="Add to a listening test").click()
    expect(page.locator("#tray-items li")).to_have_count(2)
    expect(page.locator("#tray-title")).to_have_value("calm piano")
    assert violations(page) == []
    page.get_by_role("button", name="Make the test").click()
    expect(page.locator("#tray-status")).to_contain_text("The test has 2 items.")
    assert [len(item) for item in seen[0].items] == [2, 2]


def test_a_long_request_is_asked_about_first(page, served):
    served.studio.queue.pace = dict.fromkeys(served.studio.models, 100.0)
    page.fill("#length", "2")
    expect(page.locator("#make-estimate")).to_contain_text("about 7 min: AR 3 min, FM 3 min")
    questions = []
    page.once("dialog", lambda dialog: (questions.append(dialog.message), dialog.dismiss()))
    with page.expect_event("dialog"):
        make(page)
    expect(page.locator("#make")).to_be_enabled()
    assert "about 7 min" in questions[0] and not served.drawer.served
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#make")
    expect(page.locator(".take")).to_have_count(2)


def test_everything_is_done_with_keys_alone(page):
    page.keyboard.press("c")
    page.keyboard.type("rock, 140 bpm")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".take")).to_have_count(2)
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("#tab-make").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#editor")).to_be_visible()
    expect(page.locator("#tab-edit")).to_be_focused()


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_pages_are_accessible_and_fit(browser, served, tmp_path, look, width):
    page = opened(browser, served, viewport={"width": width, "height": 900}, color_scheme=look)
    page.click("#steer > summary")
    for name in STEERING:
        page.get_by_text(name, exact=True).click()
    page.click("#settings > summary")
    page.fill("#chords", "C:0 Am:1")
    make(page)
    expect(page.locator(".analysis-picture svg")).to_have_count(2)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    bring(page, tmp_path)
    drag(page, 0.25, 0.5)
    assert violations(page) == []
    page.goto(f"{served.address}docs")
    assert violations(page) == []
    page.close()
