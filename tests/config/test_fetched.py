"""Fetched weights: from anywhere, whole or not at all, and known again."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from counterpoint.config import UserError, fetched
from counterpoint.config.fetched import digest_of, fetch

pytestmark = pytest.mark.usefixtures("judges_folder")

CONTENT = os.urandom(3_000_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `CONTENT` under any name but /none; breaks off after `most` bytes, and notes what was asked for."""

    most = len(CONTENT)
    knows_ranges = True
    ranges: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and self.server.knows_ranges else 0
        code = 404 if self.path == "/none" else 416 if start >= len(CONTENT) else 206 if start else 200
        self.send_response(code)
        body = CONTENT[start:] if code < 400 else b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.most])

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.ranges = []
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def url(server: Server, path: str = "/w.bin?download=1") -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_url_lands_in_the_cache_under_its_own_name(server: Server, judges_folder: Path) -> None:
    steps: list[tuple[float, float]] = []
    found = fetch("x", url(server), sha256=SHA.upper(), progress=lambda done, total: steps.append((done, total)))
    assert found.path == judges_folder / "x" / "w.bin" and found.path.read_bytes() == CONTENT
    assert found.sha256 == SHA and found.label == f"w.bin ({SHA[:8]})" and found.megabytes == 3.0
    assert fetched.fetched("x") == found
    assert steps == sorted(steps) and {total for _, total in steps} == {len(CONTENT)} and steps[-1][0] == len(CONTENT)


def test_a_download_that_broke_off_goes_on(server: Server, judges_folder: Path) -> None:
    server.most = 1_000_000
    with pytest.raises(UserError, match=r"broke off.*again to continue"):
        fetch("x", url(server))
    assert fetched.fetched("x") is None
    server.most = len(CONTENT)
    assert fetch("x", url(server)).path.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=1000000-"]
    assert [file.name for file in (judges_folder / "x").iterdir()] == ["w.bin"]


@pytest.mark.parametrize("length", [1_000_000, len(CONTENT) + 5])
def test_what_is_no_beginning_is_thrown_away(server: Server, judges_folder: Path, length: int) -> None:
    server.knows_ranges = length > len(CONTENT)  # one server starts again by itself, the other has to be asked
    (judges_folder / "x").mkdir()
    (judges_folder / "x" / "w.bin.part").write_bytes(bytes(length))
    assert fetch("x", url(server)).path.read_bytes() == CONTENT


def test_another_digest_is_not_taken(server: Server, judges_folder: Path) -> None:
    with pytest.raises(UserError, match=f"has the SHA-256 {SHA}, not {'0' * 64}"):
        fetch("x", url(server), sha256="0" * 64)
    assert fetched.fetched("x") is None and not any((judges_folder / "x").iterdir())


def test_what_the_check_refuses_is_not_taken(server: Server, tmp_path: Path) -> None:
    def refuse(path: Path) -> None:
        raise UserError(f"{path.name} is nothing.")

    local = tmp_path / "mine.bin"
    local.write_bytes(b"1")
    for source in (url(server), str(local)):
        with pytest.raises(UserError, match="is nothing"):
            fetch("x", source, check=refuse)
        assert fetched.fetched("x") is None
    assert local.exists()  # what is the user's stays


def test_what_cannot_be_reached_is_one_sentence(server: Server) -> None:
    with pytest.raises(UserError, match=r"/none is not available \(404 Not Found\)"):
        fetch("x", url(server, "/none"))
    with pytest.raises(UserError, match=r"cannot be reached .*--from"):
        fetch("x", "http://127.0.0.1:9/w.bin")


@pytest.mark.parametrize("source", ["http://[::1", "http://127.0.0.1:x/w.bin", "http://127.0.0.1:9/..", "http:///w"])
def test_an_address_of_another_form_is_one_sentence_and_leaves_nothing(source: str, judges_folder: Path) -> None:
    with pytest.raises(UserError, match="cannot be reached"):
        fetch("x", source)
    assert not [path for path in judges_folder.parent.rglob("*") if path.is_file()]


@pytest.mark.parametrize("source", ["./gone.pth", "gone.safetensors", "/no/such/folder", "a/b/c", "~/gone"])
def test_what_is_nowhere_is_one_sentence(source: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{source} is neither an existing path")):
        fetch("x", source)


def test_a_local_file_is_used_where_it_lies(tmp_path: Path, judges_folder: Path) -> None:
    local = tmp_path / "w.pth"
    local.write_bytes(CONTENT)
    found = fetch("x", str(local))
    assert found.path == local and found.label == f"w.pth ({SHA[:8]})"
    assert [file.name for file in judges_folder.iterdir()] == ["x.json"]
    local.unlink()
    gone = fetched.fetched("x")
    assert gone is not None and not gone.is_there
    with pytest.raises(UserError, match=r"w\.pth is gone"):
        gone.verified()


def test_content_is_read_again_only_when_it_may_have_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = tmp_path / "w.pth"
    local.write_bytes(b"one")
    found = fetch("x", str(local))
    read: list[Path] = []
    monkeypatch.setattr(fetched, "digest_of", lambda path: read.append(path) or digest_of(path))
    assert found.verified() == local and not read
    os.utime(local, (1, 1))
    assert found.verified() == local and len(read) == 1  # touched, but the same
    again = fetched.fetched("x")
    assert again is not None and again.verified() == local and len(read) == 1
    local.write_bytes(b"two")
    with pytest.raises(UserError, match=r"has changed since it was fetched.*counterpoint metrics fetch x"):
        again.verified()


def test_a_hub_id_comes_as_a_folder(judges_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def download(source: str, *, into: Path, weights: bool) -> Path:
        asked.update(source=source, weights=weights)
        into.mkdir(parents=True)
        (into / "config.json").write_text("{}")
        (into / "model.safetensors").write_bytes(b"weights")
        (into / "README.md").write_text("words")
        return into

    monkeypatch.setattr(fetched, "download_repository", download)
    found = fetch("x", "laion/clap", weights=True)
    assert asked == {"source": "laion/clap", "weights": True}
    assert found.path.is_relative_to(judges_folder) and found.label == f"laion/clap ({found.sha256[:8]})"
    before = found.sha256
    (found.path / "README.md").write_text("other words")
    assert digest_of(found.path) == before
    (found.path / "model.safetensors").rename(found.path / "model.bin")
    assert digest_of(found.path) != before
    with pytest.raises(UserError, match="has changed since"):
        found.verified()


def test_the_cache_may_move(
    server: Server, judges_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("x", url(server))
    judges_folder.rename(tmp_path / "moved")
    assert fetched.fetched("x") is None
    monkeypatch.setenv("COUNTERPOINT_JUDGES", str(tmp_path / "moved"))
    found = fetched.fetched("x")
    assert found is not None and found.verified() == tmp_path / "moved" / "x" / "w.bin"


def test_a_damaged_record_is_one_sentence(judges_folder: Path) -> None:
    for text in ('{"source": 1}', "[]", "{"):
        (judges_folder / "x.json").write_text(text)
        with pytest.raises(UserError, match=r"x\.json"):
            fetched.fetched("x")
