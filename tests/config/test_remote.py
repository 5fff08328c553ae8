"""Folders on remote storage, over fsspec's memory and file systems."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.config.remote import CACHE_VARIABLE, RemoteFolder, local_copy, url_of


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"memory://{uuid.uuid4().hex}/data" if request.param == "memory" else f"file://{tmp_path}/far/data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "near"
    (folder / "train").mkdir(parents=True)
    (folder / "train" / "rows.bin").write_bytes(bytes(range(256)) * 100)
    (folder / "info.json").write_text('{"fingerprint": 1}')
    (folder / "logs").mkdir()
    (folder / "logs" / "long").write_text("words")
    return folder


def test_urls_are_told_from_paths_even_as_paths() -> None:
    for url in ("s3://bucket/data", "hf://datasets/me/data", "file:///tmp/data"):
        assert url_of(url) == url_of(Path(url)) == url
    assert not any(url_of(path) for path in ("runs/store", "C:/music", "/a:/b", Path("/a/b"), "data"))


def test_a_folder_comes_back_as_it_was_sent(url: str, folder: Path, tmp_path: Path) -> None:
    remote = RemoteFolder(url, mark="info.json")
    assert not remote.exists()
    remote.send(folder, without=["logs"])
    assert remote.exists()
    remote.fetch(tmp_path / "back")
    assert (tmp_path / "back/train/rows.bin").read_bytes() == (folder / "train/rows.bin").read_bytes()
    assert not (tmp_path / "back/logs").exists()


def test_a_folder_without_its_mark_is_not_there(url: str, folder: Path, tmp_path: Path) -> None:
    RemoteFolder(url, mark="info.json").send(folder, without=["info.json"])
    remote = RemoteFolder(url, mark="info.json")
    assert not remote.exists()
    with pytest.raises(UserError, match=r"There is no info\.json in"):
        remote.fetch(tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_no_more_is_fetched_than_has_changed(
    url: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    remote = RemoteFolder(url, mark="info.json")
    remote.send(folder)
    place = local_copy(url, mark="info.json")
    rows, own = place / "train" / "rows.bin", (folder / "train" / "rows.bin").read_bytes()
    rows.write_bytes(own[::-1])  # of the same size, and the mark is the same: not looked at
    (folder / "train" / "more.bin").write_bytes(b"more")
    remote.send(folder)
    assert local_copy(url, mark="info.json") == place and rows.read_bytes() == own[::-1]
    assert (place / "train" / "more.bin").read_bytes() == b"more"
    (folder / "info.json").write_text('{"fingerprint": 2}')
    remote.send(folder)
    local_copy(url, mark="info.json")
    assert rows.read_bytes() == own


def test_storage_that_nobody_knows_is_named() -> None:
    with pytest.raises(UserError, match=r"nowhere://bucket cannot be reached .*nowhere"):
        RemoteFolder("nowhere://bucket", mark="info.json")
