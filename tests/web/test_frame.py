"""The frame of web applications: guarded, offline, with errors that people can read."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from counterpoint.config import UserError
from counterpoint.web import Pages, WebError, create_app, lock_folder, open_socket
from counterpoint.web.app import STATIC


def _pages(tmp_path: Path) -> Pages:
    (tmp_path / "hello.html").write_text('{% extends "frame.html" %}{% block body %}<p>{{ who }}</p>{% endblock %}')
    return Pages(tmp_path)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    pages = _pages(tmp_path)

    def hello(request: Request) -> Response:
        return pages.render(request, "hello.html", who="<script>alert(1)</script>")

    async def echo(request: Request) -> Response:
        return JSONResponse({"got": len(await request.body())})

    def fail(request: Request) -> Response:
        kind = request.path_params["kind"]
        errors = {
            "user": UserError("The clip is missing."),
            "web": WebError(409, "It was answered already."),
            "full": sqlite3.OperationalError("database or disk is full"),
            "bug": ZeroDivisionError(),
        }
        raise errors[kind]

    routes = [
        Route("/hello", hello),
        Route("/api/echo", echo, methods=["POST"]),
        Route("/api/fail/{kind}", fail),
        Route("/fail/{kind}", fail),
    ]
    return TestClient(create_app(routes, max_body=1000), raise_server_exceptions=False)


def test_pages_escape_and_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/hello")
    assert "&lt;script&gt;alert(1)" in page.text and "<script>alert" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy and "unsafe-eval" not in policy and "script-src 'self';" in policy
    assert page.headers["x-content-type-options"] == "nosniff"
    nonce = re.search(r'name="csp-nonce" content="([^"]+)"', page.text)
    assert nonce and f"'nonce-{nonce[1]}'" in policy
    assert nonce[1] not in client.get("/hello").text, "every answer has its own"


@pytest.mark.parametrize("file", ["look.css", "base.css", "player.js", "vendor/wavesurfer/LICENSE", "icon.svg"])
def test_static_files_of_the_package_are_served(client: TestClient, file: str) -> None:
    assert client.get(f"/static/{file}").status_code == 200


def test_what_is_vendored_comes_with_its_licence_and_no_address_is_fetched() -> None:
    assert "BSD 3-Clause" in (STATIC / "vendor/wavesurfer/LICENSE").read_text()
    for path in [*STATIC.glob("*.js"), *STATIC.glob("*.css")]:
        assert not re.search(r"https?://(?!www\.w3\.org)", path.read_text(encoding="utf-8")), path


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::", ""])
def test_foreign_hosts_are_refused(client: TestClient, host: str) -> None:
    answer = client.get("/hello", headers={"host": host})
    assert answer.status_code == 403 and "does not accept requests" in answer.text


def test_other_sites_cannot_send_anything(client: TestClient) -> None:
    good = {"origin": "http://testserver"}
    assert client.post("/api/echo", content=b"abc", headers=good).json() == {"got": 3}
    assert client.post("/api/echo", content=b"abc").json() == {"got": 3}, "a program that is no browser"
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        answer = client.post("/api/echo", content=b"abc", headers=headers)
        assert answer.status_code == 403 and "only accepted from pages" in answer.json()["error"]


def test_bodies_have_a_limit_also_without_a_length(client: TestClient) -> None:
    assert client.post("/api/echo", content=b"x" * 1001).status_code == 413
    assert client.post("/api/echo", content=iter([b"x" * 600] * 3)).status_code == 413


def test_errors_are_sentences_for_scripts_and_for_people(client: TestClient) -> None:
    answers = {kind: client.get(f"/api/fail/{kind}") for kind in ("user", "web", "full", "bug")}
    assert {kind: answer.status_code for kind, answer in answers.items()} == {
        "user": 400,
        "web": 409,
        "full": 507,
        "bug": 500,
    }
    assert answers["user"].json()["error"] == "The clip is missing."
    assert "disk" in answers["full"].json()["error"]
    page = client.get("/fail/web", headers={"accept": "text/html"})
    assert "<h1>" in page.text and "It was answered already." in page.text
    assert "does not exist" in client.get("/nowhere", headers={"accept": "text/html"}).text


def test_a_port_in_use_is_said_so() -> None:
    with open_socket("127.0.0.1", 0) as first, pytest.raises(UserError, match="in use"):
        open_socket("127.0.0.1", first.getsockname()[1])
    with pytest.raises(UserError, match="cannot be opened"):
        open_socket("127.0.0.1", 70_000)


def test_one_server_a_folder(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(UserError, match="Another server"), lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass
