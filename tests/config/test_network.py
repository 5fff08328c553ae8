"""Nothing waits for the network longer than is said, and `--offline` lets nothing out."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterpoint.config import UserError, network
from counterpoint.config.fetched import fetch

SHORT_S = 0.4
ASK_THE_HUB = f"""
import time
from counterpoint.config import UserError, network
network.CONNECT_S = network.SILENCE_S = {SHORT_S}
from counterpoint.conditioning.text import FrozenT5
from counterpoint.config.weights import download_repository
started = time.monotonic()
for ask in (download_repository, FrozenT5):
    try:
        ask("someone/something")
    except UserError as error:
        print("said:", error)
print("seconds:", time.monotonic() - started)
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
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "CONNECT_S", SHORT_S)
    monkeypatch.setattr(network, "SILENCE_S", SHORT_S)


def ask_the_hub(at: str, folder: Path, **variables: str) -> str:
    environment = {**os.environ, "HF_ENDPOINT": at, "HF_HOME": str(folder), **variables}
    done = subprocess.run([sys.executable, "-c", ASK_THE_HUB], capture_output=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode() + done.stderr.decode()


def seconds(said: str) -> float:
    [line] = [line for line in said.split("\n") if line.startswith("seconds:")]
    return float(line.partition(":")[2])


@pytest.mark.usefixtures("short", "judges_folder")
@pytest.mark.parametrize("begins", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"])
def test_an_address_that_goes_silent_is_given_up(begins: bytes) -> None:
    silent, started = SilentServer(begins), time.monotonic()
    with pytest.raises(UserError, match=r"10 s were given to connect and 30 s for a byte.*--from"):
        fetch("x", f"{silent.url}/w.bin")
    assert time.monotonic() - started < 20 * SHORT_S
    assert silent.came == 1
    silent.close()


def test_a_hub_that_goes_silent_is_asked_once(server: SilentServer, tmp_path: Path) -> None:
    said = ask_the_hub(server.url, tmp_path)
    assert said.count("said:") == 2 and "10 s were given to connect and 30 s for a byte" in said
    assert "127.0.0.1 cannot be reached" in said
    assert server.came == 1, "the second to ask need not wait again"
    assert seconds(said) < 30


def test_a_hub_that_refuses_is_asked_once(server: SilentServer, tmp_path: Path) -> None:
    server.close()
    said = ask_the_hub(server.url, tmp_path)
    assert said.count("said:") == 2 and said.count("cannot be reached") == 1
    assert seconds(said) < 30


def test_offline_lets_nothing_out(server: SilentServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = ask_the_hub(server.url, tmp_path, **{network.OFFLINE_VARIABLE: "1"})
    assert said.count("said:") == 2
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
