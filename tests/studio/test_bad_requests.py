"""Sixty requests that nobody should send: each is refused by one sentence, and none of them shakes the studio."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.studio.conftest import AR, FM, ask, finished

HALF = '{"models": ["pocket_autoregressive"], "caption": "\\ud800"}'
HUGE = "9" * 5000
ASKS: list[Any] = [
    *("", "{", "[]", "null", "5", '"x"', "{" * 100_000, b"\xff\xfe", HALF, '{"models": NaN}', f'{{"seed": {HUGE}}}'),
    {},
    *({"models": value} for value in ([], "x", [5], [""], ["nope"], ["../../etc"], [AR] * 9, ["x" * 10**5], None)),
    *({"duration_s": value} for value in (0, -1, 1e9, "long", True, None, [])),
    *({"seed": value} for value in (-1, 2**63, 1.5, "x", True)),
    *({"takes": value} for value in (0, 9, 10**30, "x")),
    *({"caption": value} for value in (5, "x" * 2001, ["x"], "a\0b", "\x1b[31mred")),
    *({"sampling": value} for value in ([], {AR: 5}, {AR: {"steps": 4}}, {AR: {"top_k": -1}}, {AR: {"x": 1}})),
    *({"chords": value} for value in ("Hx:0", "C:nan", "C:0 " * 2000, 5)),
    *({"melody": value} for value in ("nope", "../in.mid", "x" * 65, 5)),
    *(
        {"notes": value}
        for value in ([[0, 1]], [[0, -1, 60]], [[0, 1, 128]], [[1, 0, 60]], [[0, 1e30, 60]], [["a"] * 3])
    ),
    *({"grid": value} for value in ({}, {"rows": {}}, {"rows": {"gong": [1]}}, {"rows": {"kick": [2]}})),
    {"grid": {"bpm": 1e9, "rows": {"kick": [1]}}},
    {"grid": {"rows": {"kick": [1], "hat": [1, 0]}}},
    *({"kind": value} for value in ("edit", 5, "inpaint", "continue")),
    {"kind": "inpaint", "take": "nope", "spans": [[0, 1]]},
    *({"kind": "inpaint", "spans": value} for value in ([[0, 1e9]], [[-2, -1]], [[1, 0]], [["a", "b"]], [[0]], 5)),
    *({"sampling": {FM: {}}}, {"methods": {FM: "supervised"}}, {"spans": [[0, 1]]}, {"side": "start"}, {"take": "x"}),
    {"melody": "x", "notes": [[0, 1, 60]]},
    {"drums": "x", "grid": {"rows": {"kick": [1]}}},
    {"unknown": 1},
]
OTHERS = [
    ("POST", "/api/chart", {"chords": 5}),
    ("POST", "/api/chart", '{"chords": "\\udfff"}'),
    ("POST", "/api/estimate", {"models": [FM], "spans": [[1, 0]], "kind": "inpaint", "takes": -1}),
    ("POST", "/api/tests", {"title": "", "items": [["a", "b"]]}),
    ("POST", "/api/tests", {"title": "x", "items": [["a", "b"]]}),
    ("POST", "/api/tests", {"title": "\x00", "items": []}),
    ("PATCH", "/api/pieces/{piece}", '{"title": "\\ud83d"}'),
    ("PATCH", "/api/pieces/{piece}", {"title": "x" * 201}),
    ("PATCH", "/api/pieces/{piece}", {"starred": "perhaps"}),
    ("PATCH", "/api/pieces/nope", {"starred": True}),
    ("GET", "/api/pieces?before=soon", None),
    ("GET", "/api/pieces/%00", None),
    ("GET", "/api/jobs/..%2f..", None),
    ("GET", "/api/takes/nope/sound", None),
    ("GET", "/api/takes/{take}/sound?as=exe", None),
    ("GET", "/shared/nope", None),
    ("DELETE", "/api/pieces/nope/link", None),
    ("PUT", "/api/pieces", {}),
    ("POST", "/api/files?for=lunch", {}),
    ("POST", "/api/files", "not a form"),
]


def test_what_cannot_be_asked_is_one_sentence(client: TestClient, caplog: pytest.LogCaptureFixture):
    piece = finished(client, ask(client)["id"])
    places = {"piece": piece["id"], "take": piece["jobs"][0]["takes"][0]["id"]}
    asks = [
        ("POST", "/api/pieces", {"models": [AR], **each} if isinstance(each, dict) and each else each) for each in ASKS
    ]
    assert len(asks) + len(OTHERS) > 60
    shaken = []
    with caplog.at_level(logging.ERROR):
        for method, path, body in (*asks, *OTHERS):
            content = json.dumps(body) if isinstance(body, dict) else body
            answer = client.request(method, path.format(**places), content=content)
            said = answer.json().get("error", "") if answer.status_code >= 400 else ""
            if not (answer.status_code < 500 and 10 < len(said) < 2000 and "\n" not in said):
                shaken.append(f"{method} {path} {str(body)[:80]}: {answer.status_code} {answer.text[:200]}")
    assert not shaken, "\n".join(shaken)
    assert not caplog.records, caplog.records[0].getMessage()
    assert client.get("/api/pieces").json()["pieces"] == [piece]
    assert finished(client, ask(client, seed=1)["id"])["jobs"][0]["state"] == "done"
