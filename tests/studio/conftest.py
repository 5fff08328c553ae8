"""A studio whose music is drawn by a stand-in that takes no time, unless a test wants it to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient

from counterpoint.studio import readers, states
from counterpoint.studio.app import studio_app
from counterpoint.studio.audio_facts import facts_of
from counterpoint.studio.records import new_id
from counterpoint.studio.studio import Studio
from counterpoint.studio.worker import CancelledError, TaskError

AR, FM = "pocket_autoregressive", "pocket_flow_matching"
RATE = 8000


def tone(duration_s: float, *, hz: float = 220.0, rate: int = RATE) -> np.ndarray:
    """[N] float64."""
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate)) / rate)


class FakeDrawer:
    """Draws tones. `gate` holds it before each step, `fails` makes it fail, and it notes whom it served."""

    def __init__(self) -> None:
        self.gate: threading.Event | None = None
        self.fails = ""
        self.steps = 2
        self.served: list[Mapping[str, Any]] = []
        self._cancelled = threading.Event()

    def start(self) -> None: ...

    def close(self) -> None:
        self._cancelled.set()

    def cancel(self) -> None:
        self._cancelled.set()

    def run(self, asked: Mapping[str, Any], *, on_report: Callable[[Mapping[str, Any]], None]) -> Mapping[str, Any]:
        self._cancelled.clear()
        self.served.append(asked)
        if self.fails:
            raise TaskError(self.fails)
        for number, recipe in enumerate(asked["recipes"]):
            for step in range(self.steps):
                share = (number + step / self.steps) / len(asked["recipes"])
                on_report({"state": states.DRAWING, "share": share, "number": number})
                self._wait()
            self._report_take(asked, recipe, number, on_report)
        return {}

    def _wait(self) -> None:
        while self.gate is not None and not self.gate.wait(0.01):
            if self._cancelled.is_set():
                raise CancelledError
        if self._cancelled.is_set():
            raise CancelledError

    def _report_take(self, asked, recipe, number, on_report) -> None:
        library = Path(asked["library"])
        made = f"{new_id()}.wav"
        length = recipe.get("duration_s", 3.0)
        if "source" in recipe:
            length = soundfile.info(library / "sounds" / recipe["source"]).duration
        audio = tone(length, hz=220 + recipe["seed"] % 97)
        soundfile.write(library / "scratch" / made, audio, RATE, "PCM_16")
        on_report({"sound": (audio * 32767).astype("<i2").tobytes(), "sample_rate": RATE})
        facts = {
            **facts_of(library / "scratch" / made),
            "paradigm": "autoregressive" if "auto" in asked["model"] else "flow_matching",
            "new": recipe.get("spans", [[0.0, length]]),
            "seams": {"score": -float(number)} if "source" in recipe else None,
            "remarks": [],
        }
        on_report({"take": {"number": number, "recipe": recipe, "made": made, "facts": facts}})
        if recipe.get("chords"):
            on_report({"heard": {"number": number, "heard": HEARD}})


HEARD = {
    "svg": '<svg class="timelines" viewBox="0 0 300 36" role="img" aria-label="chords requested C; detected C"></svg>',
    "measures": [{"of": "chords", "share": 0.5, "text": "of the requested chords are detected (root and mode)"}],
    "remarks": [],
}


class FakeReader:
    """Reads in this process."""

    def start(self) -> None: ...

    def close(self) -> None: ...

    def run(self, asked: Mapping[str, Any], **_: Any) -> Mapping[str, Any]:
        from counterpoint.config import UserError

        class Task:
            def report(self, message: object) -> None: ...

            def check(self) -> None: ...

        try:
            return readers.carry_out(asked, Task())
        except UserError as error:
            raise TaskError(str(error)) from None


def build(folder: Path, **options: Any) -> Studio:
    """A studio with stand-ins."""
    studio = Studio(folder, **options)
    studio.drawer = studio.queue.worker = FakeDrawer()  # type: ignore[assignment]
    studio.reader = FakeReader()  # type: ignore[assignment]
    studio._warm = lambda: None  # type: ignore[method-assign]
    return studio


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return build(tmp_path / "studio")


@pytest.fixture
def client(studio: Studio) -> Iterator[TestClient]:
    with TestClient(studio_app(studio)) as client:
        yield client


@contextmanager
def held(studio: Studio) -> Iterator[threading.Event]:
    """The drawer waits until the event is set, or the block ends."""
    gate = threading.Event()
    studio.drawer.gate = gate  # type: ignore[attr-defined]
    try:
        yield gate
    finally:
        gate.set()


def ask(client: TestClient, **fields: Any) -> dict[str, Any]:
    """MusicRequest for music; the piece."""
    answer = client.post("/api/pieces", json={"models": [AR], "caption": "calm piano", "duration_s": 1.0, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()


def finished(client: TestClient, piece: str, *, within_s: float = 60.0) -> dict[str, Any]:
    """The piece, when none of its jobs is open any more."""
    return until(
        lambda: client.get(f"/api/pieces/{piece}").json(),
        lambda found: all(job["state"] not in states.OPEN for job in found["jobs"]),
        within_s=within_s,
    )


def until(look: Callable[[], Any], good: Callable[[Any], bool], *, within_s: float = 60.0) -> Any:
    """What `look` sees when it is good."""
    stop = time.monotonic() + within_s
    while not good(found := look()):
        assert time.monotonic() < stop, found
        time.sleep(0.02)
    return found
