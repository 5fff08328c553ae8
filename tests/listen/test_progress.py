"""The page of whoever runs a test: counts without means, exclusions with reasons, and closing to new raters."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.listen.test_server import Site

from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import read_test
from counterpoint.listen.progress import read_progress, watch_key
from counterpoint.listen.server import create_server

New = Callable[..., Path]


@pytest.fixture
def site(new_test: New, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    site = Site(new_test(), monkeypatch)
    yield site
    site.answers.close()


def test_counts_of_every_cell_are_those_of_raters_who_count(site: Site) -> None:
    assert read_progress(site.answers).raters == () and read_progress(site.answers).systems[0].kept == 0
    careless = site.ready("one")
    while (state := site.state(careless))["stage"] == "trials":
        site.now += 100
        assert site.put(careless, state["trial"]["id"], site.body(state["trial"], 10)).status_code == 200
    site.answers.finish(careless, "<b>nice</b>")
    site.enter("two")
    found = read_progress(site.answers)
    assert found.stages == {"done": 1, "headphones": 1}
    assert [person.number for person in found.raters] == [2, 1] and found.raters[0].is_active
    assert "all answers are the same" in found.raters[1].reasons
    assert [(each.rated, each.kept) for each in found.systems] == [(3, 0)] * 5
    assert [each.role for each in found.systems] == ["reference", "system", "system", "system", "anchor"]
    assert found.comments == ("<b>nice</b>",)
    assert found.raters_needed == -(-found.goal // 3)


def test_means_stay_hidden_and_strangers_see_nothing(site: Site) -> None:
    token = site.ready()
    site.rate_all(token)
    key = watch_key(site.answers)
    assert key == watch_key(site.answers)
    page = site.client.get(f"/watch/{key}")
    assert page.status_code == 200 and "watch.js" in page.text
    progress = site.client.get(f"/api/watch/{key}").json()
    assert "mean" not in json.dumps(progress) and token not in json.dumps(progress)
    rows = list(csv.DictReader(io.StringIO(site.client.get(f"/watch/{key}/answers.csv").text)))
    assert len(rows) > 30
    for path in ("/watch/wrong", "/api/watch/wrong", "/watch/wrong/answers.csv"):
        assert site.client.get(path).status_code == 404
    assert site.client.post("/api/watch/wrong/entry", json={"opens": False}).status_code == 404


def test_a_closed_test_takes_no_new_raters_and_lets_the_others_finish(site: Site) -> None:
    token = site.ready("known")
    entry = f"/api/watch/{watch_key(site.answers)}/entry"
    assert site.client.post(entry, json={"opens": "no"}).status_code == 400
    assert site.client.post(entry, content=b"[").status_code == 400
    assert site.client.post(entry, json={"opens": False}).json() == {"opens": False}
    assert not read_progress(site.answers).is_open
    refused = site.client.post("/api/enter", json={"platform_id": "new"})
    assert refused.status_code == 403 and "no new raters" in refused.json()["error"]
    assert site.client.get("/").status_code == 403
    assert site.enter("known") == token
    assert site.rate_all(token) > 15
    site.client.post(entry, json={"opens": True})
    assert site.client.post("/api/enter", json={"platform_id": "new"}).status_code == 200


def test_the_address_stays_after_a_restart(new_test: New) -> None:
    folder = new_test()
    keys = []
    for _ in range(2):
        answers = Answers(read_test(folder))
        with TestClient(create_server(answers.test, answers)):
            keys.append(watch_key(answers))
    assert keys[0] == keys[1] and len(keys[0]) > 20


def test_preferences_are_counted_for_both_sides(new_test: New, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(new_test(design="ab"), monkeypatch)
    site.rate_all(site.ready())
    found = read_progress(site.answers)
    assert {each.rated for each in found.systems if each.role == "system"} == {6}
    assert {each.rated for each in found.systems if each.role != "system"} == {0}
    site.answers.close()
