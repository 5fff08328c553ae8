"""Whose turn it is, and what becomes of jobs: waiting, done, cancelled, failed, interrupted."""

from __future__ import annotations

from starlette.testclient import TestClient
from tests.studio.conftest import AR, FM, ask, build, finished, held, until

from counterpoint.studio import states
from counterpoint.studio.app import studio_app
from counterpoint.studio.queue import MOST_WAITING
from counterpoint.studio.requests import MusicRequest


def asked(studio, owner, *, seed=0, models=(AR,)):
    return studio.add_request(
        MusicRequest(models=list(models), caption="piano", duration_s=1.0, seed=seed), owner=owner
    )


def states_of(studio, piece):
    return [job["state"] for job in studio.library.piece(piece["id"])["jobs"]]


def test_those_who_wait_are_served_in_turn(studio):
    studio.queue._thread.start()
    with held(studio) as gate:
        first = asked(studio, "ann", seed=1)
        until(lambda: states_of(studio, first), lambda found: found == [states.DRAWING] or found == [states.LOADING])
        pieces = [first, asked(studio, "ann", seed=2), asked(studio, "ann", seed=3), asked(studio, "bob", seed=4)]
        waiting = [job.owner for job in studio.queue.order()]
        assert waiting == ["bob", "ann", "ann"]
        gate.set()
        for piece in pieces:
            until(lambda piece=piece: states_of(studio, piece), lambda found: found == [states.DONE])
    served = [recipe["seed"] for job in studio.drawer.served for recipe in job["recipes"]]
    assert served == [1, 4, 2, 3]
    studio.queue.close()


def test_ten_people_are_all_served_and_each_sees_own_pieces(studio):
    studio.queue._thread.start()
    pieces = {f"visitor {index}": asked(studio, f"visitor {index}", seed=index) for index in range(10)}
    for owner, piece in pieces.items():
        until(lambda piece=piece: states_of(studio, piece), lambda found: found == [states.DONE])
        assert [found["id"] for found in studio.library.pieces(owner)] == [piece["id"]]
    assert [recipe["seed"] for job in studio.drawer.served for recipe in job["recipes"]] == list(range(10))
    studio.queue.close()


def test_paradigms_take_turns_and_get_the_same_seed(client):
    piece = finished(client, ask(client, models=[AR, FM], takes=2, seed=5)["id"])
    assert [job["model"] for job in piece["jobs"]] == [AR, FM]
    assert [[take["seed"] for take in job["takes"]] for job in piece["jobs"]] == [[5, 6], [5, 6]]


def test_a_job_that_waits_or_is_drawn_can_be_cancelled(client, studio):
    with held(studio):
        first, second = ask(client), ask(client)
        until(lambda: client.get(f"/api/jobs/{first['jobs'][0]['id']}").json()["state"], lambda s: s != states.QUEUED)
        waiting = client.get(f"/api/jobs/{second['jobs'][0]['id']}").json()
        assert waiting["state"] == states.QUEUED and waiting["ahead"] == 1 and waiting["left_s"] > 0
        for piece in (second, first):
            assert client.delete(f"/api/jobs/{piece['jobs'][0]['id']}").status_code == 200
        for piece in (first, second):
            assert finished(client, piece["id"])["jobs"][0]["state"] == states.CANCELLED
    assert finished(client, ask(client)["id"])["jobs"][0]["state"] == states.DONE  # and the next one is made


def test_a_failed_job_says_why_and_can_be_repeated(client, studio):
    studio.drawer.fails = "There is not enough memory for this; request less music."
    job = finished(client, ask(client)["id"])["jobs"][0]
    assert job["state"] == states.FAILED and job["message"] == studio.drawer.fails
    studio.drawer.fails = ""
    assert client.post(f"/api/jobs/{job['id']}/repeat").status_code == 200
    again = finished(client, job["piece"])["jobs"][0]
    assert again["state"] == states.DONE and len(again["takes"]) == 1 and not again["message"]


def test_a_job_that_is_being_made_is_not_repeated(client, studio):
    with held(studio):
        answer = client.post(f"/api/jobs/{ask(client)['jobs'][0]['id']}/repeat")
        assert answer.status_code == 409 and "still running" in answer.json()["error"]


def test_the_queue_is_bounded(client, studio):
    with held(studio):
        for _ in range(MOST_WAITING):
            ask(client)
        answer = client.post("/api/pieces", json={"models": [AR], "caption": "one too many"})
        assert answer.status_code == 429 and "waiting already" in answer.json()["error"]


def test_what_was_open_when_the_studio_ended_is_interrupted_and_can_be_repeated(tmp_path):
    studio = build(tmp_path / "studio")
    with held(studio), TestClient(studio_app(studio)) as client:
        piece = ask(client, models=[AR, FM], seed=3)
        until(lambda: len(studio.drawer.served), lambda count: count == 1)
    again = build(tmp_path / "studio")
    with TestClient(studio_app(again)) as client:
        jobs = client.get(f"/api/pieces/{piece['id']}").json()["jobs"]
        assert [job["state"] for job in jobs] == [states.INTERRUPTED] * 2
        for job in jobs:
            client.post(f"/api/jobs/{job['id']}/repeat")
        assert [job["state"] for job in finished(client, piece["id"])["jobs"]] == [states.DONE] * 2


def test_a_piece_that_is_deleted_while_it_is_made_leaves_nothing(client, studio):
    with held(studio) as gate:
        piece = ask(client)
        until(lambda: len(studio.drawer.served), lambda count: count == 1)
        assert client.delete(f"/api/pieces/{piece['id']}").status_code == 204
        gate.set()
    finished(client, ask(client)["id"])
    assert client.get(f"/api/pieces/{piece['id']}").status_code == 404
    assert len(list(studio.library.sounds.iterdir())) == 1
