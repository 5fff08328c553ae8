"""Nothing waits for the network longer than is said, and `--offline` lets nothing out."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import counterpoint
from counterpoint.config import UserError, network
from counterpoint.config.fetched import fetch

CONNECT_S, SILENCE_S = 0.4, 0.5
ASK_THE_HUB = """
import socket, sys
from counterpoint.config import UserError, network
network.CONNECT_S, network.SILENCE_S = {bounds}

waits, wait = set(), socket.socket.settimeout
def settimeout(self, seconds):
    waits.add(seconds)
    wait(self, seconds)
socket.socket.settimeout = settimeout

from counterpoint.codec import load_codec
from counterpoint.conditioning.text import FrozenT5
from counterpoint.config.weights import download_repository
from counterpoint.generate.model import load_model
for ask in ({asked}):
    try:
        ask("someone/something")
    except UserError as error:
        print("said:", error)
print("waits:", *sorted(waits))
"""


class SilentServer:
    """Accepts whoever comes, sends `begins` and nothing after it; counts who came."""

    def __init__(self, begins: bytes = b""):
        self.begins, self.came = begins, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._held: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.came += 1
            self._held.append(connection)
            connection.sendall(self.begins)

    def close(self) -> None:
        self._socket.close()
        for connection in self._held:
            connection.close()


@pytest.fixture
def server() -> Iterator[SilentServer]:
    silent = SilentServer()
    yield silent
    silent.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> set[float | None]:
    """How long sockets of this process are waited for, short as it is here."""
    found, wait = set[float | None](), socket.socket.settimeout

    def settimeout(self: socket.socket, seconds: float | None) -> None:
        found.add(seconds)
        wait(self, seconds)

    monkeypatch.setattr(network, "CONNECT_S", CONNECT_S)
    monkeypatch.setattr(network, "SILENCE_S", SILENCE_S)
    monkeypatch.setattr(socket.socket, "settimeout", settimeout, raising=False)
    return found


def ask_the_hub(at: str, folder: Path, *asked: str, **variables: str) -> str:
    environment = {**os.environ, "HF_ENDPOINT": at, "HF_HOME": str(folder), **variables}
    code = ASK_THE_HUB.format(bounds=(CONNECT_S, SILENCE_S), asked=", ".join([*asked, ""]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode()


def longest_wait(said: str) -> float:
    """The longest that a socket was waited for; fails where one was waited for without end."""
    [line] = [line for line in said.split("\n") if line.startswith("waits:")]
    return max(map(float, line.split()[1:]), default=0.0)


@pytest.mark.usefixtures("judges_folder")
@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"])
def test_an_address_that_goes_silent_is_given_up(begins: bytes, waits: set[float | None]) -> None:
    silent = SilentServer(begins)
    with pytest.raises(UserError, match=r"10 s were given to connect and 30 s for a byte.*--from"):
        fetch("x", f"{silent.url}/w.bin")
    assert waits == {CONNECT_S, SILENCE_S}
    assert silent.came == 1
    silent.close()


HUB_CALLS = ("load_codec", "load_model", "FrozenT5", "download_repository")


@pytest.mark.parametrize("first", ["load_codec", "FrozenT5"])
def test_a_hub_that_goes_silent_is_asked_once(first: str, server: SilentServer, tmp_path: Path) -> None:
    """Whoever asks first decides how long the others wait; a model is downloaded as a repository is."""
    asked = (first, *(name for name in HUB_CALLS if name != first))
    said = ask_the_hub(server.url, tmp_path, *asked)
    assert said.count("said:") == len(asked) and "10 s were given to connect and 30 s for a byte" in said
    assert "127.0.0.1 cannot be reached" in said
    assert server.came == 1, "the second to ask need not wait again"
    assert longest_wait(said) == SILENCE_S


def test_a_hub_that_refuses_is_asked_once(server: SilentServer, tmp_path: Path) -> None:
    server.close()
    said = ask_the_hub(server.url, tmp_path, *HUB_CALLS)
    assert said.count("said:") == len(HUB_CALLS) and said.count("cannot be reached") == 1
    assert longest_wait(said) <= SILENCE_S


def test_the_hub_is_asked_through_one_door_alone() -> None:
    """Its library is imported elsewhere for its errors only."""
    root = Path(counterpoint.__file__).parent
    found = {
        str(path.relative_to(root)): names
        for path in root.rglob("*.py")
        if (names := imported_from_hub(ast.parse(path.read_text(encoding="utf-8"))))
    }
    assert list(found) == ["config/network.py"]


def imported_from_hub(tree: ast.AST) -> list[str]:
    nodes = list(ast.walk(tree))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return [name for name in names if name.startswith("huggingface_hub") and name != "huggingface_hub.errors"]


def test_offline_lets_nothing_out(server: SilentServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask_the_hub(server.url, tmp_path, *HUB_CALLS, **{network.OFFLINE_VARIABLE: "1"})
    assert said.count("said:") == len(HUB_CALLS)
    monkeypatch.setenv(network.OFFLINE_VARIABLE, "1")
    with pytest.raises(UserError, match="works offline"):
        fetch("x", f"{server.url}/w.bin")
    assert server.came == 0


def test_every_verb_can_be_kept_off_the_network(server: SilentServer, tmp_path: Path) -> None:
    environment = {**os.environ, "COUNTERPOINT_JUDGES": str(tmp_path)}
    command = [sys.executable, "-m", "counterpoint", "metrics", "fetch", "vggish", "--offline"]
    done = subprocess.run(
        [*command, "--from", f"{server.url}/w.pth"], capture_output=True, env=environment, timeout=120
    )
    assert done.returncode == 2 and b"works offline" in done.stderr
    assert server.came == 0
