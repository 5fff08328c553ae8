"""Fifty raters at once, and a server that is killed under them: no answer that was confirmed is lost or doubled."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import read_test

pytestmark = pytest.mark.slow
New = Callable[..., Path]
Result = TypeVar("Result")
RATERS, KILLS = 50, 20
QUIET = {
    "headphones: asked ": "headphones: none ",
    "training: 2 ": "training: 0 ",
    "attention: 2 ": "attention: 0 ",
}
Confirmed = dict[tuple[str, str], float]
"""By trial and question, the value of every answer that the server has confirmed."""


@pytest.fixture
def folder(new_test: New) -> Path:
    found = new_test()
    text = (found / "test.yaml").read_text()
    for old, new in QUIET.items():
        text = text.replace(old, new)
    (found / "test.yaml").write_text(text)
    return found


class Served:
    """The server in a process of its own, on one port throughout."""

    def __init__(self, folder: Path):
        self.folder, self.port = folder, 0
        self.start()

    def start(self) -> None:
        verb = [sys.executable, "-m", "counterpoint", "listen", "serve", str(self.folder), "--port", str(self.port)]
        self.process = subprocess.Popen(verb, stdout=subprocess.PIPE, text=True, env={**os.environ})
        assert self.process.stdout
        for line in self.process.stdout:
            if found := re.search(r"http://127.0.0.1:(\d+)/", line):
                self.port = int(found[1])
                return
        raise AssertionError("the server did not start")

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def served(folder: Path) -> Iterator[Served]:
    server = Served(folder)
    try:
        yield server
    finally:
        server.kill()


async def rate(client: httpx.AsyncClient, confirmed: Confirmed, times: list[float], *, seed: int) -> int:
    """One rater until the end; returns the number of trials."""
    rng = random.Random(seed)
    token = (await insist(client, "POST", "/api/enter", {"platform_id": f"rater-{seed}"}))["token"]
    count = 0
    while (state := await insist(client, "GET", f"/api/r/{token}"))["stage"] == "trials":
        trial = state["trial"]
        await asyncio.sleep(trial["clips"][0]["duration"] * rng.uniform(1, 1.5))
        values = {question["id"]: rng.randint(1, 10) for question in trial["questions"]}
        answers = [{"version": 0, "question": key, "value": value} for key, value in values.items()]
        body = {"answers": answers, "heard": [1.0], "plays": [1]}
        await insist(client, "PUT", f"/api/r/{token}/trials/{trial['id']}", body, times=times)
        confirmed |= {(trial["id"], key): float(value) for key, value in values.items()}
        count += 1
    await insist(client, "POST", f"/api/r/{token}/finish", {"comment": ""})
    return count


async def insist(
    client: httpx.AsyncClient, method: str, path: str, body: Any = None, *, times: list[float] | None = None
) -> Any:
    """A request until it is answered, as the page does it, for two minutes."""
    end = time.monotonic() + 120
    while True:
        started = time.monotonic()
        try:
            answer = await client.request(method, path, json=body)
        except httpx.TransportError:
            if started > end:
                raise
            await asyncio.sleep(0.2)
            continue
        assert answer.status_code == 200, answer.text
        if times is not None:
            times.append(time.monotonic() - started)
        return answer.json()


async def all_rate(server: Served, *, kills: int = 0) -> tuple[Confirmed, list[float], list[int]]:
    confirmed: Confirmed = {}
    times: list[float] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=RATERS)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", timeout=60, limits=limits, trust_env=False
    ) as client:
        raters = [asyncio.create_task(rate(client, confirmed, times, seed=seed)) for seed in range(RATERS)]
        for turn in range(kills):
            await asyncio.sleep(random.Random(turn).uniform(0.2, 1.2))
            server.kill()
            await asyncio.to_thread(server.start)
        return confirmed, times, list(await asyncio.gather(*raters))


def check(folder: Path, confirmed: Confirmed, counts: list[int]) -> None:
    answers = Answers(read_test(folder), create=False)
    with answers.store.read() as db:
        rows = db.execute("SELECT trial, question, value FROM answers").fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        done = db.execute("SELECT count(*) FROM raters WHERE stage = 'done'").fetchone()[0]
        assert db.execute("SELECT count(*) FROM raters").fetchone()[0] == RATERS
    stored = {(row["trial"], row["question"]): row["value"] for row in rows}
    assert len(stored) == len(rows) and stored == confirmed
    assert done == RATERS and counts == [17] * RATERS, "15 trials and two repeats each"
    answers.close()


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine comes to, in a thread of its own: browser tests leave a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def test_fifty_raters_at_once(folder: Path) -> None:
    with served(folder) as server:
        confirmed, times, counts = run(all_rate(server))
    check(folder, confirmed, counts)
    times.sort()
    p95 = times[int(0.95 * len(times))]
    print(f"saving an answer: median {1000 * times[len(times) // 2]:.0f} ms, 95% below {1000 * p95:.0f} ms")


def test_a_server_that_is_killed_again_and_again_loses_no_confirmed_answer(folder: Path) -> None:
    with served(folder) as server:
        confirmed, _, counts = run(all_rate(server, kills=KILLS))
    check(folder, confirmed, counts)


def test_a_second_server_on_one_test_is_refused(folder: Path) -> None:
    with served(folder):
        verb = [sys.executable, "-m", "counterpoint", "listen", "serve", str(folder), "--port", "0"]
        second = subprocess.run(verb, capture_output=True, text=True, timeout=300, check=False)
    assert second.returncode == 2 and "Another server is using" in second.stderr
