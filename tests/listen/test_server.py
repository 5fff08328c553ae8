"""The server of a listening test: nothing lost, nothing told, nothing forged."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from counterpoint.config import UserError, read_json, write_json
from counterpoint.listen.answers import Answers
from counterpoint.listen.folder import read_test
from counterpoint.listen.judgments import read_judgments, read_raters
from counterpoint.listen.results import raw_csv
from counterpoint.listen.server import create_server, own_hosts
from counterpoint.web.store import _PRAGMAS

New = Callable[..., Path]


class Site:
    """A served test, and a clock that can be put forward."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.test = read_test(folder)
        self.answers = Answers(self.test)
        self.client = TestClient(create_server(self.test, self.answers), raise_server_exceptions=False)
        self.now = 1_000.0
        monkeypatch.setattr("counterpoint.listen.answers.time.time", lambda: self.now)

    def enter(self, platform_id: str = "") -> str:
        return self.client.post("/api/enter", json={"platform_id": platform_id}).json()["token"]

    def ready(self, platform_id: str = "") -> str:
        """A rater before the first trial."""
        token = self.enter(platform_id)
        self.answers.check_headphones(token, self.answers.headphone_key(token))
        return token

    def state(self, token: str) -> dict[str, Any]:
        return self.client.get(f"/api/r/{token}").json()

    def body(self, trial: dict[str, Any], value: int = 3) -> dict[str, Any]:
        clips = [clip for clip in trial["clips"] if not clip["is_reference"]]
        versions = range(1 if trial["presentation"] == "pair" else len(clips))
        answers = [
            {"version": version, "question": question["id"], "value": min(value, question["high"])}
            for version in versions
            for question in trial["questions"]
        ]
        return {"answers": answers, "heard": [1.0] * len(clips), "plays": [1] * len(clips)}

    def put(self, token: str, trial: str, body: dict[str, Any]) -> Any:
        return self.client.put(f"/api/r/{token}/trials/{trial}", json=body)

    def rate_all(self, token: str) -> int:
        """Answer every trial; returns how many there were."""
        count = 0
        while (state := self.state(token))["stage"] == "trials":
            self.now += 100
            answer = self.put(token, state["trial"]["id"], self.body(state["trial"], 1 + count % 3))
            assert answer.status_code == 200, answer.text
            count += 1
        return count


@pytest.fixture
def serve(new_test: New, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def start(**options: Any) -> Site:
        sites.append(Site(new_test(**options), monkeypatch))
        return sites[-1]

    yield start
    for site in sites:
        site.answers.close()


@pytest.mark.parametrize(("design", "trials"), [("ratings", 21), ("mos", 23), ("ab", 16), ("mushra", 4)])
def test_a_rater_goes_from_consent_to_the_end(serve: Callable[..., Site], design: str, trials: int) -> None:
    site = serve(design=design)
    page = site.client.get("/?PROLIFIC_PID=abc").text
    assert site.test.design.title in page and "{minutes}" not in page
    token = site.enter("abc")
    assert site.state(token) == {"stage": "headphones", "tries": 0}
    right = site.client.post(f"/api/r/{token}/headphones", json={"chosen": site.answers.headphone_key(token)}).json()
    assert right["stage"] == "trials" and right["trial"]["kind"] == "practice"
    assert site.rate_all(token) == trials
    assert site.state(token)["stage"] == "comment"
    done = site.client.post(f"/api/r/{token}/finish", json={"comment": "Nice <b>music</b>"}).json()
    assert done == {"stage": "done", "tries": 1, "code": "", "url": ""}
    (rater,) = read_raters(site.answers)
    assert (rater.stage, rater.headphones, rater.comment) == ("done", 6, "Nice <b>music</b>")
    rated = [each for each in read_judgments(site.answers) if each.phase == "trial"]
    systems = len(site.test.contestants) if design == "ab" else len(site.test.systems)
    expected = {"ratings": 2 * 3 * systems, "mos": 3 * systems, "ab": 3 * 3, "mushra": 3 * systems}[design]
    assert len(rated) == expected


def test_what_the_browser_gets_tells_no_system(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready()
    state = json.dumps(site.state(token))
    for name in (*site.test.systems, "check", "repeat", "check-1"):
        assert f'"{name}"' not in state, name
    for name in (*site.test.key.names.values(), *site.test.key.files, "inversion", "low_pass"):
        assert name not in state, name
    trial = site.state(token)["trial"]
    headers = []
    while (state := site.state(token))["stage"] == "trials":
        trial = state["trial"]
        sound = site.client.get(trial["clips"][0]["url"])
        assert sound.status_code == 200 and sound.content[:4] == b"RIFF"
        told = {"content-length", "etag", "last-modified", "content-type"}
        headers.append({name: value for name, value in sound.headers.items() if name in told})
        site.now += 100
        site.put(token, trial["id"], site.body(trial))
    assert all(each == headers[0] for each in headers), "size, date and tag are alike"


def test_the_same_answer_again_is_confirmed_and_another_refused(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready()
    trial = site.state(token)["trial"]
    site.now += 100
    for _ in range(3):
        assert site.put(token, trial["id"], site.body(trial)).json() == {"saved": True}
    other = site.put(token, trial["id"], site.body(trial, 4))
    assert other.status_code == 409 and "first answer stands" in other.json()["error"]
    with site.answers.store.read() as db:
        assert db.execute("SELECT count(*), sum(value) FROM answers").fetchone()[:] == (2, 6.0)


def test_answers_are_checked(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready()
    trial = site.state(token)["trial"]
    good = site.body(trial)
    early = site.put(token, trial["id"], good)
    assert early.status_code == 422 and "before the clip could have been heard" in early.json()["error"]
    site.now += 100
    unheard = site.put(token, trial["id"], {**good, "heard": [0.5]})
    assert unheard.status_code == 422 and "whole clip" in unheard.json()["error"]
    first, second = good["answers"]
    bad = [
        [first],
        [first, first],
        [first, {**second, "value": 11}],
        [first, {**second, "value": 0}],
        [first, {**second, "value": 2.5}],
        [first, {**second, "question": "beauty"}],
        [first, {**second, "version": 1}],
        [first, {**second, "value": "many"}],
        [first, 7],
    ]
    for answers in bad:
        refused = site.put(token, trial["id"], {**good, "answers": answers})
        assert refused.status_code == 400 and refused.json()["error"].endswith("."), answers
    nan = json.dumps({**good, "answers": [first, {**second, "value": float("nan")}]})
    assert site.client.put(f"/api/r/{token}/trials/{trial['id']}", content=nan).status_code == 400
    assert site.client.put(f"/api/r/{token}/trials/{trial['id']}", content="{").status_code == 400
    assert not read_judgments(site.answers)
    assert site.put(token, trial["id"], good).status_code == 200


def test_forged_tokens_and_the_trials_of_others_are_refused(serve: Callable[..., Site]) -> None:
    site = serve()
    mine, other = site.ready(), site.ready()
    trial = site.state(mine)["trial"]
    site.now += 100
    assert site.put(other, trial["id"], site.body(trial)).status_code == 404
    assert site.client.get(trial["clips"][0]["url"].replace(mine, other)).status_code == 404
    for path in ("/r/forged", "/api/r/forged", "/r/forged/level", "/r/forged/headphones/0"):
        answer = site.client.get(path)
        assert answer.status_code == 404 and "no rater of this test" in answer.text
    for version in ("5", "-1", "..%2f..%2fkey.json", "reference", "x" * 5000):
        assert site.client.get(f"/r/{mine}/audio/{trial['id']}/{version}").status_code in (404, 422)
    assert site.client.get(f"/r/{mine}/headphones/6").status_code == 404


def test_a_link_with_an_id_leads_back_to_the_same_rater(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready("abc")
    assert site.enter("abc") == token and site.enter("other") != token
    again = site.client.get("/?PROLIFIC_PID=abc&STUDY_ID=1", follow_redirects=False)
    assert again.status_code == 303 and again.headers["location"] == f"/r/{token}"
    first = site.state(token)["trial"]["id"]
    assert site.state(token)["trial"]["id"] == first, "a reload shows the same trial"


def test_invited_raters_alone(serve: Callable[..., Site], new_test: New, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_test("invited")
    (folder / "test.yaml").write_text((folder / "test.yaml").read_text().replace("entry: open ", "entry: invited "))
    site = Site(folder, monkeypatch)
    assert site.client.get("/").status_code == 403
    assert site.client.post("/api/enter", json={"platform_id": ""}).status_code == 403
    first, second = site.answers.invite(2)
    assert site.state(first)["stage"] == "invited" and first != second
    assert site.client.post(f"/api/r/{first}/agree", json={}).json()["stage"] == "headphones"
    assert not [rater for rater in read_raters(site.answers) if rater.stage == "invited"], (
        "who has not agreed is no rater"
    )


def test_the_headphone_check_has_two_tries(
    serve: Callable[..., Site], new_test: New, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = serve()
    token = site.enter()
    wrong = [(place + 1) % 3 for place in site.answers.headphone_key(token)]
    assert site.client.post(f"/api/r/{token}/headphones", json={"chosen": wrong}).json()["tries"] == 1
    key = site.answers.headphone_key(token)
    again = site.client.post(f"/api/r/{token}/headphones", json={"chosen": [(k + 1) % 3 for k in key]}).json()
    assert again["stage"] == "trials", "the result is recorded, and screening decides"
    folder = new_test("strict")
    text = (folder / "test.yaml").read_text()
    (folder / "test.yaml").write_text(text.replace("headphones: asked ", "headphones: required "))
    strict = Site(folder, monkeypatch)
    token = strict.enter()
    for _ in range(2):
        key = strict.answers.headphone_key(token)
        last = strict.client.post(f"/api/r/{token}/headphones", json={"chosen": [(k + 1) % 3 for k in key]}).json()
    assert last["stage"] == "failed"
    assert strict.client.post(f"/api/r/{token}/headphones", json={"chosen": [0]}).status_code == 400


def test_deleting_a_rater_leaves_nothing(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready("abc-secret-id")
    other = site.ready("other")
    site.rate_all(token)
    assert site.client.post(f"/api/r/{token}/withdraw").json() == {"deleted": True}
    assert site.client.get(f"/api/r/{token}").status_code == 404
    assert [rater.platform_id for rater in read_raters(site.answers)] == ["other"]
    assert not read_judgments(site.answers)
    files = [*site.test.folder.glob("answers.db*")]
    assert files and not any(b"abc-secret-id" in path.read_bytes() for path in files)
    assert site.answers.delete("other") and not site.answers.delete("other") and not site.answers.delete("")
    assert site.client.get(f"/api/r/{other}").status_code == 404


def test_raw_answers_have_platform_ids_only_when_asked(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready("secret-7")
    site.rate_all(token)
    assert "secret-7" not in raw_csv(site.answers) and "secret-7" in raw_csv(site.answers, with_ids=True)
    header, *rows = raw_csv(site.answers).splitlines()
    assert header.startswith("rater,trial,phase,item,system,question,value") and len(rows) == 2 * (15 + 2 + 2)


def test_an_id_is_no_formula_in_a_spreadsheet(serve: Callable[..., Site]) -> None:
    site = serve()
    site.rate_all(site.ready("=HYPERLINK(1)"))
    assert all(row.endswith(",'=HYPERLINK(1)") for row in raw_csv(site.answers, with_ids=True).splitlines()[1:])


def test_a_clip_that_cannot_be_played_is_skipped(serve: Callable[..., Site]) -> None:
    site = serve()
    token = site.ready()
    first = site.state(token)["trial"]["id"]
    assert site.client.post(f"/api/r/{token}/trials/{first}/skip", json={"reason": "audio failed"}).status_code == 200
    assert site.state(token)["trial"]["id"] != first
    assert site.rate_all(token) == 20


def test_captions_are_text_and_nothing_else(new_test: New, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = new_test("hostile")
    text = (folder / "test.yaml").read_text()
    (folder / "test.yaml").write_text(text.replace("title: How", "title: </script><script>alert(1)</script> How"))
    site = Site(folder, monkeypatch)
    page = site.client.get("/").text
    assert "<script>alert" not in page and page.count("</script>") == 2


def test_a_test_that_was_changed_after_answers_is_refused(serve: Callable[..., Site]) -> None:
    site = serve()
    path = site.test.folder / "test.yaml"
    path.write_text(path.read_text().replace("repeats: 2 ", "repeats: 1 "))
    Answers(read_test(site.test.folder)).close()  # nobody has entered yet
    path.write_text(path.read_text().replace("repeats: 1 ", "repeats: 2 "))
    site.enter()
    path.write_text(path.read_text().replace("seamless", "smooth"))
    with pytest.raises(UserError, match="changed after 1 raters had entered"):
        Answers(read_test(site.test.folder))


def test_missing_and_changed_clips_are_named(new_test: New) -> None:
    folder = new_test()
    test = read_test(folder)
    test.check_files()
    clip = folder / test.manifest.items[0].files[0].file
    content = clip.read_bytes()
    clip.write_bytes(content[:-2] + b"ab")
    with pytest.raises(UserError, match="was changed after the test was made"):
        test.check_files()
    clip.unlink()
    with pytest.raises(UserError, match=rf"{clip.name} is missing"):
        test.check_files()
    manifest = read_json(folder / "manifest.json")
    del manifest["items"][0]["files"]
    write_json(folder / "manifest.json", manifest)
    with pytest.raises(UserError, match=r"damaged at items.0.files"):
        read_test(folder)
    with pytest.raises(UserError, match="is not a listening test"):
        read_test(folder.parent)


def test_a_full_disk_is_said_so_and_loses_nothing_that_was_confirmed(
    serve: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    # a limit on the database's pages makes SQLite answer as on a full disk
    monkeypatch.setattr("counterpoint.web.store._PRAGMAS", (*_PRAGMAS, "max_page_count = 16"))
    site = serve()
    confirmed, tokens = 0, []
    while True:
        answer = site.client.post("/api/enter", json={"platform_id": ""})
        if answer.status_code != 200:
            break
        tokens.append(answer.json()["token"])
    assert answer.status_code == 507 and "disk of the server is full" in answer.json()["error"]
    assert tokens, "some fitted in"
    for token in tokens:
        site.answers.check_headphones(token, site.answers.headphone_key(token))
        trial = site.state(token).get("trial")
        site.now += 100
        confirmed += trial is not None and site.put(token, trial["id"], site.body(trial)).status_code == 200
    with site.answers.store.read() as db:
        assert db.execute("SELECT count(*) FROM answers").fetchone()[0] == 2 * confirmed
        assert db.execute("SELECT count(*) FROM raters").fetchone()[0] == len(tokens)


def test_raters_at_once_get_different_places_and_lose_nothing(serve: Callable[..., Site]) -> None:
    site = serve()
    tokens: list[str] = []

    def enter(number: int) -> None:
        tokens.append(site.answers.enter(platform_id=f"rater-{number % 8}"))

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(tokens) == 16 and len(set(tokens)) == 8, "the same id twice at once is one rater"
    with site.answers.store.read() as db:
        places = [row[0] for row in db.execute("SELECT place FROM raters ORDER BY place")]
    assert places == list(range(8))


def test_hosts_are_this_machine_s_unless_it_is_open_to_others() -> None:
    assert "127.0.0.1" in (own_hosts("127.0.0.1", "") or ())
    assert own_hosts("0.0.0.0", "") is None
    assert {"listen.example", "127.0.0.1"} <= set(own_hosts("127.0.0.1", "https://listen.example/") or ())


def test_serving_needs_no_torch() -> None:
    code = "import sys, counterpoint.listen.server; print('torch' in sys.modules, 'scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"], "a server starts in a moment, and takes little memory"
