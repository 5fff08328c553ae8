"""Takes that go from the studio into a listening test."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from tests.studio.conftest import AR, FM, ask, build, finished

from counterpoint.config import UserError
from counterpoint.listen.folder import read_test
from counterpoint.listen.from_studio import carry_out
from counterpoint.studio import studio as module
from counterpoint.studio.app import studio_app
from counterpoint.studio.worker import TaskError


class Task:
    def report(self, message) -> None: ...

    def check(self) -> None: ...


class Inline:
    """A worker in this process."""

    def __init__(self, carry_out, **options):
        self.carry_out = carry_out

    def run(self, asked):
        try:
            return self.carry_out(asked, Task())
        except UserError as error:
            raise TaskError(str(error)) from None

    def close(self) -> None: ...


@pytest.fixture
def client(tmp_path, monkeypatch):
    studio = build(tmp_path / "studio", tester=carry_out)
    monkeypatch.setattr(module, "Worker", Inline)
    with TestClient(studio_app(studio)) as client:
        client.studio = studio
        yield client


def takes_of(client, **fields) -> list[str]:
    piece = finished(client, ask(client, duration_s=3.0, **fields)["id"])
    return [take["id"] for job in piece["jobs"] for take in job["takes"]]


def test_pieces_of_two_models_become_a_test_of_preference(client):
    items = [takes_of(client, models=[AR, FM], caption=caption) for caption in ("calm piano", "loud drums")]
    made = client.post("/api/tests", json={"title": "AR against FM!", "items": items})
    assert made.status_code == 201, made.text
    assert made.json() == {
        "name": "ar-against-fm",
        "items": 2,
        "systems": [AR.replace("_", " "), FM.replace("_", " ")],
        "command": "counterpoint listen serve STUDIO/tests/ar-against-fm",
    }
    test = read_test(client.studio.library.tests / "ar-against-fm")
    assert test.design.design == "ab" and test.contestants == [AR, FM]
    assert [item.caption for item in test.manifest.items] == ["calm piano", "loud drums"]
    assert not list(client.studio.library.scratch.iterdir())
    again = client.post("/api/tests", json={"title": "AR against FM!", "items": items})
    assert again.json()["name"] == "ar-against-fm-2"


def test_two_takes_of_one_model_are_compared(client):
    made = client.post("/api/tests", json={"title": "Two", "items": [takes_of(client, takes=2)]})
    assert made.json()["systems"] == ["take-1", "take-2"]


@pytest.mark.parametrize(
    ("title", "pick", "said"),
    [
        ("x", lambda pair, two: [pair, two], "same models"),
        ("x", lambda pair, two: [pair[:1]], "items"),
        ("x", lambda pair, two: [["nothing", "here"]], "no such take"),
        ("", lambda pair, two: [pair], "title"),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(client, title, pick, said):
    items = pick(takes_of(client, models=[AR, FM]), takes_of(client, takes=2))
    refused = client.post("/api/tests", json={"title": title, "items": items})
    assert 400 <= refused.status_code < 500 and said in refused.json()["error"]


def test_takes_of_different_length_are_refused_without_a_path(client, tmp_path):
    short = takes_of(client)[0]
    long = finished(client, ask(client, duration_s=9.0, models=[FM])["id"])["jobs"][0]["takes"][0]["id"]
    refused = client.post("/api/tests", json={"title": "x", "items": [[short, long]]})
    assert refused.status_code == 400 and "differ in length" in refused.json()["error"]
    assert str(tmp_path) not in refused.text


def test_a_studio_without_listening_tests_says_so(tmp_path):
    with TestClient(studio_app(build(tmp_path))) as client:
        refused = client.post("/api/tests", json={"title": "x", "items": [["a", "b"]]})
    assert refused.status_code == 400 and "without support for listening tests" in refused.json()["error"]
