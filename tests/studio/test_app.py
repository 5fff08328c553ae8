"""The API: what is asked and given, kept and shared, and what is refused."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile

import numpy as np
import pytest
import soundfile
from starlette.testclient import TestClient
from tests.studio.conftest import AR, FM, RATE, ask, build, finished, held, tone, until

from counterpoint.studio.access import COOKIE
from counterpoint.studio.app import ENDPOINTS, studio_app


def wav_bytes(audio: np.ndarray, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, rate, format="WAV")
    return file.getvalue()


def given(client: TestClient, content: bytes, *, name: str = "in.wav", purpose: str = "music"):
    return client.post(f"/api/files?for={purpose}", files={"file": (name, content)})


def uploaded(client: TestClient, *, duration_s: float = 3.0) -> dict:
    """The take of music that was brought."""
    answer = given(client, wav_bytes(tone(duration_s)))
    assert answer.status_code == 201, answer.text
    return client.get(f"/api/pieces/{answer.json()['piece']}").json()["jobs"][0]["takes"][0]


def events_of(client: TestClient, path: str) -> list[tuple[str, dict]]:
    """(name, data) of server-sent events, to their end."""
    found, name = [], ""
    with client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                found.append((name, json.loads(line[6:])))
    return found


def test_about_names_models_settings_and_words(client):
    about = client.get("/api/about").json()
    assert [model["name"] for model in about["models"]] == [AR, FM]
    settings = {setting["name"]: setting for setting in about["models"][1]["settings"]}
    assert settings["steps"]["value"] == 14 and settings["steps"]["kind"] == "count"
    assert "euler" in settings["solver"]["choices"] and all(setting["text"] for setting in settings.values())
    assert "piano" in " ".join(about["words"]["instruments"])


def test_music_is_asked_for_followed_and_heard(client):
    piece = ask(client, models=[AR, FM], chords="C:0 Asus4:0.5", seed=7)
    assert piece["request"]["seed"] == 7 and [job["wanted"] for job in piece["jobs"]] == [1, 1]
    events = events_of(client, f"/api/jobs/{piece['jobs'][0]['id']}/events?after=0")
    assert events[-1][0] == "job" and events[-1][1]["state"] == "done"
    assert [name for name, _ in events].count("take") == 2  # as it came, and with what is heard in it
    take = finished(client, piece["id"])["jobs"][1]["takes"][0]
    assert take["heard"]["measures"][0]["share"] == 0.5
    answer = client.get(f"/api/takes/{take['id']}/sound", headers={"range": "bytes=0-99"})
    assert answer.status_code == 206 and len(answer.content) == 100
    audio, rate = soundfile.read(io.BytesIO(client.get(f"/api/takes/{take['id']}/sound").content))
    assert rate == RATE and len(audio) == RATE
    assert len(take["peaks"]) == 600 and max(take["peaks"]) == pytest.approx(0.3, abs=0.01)


def test_the_events_of_a_job_that_is_over_end_at_once(tmp_path):
    studio = build(tmp_path)
    with TestClient(studio_app(studio)) as client:
        job = finished(client, ask(client)["id"])["jobs"][0]
    with TestClient(studio_app(build(tmp_path))) as client:
        assert events_of(client, f"/api/jobs/{job['id']}/events") == [
            ("job", {"id": job["id"], "state": "done", "message": ""})
        ]


def test_a_take_is_given_as_flac_and_as_a_zip_with_its_request(client):
    take = finished(client, ask(client, seed=11)["id"])["jobs"][0]["takes"][0]
    wav, _ = soundfile.read(io.BytesIO(client.get(f"/api/takes/{take['id']}/sound").content), dtype="int16")
    flac = client.get(f"/api/takes/{take['id']}/sound?as=flac")
    assert "calm-piano-1.flac" in flac.headers["content-disposition"]
    assert (soundfile.read(io.BytesIO(flac.content), dtype="int16")[0] == wav).all()
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/takes/{take['id']}/zip").content)) as archive:
        assert sorted(archive.namelist()) == ["README.txt", "clip.wav", "request.json"]
        request = json.loads(archive.read("request.json"))
    assert request["model"] == AR and request["seed"] == 11 and request["kind"] == "generate"


def test_a_rate_that_flac_does_not_support_is_said(client, studio):
    answer = given(client, wav_bytes(tone(0.1, rate=800_000), rate=800_000))
    take = client.get(f"/api/pieces/{answer.json()['piece']}").json()["jobs"][0]["takes"][0]["id"]
    answer = client.get(f"/api/takes/{take}/sound?as=flac")
    assert answer.status_code == 400 and "FLAC does not support 800000 Hz" in answer.json()["error"]
    assert not list(studio.library.scratch.iterdir())


def test_an_edit_names_its_music_and_its_zip_carries_it(client):
    take = uploaded(client)
    piece = ask(
        client, kind="inpaint", take=take["id"], spans=[[1.0, 2.0]], takes=3, methods={FM: "gradient"}, models=[FM]
    )
    assert piece["parent"] == take["id"]
    made = finished(client, piece["id"])["jobs"][0]["takes"]
    assert [one["recipe"]["method"] for one in made] == ["gradient"] * 3
    with zipfile.ZipFile(io.BytesIO(client.get(f"/api/takes/{made[0]['id']}/zip").content)) as archive:
        request = json.loads(archive.read("request.json"))
        assert request["source"] == "source.wav" in archive.namelist()
        assert archive.read("source.wav") == client.get(f"/api/takes/{take['id']}/sound").content


def test_a_piano_roll_and_a_step_grid_become_files(client, studio):
    grid = {"bpm": 120, "rows": {"kick": [1, 0, 0, 0], "hat": [0, 0, 1, 0]}}
    piece = ask(client, notes=[[0, 0.5, 67], [0.5, 1, 69]], grid=grid)
    recipe = finished(client, piece["id"])["jobs"][0]["takes"][0]["recipe"]
    from counterpoint.generate.midi import load_midi

    (part,) = load_midi(studio.library.sounds / recipe["melody"]).instruments
    assert [(round(note.start, 3), round(note.end, 3), note.pitch) for note in part.notes] == [
        (0.0, 0.5, 67),
        (0.5, 1.0, 69),
    ]
    drums, _ = soundfile.read(studio.library.sounds / recipe["drums"])
    assert len(drums) == 32000 and np.abs(drums).max() > 0.1


def test_a_melody_and_a_loop_are_given_once_and_used_by_name(client):
    loop = given(client, wav_bytes(tone(2.0)), purpose="drums").json()
    assert loop["name"] == "in" and loop["duration_s"] == 2.0
    take = finished(client, ask(client, drums=loop["id"])["id"])["jobs"][0]["takes"][0]
    assert take["recipe"]["drums"].endswith(".wav")


def test_a_chart_is_read_before_it_is_asked_for(client):
    found = client.post("/api/chart", json={"chords": "120 bpm | C | Asus4 |"}).json()
    assert found["spans"] == [[0.0, 2.0, "C"], [2.0, 4.0, "A"]] and found["taken_for"] == {"Asus4": "A"}
    for bad in ("H:0", "C", "", "/etc/passwd", "C:9 D:1"):
        answer = client.post("/api/chart", json={"chords": bad})
        assert answer.status_code == 400 and answer.json()["error"].count(". ") == 0, answer.text


def test_the_history_is_searched_starred_renamed_and_paged(client):
    ids = [
        finished(client, ask(client, caption=f"piece {index} of {'jazz' if index % 2 else 'rock'}")["id"])["id"]
        for index in range(22)
    ]
    assert [piece["id"] for piece in client.get("/api/pieces").json()["pieces"]] == ids[::-1][:20]
    last = client.get("/api/pieces").json()["pieces"][-1]["created"]
    assert [piece["id"] for piece in client.get(f"/api/pieces?before={last!r}").json()["pieces"]] == ids[::-1][20:]
    assert len(client.get("/api/pieces?search=jazz 1").json()["pieces"]) == 7  # 1, 11, 13, 15, 17, 19, 21
    assert not client.get("/api/pieces?search=100%").json()["pieces"]
    changed = client.patch(f"/api/pieces/{ids[3]}", json={"starred": True, "title": "  My  tune "}).json()
    assert changed["title"] == "My tune"
    assert [piece["id"] for piece in client.get("/api/pieces?starred=1").json()["pieces"]] == [ids[3]]
    assert client.patch(f"/api/pieces/{ids[3]}", json={"title": ""}).status_code == 400


def test_pieces_survive_a_restart(tmp_path):
    with TestClient(studio_app(build(tmp_path))) as client:
        piece = finished(client, ask(client)["id"])
    with TestClient(studio_app(build(tmp_path))) as client:
        again = client.get(f"/api/pieces/{piece['id']}").json()
        assert again == piece
        assert client.get(f"/api/takes/{again['jobs'][0]['takes'][0]['id']}/sound").status_code == 200


def test_deleting_leaves_sound_that_others_need(client, studio):
    take = uploaded(client)
    edit = finished(client, ask(client, kind="continue", take=take["id"], models=[FM])["id"])
    assert client.delete(f"/api/pieces/{take['piece']}").status_code == 204
    made = edit["jobs"][0]["takes"][0]
    assert (studio.library.sounds / made["recipe"]["source"]).is_file()  # the zip of the edit holds it
    assert client.delete(f"/api/pieces/{edit['id']}").status_code == 204
    assert not list(studio.library.sounds.iterdir())


def test_storage_is_bounded(tmp_path):
    with TestClient(studio_app(build(tmp_path, limit_gb=1e-6))) as client:
        finished(client, ask(client)["id"])
        answer = client.post("/api/pieces", json={"models": [AR]})
        assert answer.status_code == 507 and "--storage-gb" in answer.json()["error"]


def test_a_link_shows_one_piece_and_can_be_taken_back(client):
    piece, other = finished(client, ask(client)["id"]), finished(client, ask(client)["id"])
    link = client.post(f"/api/pieces/{piece['id']}/link").json()["link"]
    token = link.rpartition("/")[2]
    assert client.get(link).status_code == 200
    (job,) = client.get(f"/shared/{token}").json()["jobs"]
    assert set(job["takes"][0]) <= {"id", "number", "duration_s", "peaks", "rms", "paradigm", "new"}
    assert client.get(f"/shared/{token}/{job['takes'][0]['id']}").status_code == 200
    assert client.get(f"/shared/{token}/{other['jobs'][0]['takes'][0]['id']}").status_code == 404
    assert client.delete(f"/api/pieces/{piece['id']}/link").status_code == 204
    assert client.get(f"/shared/{token}").status_code == 404


def test_sound_is_heard_while_it_is_made(client, studio):
    with held(studio) as gate:
        piece = ask(client)
        job = piece["jobs"][0]["id"]
        until(lambda: client.get(f"/api/jobs/{job}").json()["state"], lambda state: state != "queued")
        live = studio.queue.live[job]
        gate.set()
        finished(client, piece["id"])
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    async def read() -> bytes:
        return b"".join([part async for part in live.wav()])

    with ThreadPoolExecutor(1) as pool:  # tests in a browser leave a loop running in this thread
        content = pool.submit(asyncio.run, read()).result()
    assert content[:4] == b"RIFF" and len(content) == 44 + 2 * RATE
    assert client.get(f"/api/jobs/{job}/live.wav").status_code == 404  # it is over


# What is refused


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"models": ["pocket_x"]}, "no model"),
        ({"models": []}, "models"),
        ({"takes": 99}, "takes"),
        ({"duration_s": 1e9}, "duration_s"),
        ({"seed": -1}, "seed"),
        ({"kind": "paint"}, "kind"),
        ({"kind": "inpaint", "spans": [[0, 1]]}, "no music to edit"),
        ({"kind": "continue"}, "no music to edit"),
        ({"take": "nothing", "kind": "continue"}, "no such take"),
        ({"drums": "nothing"}, "no such file"),
        ({"chords": "Q:0"}, "Q"),
        ({"sampling": {AR: {"solver": "euler"}}}, "solver"),
        ({"grid": {"bpm": 120, "rows": {"cow bell": [1]}}}, "cow bell"),
        ({"grid": {"bpm": 120, "rows": {"kick": [0, 0]}}}, "step grid is empty"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(client, studio, fields, said):
    answer = client.post("/api/pieces", json={"models": [AR], **fields})
    assert 400 <= answer.status_code < 500
    assert said in answer.json()["error"] and str(studio.library.sounds) not in answer.text


def test_an_edit_needs_spans_in_order_and_a_method_that_is_known(client):
    take = uploaded(client)["id"]
    for fields, said in (
        ({"spans": []}, "no span"),
        ({"spans": [[2, 1]]}, "after its start"),
        ({"spans": [[0, 1], [2, 3.01]]}, "A span ends at 3.01 s, but the music lasts 3 s"),
        ({"spans": [[0, 1]], "side": "start"}, "side has no effect when kind is inpaint"),
        ({"spans": [[0, 1]], "methods": {AR: "gradient"}}, "no inpainting method"),
    ):
        answer = client.post("/api/pieces", json={"models": [AR], "kind": "inpaint", "take": take, **fields})
        assert answer.status_code == 400 and said in answer.json()["error"], answer.text


def test_sounds_that_were_removed_from_the_folder_are_missed(client, studio):
    piece = finished(client, ask(client, takes=2)["id"])
    takes = [take["id"] for take in piece["jobs"][0]["takes"]]
    link = client.post(f"/api/pieces/{piece['id']}/link").json()["link"]
    for sound in studio.library.sounds.iterdir():
        sound.unlink()
    edit = {"models": [AR], "kind": "continue", "take": takes[0]}
    answers = [
        *(client.get(f"/api/takes/{takes[0]}/{what}") for what in ("sound", "sound?as=flac", "zip")),
        client.get(f"/shared{link.removeprefix('/s')}/{takes[0]}"),
        client.post("/api/pieces", json=edit),
    ]
    for answer in answers:
        assert answer.status_code == 410 and "restore it, or delete the piece" in answer.json()["error"], answer.text
    assert client.delete(f"/api/pieces/{piece['id']}").status_code == 204


def test_a_file_name_becomes_a_title_of_one_line(client):
    names = {"  .wav": "Untitled file", "a\x1b[1m b.wav": "a [1m b", "é日本.wav": "é日本"}
    for name, title in names.items():
        assert given(client, wav_bytes(tone(0.2)), name=name).json()["name"] == title


def test_a_full_disk_is_a_sentence(client, studio, monkeypatch):
    def full(made):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(studio.library, "keep", full)
    answer = given(client, wav_bytes(tone(0.2)))
    assert answer.status_code == 507 and "disk of the server is full" in answer.json()["error"]
    assert not list(studio.library.scratch.iterdir())


def bad_files() -> list[tuple[str, bytes]]:
    """Thirty files that are no music, or none that can be used."""
    good = wav_bytes(tone(0.5))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.wav", good)
    random = np.random.default_rng(0)
    fuzzed = []
    for index in range(16):
        damaged = bytearray(good[:200])
        for place in random.integers(0, 44, size=12):
            damaged[place] = int(random.integers(0, 256))
        fuzzed.append((f"fuzzed-{index}.wav", bytes(damaged)))
    return [
        *fuzzed,
        ("empty.wav", b""),
        ("zip.wav", archive.getvalue()),
        ("text.wav", b"this is no music" * 50),
        ("header.wav", good[:44]),
        ("silent.wav", wav_bytes(np.zeros(RATE))),
        ("nan.wav", wav_bytes_float(np.full(RATE, np.nan))),
        ("channels.wav", wav_bytes(np.tile(tone(0.2)[:, None], 12))),
        ("html.mp3", b"<html><script>alert(1)</script></html>"),
        ("cut.flac", b"fLaC" + bytes(30)),
        ("ogg.ogg", b"OggS" + bytes(range(200))),
        ("program.exe", b"MZ" + bytes(100)),
        ("noname", good),
        ("../../etc/passwd", good),
        ("long.wav", wav_bytes(np.tile(tone(1.0, rate=100), 700), rate=100)),
    ]


def wav_bytes_float(audio: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio, RATE, format="WAV", subtype="FLOAT")
    return file.getvalue()


def test_thirty_bad_files_are_refused_in_one_sentence_each(client, studio):
    files = bad_files()
    assert len(files) == 30
    refused = 0
    for name, content in files:
        answer = given(client, content, name=name)
        if answer.status_code == 201:  # what a fuzzed byte left whole is music
            assert name.startswith("fuzzed")
            continue
        refused += 1
        said = answer.json()["error"]
        assert 400 <= answer.status_code < 500 and said.endswith(".") and len(said) < 400, said
        assert str(studio.library.sounds.parent) not in said and "Traceback" not in said
    assert refused >= 25
    assert not list(studio.library.scratch.iterdir())


def test_a_file_that_is_too_large_is_refused_before_it_is_read(client):
    answer = given(client, bytes(51_000_000))
    assert answer.status_code == 413 and "50 MB" in answer.json()["error"]


@pytest.mark.parametrize("content", [b"{", b"[]", b"null", b"\xff\xfe", b'{"models": 1}', b"[" * 100_000])
def test_what_is_no_request_is_one_sentence(client, content):
    answer = client.post("/api/pieces", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]


# How long it takes


def test_a_request_is_estimated_by_the_pace_of_each_model(client, studio):
    wanted = {"models": [AR, FM], "duration_s": 10, "takes": 2}
    studio.queue.pace = {AR: 0.5, FM: 2.0}
    first = client.post("/api/estimate", json=wanted).json()
    assert first == {"models": {AR: 10.0, FM: 40.0}, "ahead_s": 0.0, "total_s": 50.0}
    spans = {"kind": "inpaint", "models": [AR], "spans": [[1, 2], [4, 5.5]]}
    assert client.post("/api/estimate", json=spans).json()["total_s"] == 1.2
    with held(studio):
        ask(client, duration_s=20)
        assert client.post("/api/estimate", json=wanted).json()["ahead_s"] == pytest.approx(10, abs=1)


# Who comes in

TOKEN = "a long secret"


@pytest.fixture
def closed(tmp_path):
    with TestClient(studio_app(build(tmp_path), token=TOKEN), follow_redirects=False) as client:
        yield client


def test_without_the_token_nobody_comes_in(closed):
    for path in ("/", "/api/about", "/api/pieces", "/docs"):
        assert closed.get(path).status_code == 401
    assert closed.get("/?token=wrong").status_code == 401
    assert closed.get("/own/studio.css").status_code == 200


def test_a_browser_shows_the_token_once(closed):
    answer = closed.get(f"/?token={TOKEN}")
    assert answer.status_code == 303 and answer.headers["location"] == "/"
    assert "HttpOnly" in answer.headers["set-cookie"] and "SameSite=Strict" in answer.headers["set-cookie"]
    assert closed.get("/").status_code == 200
    forged = closed.cookies[COOKIE].replace(".", "0.")
    closed.cookies.clear()
    closed.cookies.set(COOKIE, forged)
    assert closed.get("/").status_code == 401


def test_a_form_asks_for_the_token(closed):
    page = {"accept": "text/html"}
    shown = closed.get("/", headers=page)
    assert shown.status_code == 401 and 'action="/enter"' in shown.text
    refused = closed.post("/enter", data={"token": "wrong"}, headers=page)
    assert refused.status_code == 401 and "This token is wrong" in refused.text
    assert closed.post("/enter", data={"token": TOKEN}, headers={"origin": "https://evil.example"}).status_code == 403
    entered = closed.post("/enter", data={"token": TOKEN}, headers=page)
    assert entered.status_code == 303 and entered.headers["location"] == "/"
    assert closed.get("/").status_code == 200


def test_a_script_sends_it_with_every_request(closed):
    assert closed.get("/api/pieces", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_visitors_do_not_see_each_other(closed):
    closed.get(f"/?token={TOKEN}")
    piece = finished(closed, ask(closed)["id"])
    closed.cookies.clear()
    closed.get(f"/?token={TOKEN}")
    assert closed.get("/api/pieces").json()["pieces"] == []
    take, job = piece["jobs"][0]["takes"][0]["id"], piece["jobs"][0]["id"]
    for path in (f"/api/pieces/{piece['id']}", f"/api/takes/{take}/sound", f"/api/jobs/{job}"):
        assert closed.get(path).status_code == 404
    assert closed.delete(f"/api/jobs/{job}").status_code == 404


def test_other_sites_and_names_are_refused(client):
    assert (
        client.post("/api/pieces", json={"models": [AR]}, headers={"origin": "https://evil.example"}).status_code == 403
    )
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403
    answer = client.get("/")
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["permissions-policy"].endswith("microphone=(self)")


def test_the_description_names_every_endpoint(client):
    described = client.get("/api/openapi.json").json()
    shown = [endpoint for endpoint in ENDPOINTS if endpoint.shown]
    assert sum(len(methods) for methods in described["paths"].values()) == len(shown)
    assert all(operation["summary"] for methods in described["paths"].values() for operation in methods.values())
    assert "models" in described["components"]["schemas"]["MusicRequest"]["properties"]
    page = client.get("/docs").text
    assert all(endpoint.path in page for endpoint in shown)
