"""Encoded columns at a URL: the same examples as from a disk, and no copy of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.data.test_encoded import D, K, _assert_whole, _dataset, _encode

from counterpoint.config import UserError, remote
from counterpoint.config.remote import CACHE_VARIABLE, RemoteFolder, local_folder
from counterpoint.data import MusicDataset, open_encoded
from counterpoint.data.batches import ExampleOrder, read_batch
from counterpoint.data.streamed import INDEX_FILE


@pytest.fixture
def near(tmp_path: Path) -> MusicDataset:
    dataset = _dataset(tmp_path / "near")
    _encode(dataset)
    (dataset.folder / "audio").mkdir()
    (dataset.folder / "audio" / "a.wav").write_bytes(b"large")
    return dataset


@pytest.fixture
def url(near: MusicDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a copy of the dataset, where nothing waits long."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "_WAITS_S", (0.0, 0.0))
    url = f"file://{tmp_path}/far/data"
    RemoteFolder(url, mark="dataset.json").send(near.folder)
    return url


def test_rows_at_a_url_are_those_on_a_disk_and_are_not_copied(url: str) -> None:
    opened = open_encoded(url, codec="toy")
    _assert_whole(opened)
    assert opened["train"].caption(7) == "about train 7" and opened["train"].id(7) == "train7"
    copied = {path.name for path in (local_folder(url) / "latents").rglob("*")}
    assert INDEX_FILE in copied and not any(name.endswith(".arrow") for name in copied)
    assert not (local_folder(url) / "audio").exists()


def test_batches_are_the_same_in_the_same_order(near: MusicDataset, url: str) -> None:
    far, here = open_encoded(url, codec="toy")["train"], open_encoded(near.folder, codec="toy")["train"]
    for step in range(3):
        batches = []
        for split in (far, here):
            order = ExampleOrder(split.lengths, segment=20, seed=3)
            batches.append(read_batch(split, order.batch(step, batch_size=16), target="latents"))
        assert torch.equal(batches[0].target, batches[1].target) and batches[0].captions == batches[1].captions


def test_a_request_that_fails_is_made_again_and_then_reported(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    split = open_encoded(url, codec="toy")["train"]
    failures = iter([OSError("the net is down"), b"short"])
    files = type(RemoteFolder(url, mark="dataset.json")._files)
    read = files.cat_file

    def fail(self, path: str, start: int, end: int) -> bytes:
        match next(failures, None):
            case OSError() as error:
                raise error
            case None:
                return read(self, path, start, end)
            case short:
                return short

    monkeypatch.setattr(files, "cat_file", fail)
    codes, latents = split.slice(1, 10, 20)
    assert codes is not None and codes.shape == (K, 20) and latents.shape == (20, D) and np.isfinite(latents).all()
    failures = iter([OSError("the net is down")] * 9)
    with pytest.raises(UserError, match=r"cannot be read or written \(the net is down\): check the address"):
        split.slice(1, 10, 20)


def test_what_an_earlier_version_has_encoded_is_copied(url: str) -> None:
    index = Path(url.removeprefix("file://")) / "latents" / "abc" / INDEX_FILE
    index.unlink()
    _assert_whole(open_encoded(url, codec="toy"))
    assert list((local_folder(url) / "latents").rglob("*.arrow"))
