"""For every test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest

from counterpoint.config.fetched import CACHE_VARIABLE
from counterpoint.metrics.cache import FOLDER_VARIABLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from starlette.types import ASGIApp


@pytest.fixture(scope="session", autouse=True)
def nothing_heard_before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What judges hear in tests is kept in a folder of the tests, and the user's own is left alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("heard")))
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("judges")))  # and the judges that the machine has
        yield


@pytest.fixture
def judges_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for fetched weights, empty, of this test alone."""
    folder = tmp_path / "judges"
    folder.mkdir()
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module or a folder that share a fixture in one process, so that it is made only once."""
    for item in items:
        # pytest shows the fixtures of a test nowhere else; `tests` is the place of those in this file.
        known = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
        shared = [each.baseid for found in known.values() for each in found if each.scope != "function"]
        if places := [place for place in shared if "/" in place]:
            item.add_marker(pytest.mark.xdist_group(min(places, key=len)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it where pages were not tested in a browser, since a skipped test is easily overlooked."""
    reasons = {str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reason for reason in reasons if "in a browser" in reason):
        terminalreporter.write_line(f"SKIPPED: {reason}", yellow=True)


CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; tests of pages are skipped, and say so, where there is none."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (`apt-get install chromium`), so pages were not tested in a browser")
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed, so pages were not tested"
    )
    with playwright.sync_playwright() as started:
        microphone = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
        arguments = ["--no-sandbox", "--mute-audio", "--autoplay-policy=no-user-gesture-required", *microphone]
        found = started.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="session")
def violations() -> Callable[[Page], list[str]]:
    """A function that checks a page against WCAG 2.2, levels A and AA, with axe; returns what it found.

    The page's context must have been made with `bypass_csp=True`: the policy of our pages would keep axe out.
    """
    script = (Path(__file__).parent / "web" / "vendor" / "axe" / "axe.min.js").read_text(encoding="utf-8")

    def check(page: Page) -> list[str]:
        page.evaluate(script)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found = page.evaluate("tags => axe.run(document, { runOnly: tags })", tags)["violations"]
        return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]

    return check


@pytest.fixture
def serving() -> Iterator[Callable[[ASGIApp], str]]:
    """A function that serves an application from a thread; returns its address."""
    import uvicorn

    from counterpoint.web import open_socket

    servers: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: ASGIApp) -> str:
        listening = open_socket("127.0.0.1", 0)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    for server, thread in servers:
        server.should_exit = True
        thread.join(timeout=20)
