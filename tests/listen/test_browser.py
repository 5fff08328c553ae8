"""A rater's whole way in a real browser, for every design: with the mouse, with keys alone, on a telephone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import read_test
from counterpoint.listen.judgments import read_judgments, read_raters
from counterpoint.listen.server import create_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.slow
New = Callable[..., Path]
Check = Callable[["Page"], list[str]]
PATIENCE_MS = 45_000  # of a machine that has other things to do
SMALL = {"training: 2 ": "training: 1 ", "attention: 2 ": "attention: 1 ", "repeats: 2 ": "repeats: 1 "}
TELEPHONE = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}


class Site:
    """A served test of few trials."""

    def __init__(self, folder: Path, serving: Callable[..., str], *, trials: int = 3):
        path = folder / "test.yaml"
        text = path.read_text().replace("trials: null", f"trials: {trials}")
        for old, new in SMALL.items():
            text = text.replace(old, new)
        path.write_text(text)
        self.test = read_test(folder)
        self.answers = Answers(self.test)
        self.address = serving(create_server(self.test, Answers(self.test)))


class Rater:
    """Someone with a browser."""

    def __init__(self, site: Site, context: BrowserContext):
        self.site, self.page = site, context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.problems: list[str] = []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: message.type == "error" and self.problems.append(message.text))

    def at(self, stage: str) -> None:
        self.page.wait_for_selector(f"#sheet[data-stage={stage}]")
        assert self.page.evaluate("[...sheet.childNodes].every((node) => node.nodeType === Node.ELEMENT_NODE)")

    def enter(self, query: str = "") -> str:
        """Through consent, instructions and the headphone check to the first trial; returns the token."""
        self.page.goto(f"{self.site.address}/{query}")
        self.at("consent")
        self.page.click(".actions .button.main")
        self.at("instructions")
        self.page.click(".actions .button.main")
        self.at("headphones")
        token = self.page.url.rpartition("/")[2]
        key = self.site.answers.headphone_key(token)
        for number, quietest in enumerate(key):
            row = self.page.locator(".tone").nth(number)
            row.locator("button").click()
            row.locator("input").nth(quietest).wait_for(state="attached")
            self.page.wait_for_function("row => !row.classList.contains('is-locked')", arg=row.element_handle())
            row.locator("input").nth(quietest).check()
        self.page.click(".actions .button.main")
        self.at("trial")
        return token

    def skip_headphones(self, query: str = "") -> str:
        """To the first trial as one who has passed the headphone check already."""
        token = self.site.answers.enter(platform_id=query)
        self.site.answers.check_headphones(token, self.site.answers.headphone_key(token))
        self.page.goto(f"{self.site.address}/r/{token}")
        self.at("trial")
        return token

    def listen(self) -> None:
        """Play every clip of the trial to its end."""
        clips = self.page.locator(".clip").count()
        for place in range(clips):
            if clips > 1:
                self.page.locator(".tabs .button").nth(place).click()
            else:
                self.page.locator(".transport .button.round").click()
            self.page.wait_for_selector(".heard.is-done")
            self.page.wait_for_selector(".transport [data-state=play]")

    def answer(self) -> None:
        """Give some answer to everything."""
        for place in range(self.page.locator(".slider input").count()):
            slider = self.page.locator(".slider input").nth(place)
            slider.focus()
            slider.press("ArrowUp")
        for place in range(self.page.locator(".question .scale").count()):
            self.page.locator(".question .scale").nth(place).locator("label").nth(1).click()

    def send(self) -> None:
        """Go on, and wait until the next page is there."""
        before = self.page.locator(".head b").inner_text() + str(self.page.locator(".practice").count())
        self.page.click(".foot .button.main")
        self.page.wait_for_function(
            """before => {
                const head = document.querySelector(".head b");
                return !head || head.innerText + document.querySelectorAll(".practice").length !== before;
            }""",
            arg=before,
        )

    def rate_all(self) -> int:
        count = 0
        while self.page.locator("#sheet").get_attribute("data-stage") == "trial":
            self.listen()
            self.answer()
            self.send()
            count += 1
        return count


@pytest.mark.parametrize("design", ["ratings", "mos", "ab", "mushra"])
def test_a_whole_way_through_each_design(
    design: str, new_test: New, serving: Callable[..., str], browser: Browser, violations: Check
) -> None:
    site = Site(new_test(design=design, items=2), serving, trials=1 if design == "mushra" else 2)
    context = browser.new_context(bypass_csp=True)
    rater = Rater(site, context)
    found: dict[str, list[str]] = {}
    rater.page.goto(f"{site.address}/?PROLIFIC_PID=someone")
    rater.at("consent")
    found["consent"] = violations(rater.page)
    if design == "ratings":
        rater.enter("?PROLIFIC_PID=someone")
    else:
        rater.skip_headphones("someone")
    found["trial"] = violations(rater.page)
    assert rater.page.locator(".foot .button.main").is_disabled(), "nothing was heard yet"
    count = rater.rate_all()
    rater.at("comment")
    found["comment"] = violations(rater.page)
    rater.page.fill("#comment", "Good <b>music</b>")
    rater.page.click(".actions .button.main")
    rater.at("end")
    found["end"] = violations(rater.page)
    assert not any(found.values()), found
    assert not rater.problems
    (person,) = read_raters(site.answers)
    assert (person.stage, person.platform_id, person.comment) == ("done", "someone", "Good <b>music</b>")
    with site.answers.store.read() as db:
        assert db.execute("SELECT count(*) FROM trials WHERE answered IS NOT NULL").fetchone()[0] == count
    assert read_judgments(site.answers)
    context.close()


def test_the_policy_of_the_pages_holds_and_nothing_is_loaded_from_elsewhere(
    new_test: New, serving: Callable[..., str], browser: Browser
) -> None:
    site = Site(new_test(items=2), serving)
    context = browser.new_context()
    rater = Rater(site, context)
    asked: list[str] = []
    rater.page.on("request", lambda request: asked.append(request.url))
    rater.skip_headphones()
    rater.listen()
    assert rater.page.evaluate(
        "getComputedStyle(document.querySelector('.wave > div').shadowRoot.querySelector('.wrapper')).position"
    )
    assert not rater.problems, "the policy refuses nothing that the page needs"
    assert all(url.startswith((site.address, "data:", "blob:")) for url in asked), asked
    context.close()


def test_keys_alone_suffice(new_test: New, serving: Callable[..., str], browser: Browser) -> None:
    site = Site(new_test(items=2), serving, trials=1)
    rater = Rater(site, browser.new_context())
    rater.skip_headphones()
    keyboard = rater.page.keyboard
    keyboard.press("Space")
    rater.page.wait_for_selector(".heard.is-done")
    keyboard.press("7")
    keyboard.press("0")
    assert rater.page.locator("input:checked").evaluate_all("all => all.map((each) => each.value)") == ["7", "10"]
    keyboard.press("ArrowUp")
    keyboard.press("4")
    assert rater.page.locator("input:checked").evaluate_all("all => all.map((each) => each.value)") == ["4", "10"]
    keyboard.press("Enter")
    rater.page.wait_for_selector(".message.good")  # practice is over
    with site.answers.store.read() as db:
        values = [row[0] for row in db.execute("SELECT value FROM answers ORDER BY question DESC")]
    assert values == [4, 10]


def test_a_reload_in_the_middle_keeps_what_was_heard_and_answered(
    new_test: New, serving: Callable[..., str], browser: Browser
) -> None:
    site = Site(new_test(items=2), serving, trials=1)
    rater = Rater(site, browser.new_context())
    rater.skip_headphones()
    rater.listen()
    rater.page.locator(".scale").first.locator("label").nth(4).click()
    rater.page.reload()
    rater.at("trial")
    rater.page.wait_for_selector(".heard.is-done")
    assert rater.page.locator("input:checked").evaluate_all("all => all.map((each) => each.value)") == ["5"]
    rater.page.locator(".scale").nth(1).locator("label").nth(2).click()
    rater.send()
    assert rater.page.locator(".message.good").count() == 1


def test_an_answer_waits_while_the_server_is_away(new_test: New, serving: Callable[..., str], browser: Browser) -> None:
    site = Site(new_test(items=2), serving, trials=1)
    context = browser.new_context()
    rater = Rater(site, context)
    rater.skip_headphones()
    rater.listen()
    rater.answer()
    context.set_offline(True)
    rater.page.click(".foot .button.main")
    rater.page.wait_for_selector(".message.bad:not([hidden])")
    assert "sent again" in rater.page.inner_text(".message.bad")
    with site.answers.store.read() as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone()[0] == 0
    context.set_offline(False)
    rater.page.wait_for_selector(".message.good")
    with site.answers.store.read() as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone()[0] == 2


def test_two_raters_at_once_on_a_telephone(
    new_test: New, serving: Callable[..., str], browser: Browser, violations: Check
) -> None:
    site = Site(new_test(items=2), serving, trials=1)
    options: dict[str, Any] = {**TELEPHONE, "bypass_csp": True}
    raters = [Rater(site, browser.new_context(**options)) for _ in range(2)]
    tokens = [rater.skip_headphones() for rater in raters]
    assert len(set(tokens)) == 2
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    for rater in raters:
        assert rater.page.evaluate(wide) <= 0, "nothing to be pushed sideways"
        sizes = rater.page.locator(".scale label").evaluate_all(
            "all => all.map((each) => each.getBoundingClientRect().height)"
        )
        assert min(sizes) >= 44, "wide enough for a finger"
        assert not violations(rater.page)
    for rater in raters:
        rater.rate_all()
        assert rater.page.locator("#sheet").get_attribute("data-stage") == "comment"
        assert not rater.problems
