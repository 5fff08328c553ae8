"""A disk that fills up or fails at any write leaves what was there, nothing half-written, and an error that names it.

Every writer writes twice: first whole, then with the n-th access to the disk failing, for every n until none is left.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from counterpoint.audio import save_audio
from counterpoint.config import TrainingConfig, UserError, dump_yaml, write_json, write_json_lines
from counterpoint.config.checkpoints import list_checkpoints, read_checkpoint, write_checkpoint
from counterpoint.config.files import replace_folder
from counterpoint.data import open_dataset, save_dataset

Writer = Callable[[Path, int], object]
"""Writes its second or first version to a place."""


class FailingDisk:
    """Counts accesses to the disk that write, and lets one of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self._fails_at, self._seen, self._error, self._watches = -1, 0, 0, False
        for name in ("fsync", "replace", "rename", "mkdir"):
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))
        monkeypatch.setattr(soundfile.SoundFile, "write", self._failing_sound(soundfile.SoundFile.write))
        opener = self._opening(io.open)
        monkeypatch.setattr(io, "open", opener)
        monkeypatch.setattr(builtins, "open", opener)

    @contextmanager
    def failing(self, number: int, *, error: int) -> Iterator[None]:
        """Let access `number`, counted from 0, fail; all before and after it succeed."""
        self._fails_at, self._seen, self._error, self._watches = number, 0, error, True
        try:
            yield
        finally:
            self._watches = False

    @property
    def has_failed(self) -> bool:
        return self._seen > self._fails_at

    def access(self, path: Any = None) -> None:
        if self._watches:
            self._seen += 1
            if self._seen == self._fails_at + 1:
                raise OSError(self._error, os.strerror(self._error), path)

    def _failing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if not (function.__name__ == "mkdir" and Path(args[0]).is_dir()):  # it is there, and nothing is written
                self.access(args[0] if isinstance(args[0], str) else None)
            return function(*args, **kwargs)

        return call

    def _failing_sound(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """libsndfile keeps the reason to itself; on a disk that stays full whoever asks again hears it."""

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                self.access()
            except OSError:
                self._fails_at += 1
                raise soundfile.LibsndfileError(2) from None
            return function(*args, **kwargs)

        return call

    def _opening(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if any(sign in mode for sign in "wax+") and not str(file).endswith(".lock"):
                self.access(str(file))
            return function(file, mode, *args, **kwargs)

        return call


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    return FailingDisk(monkeypatch)


def tone(version: int) -> np.ndarray:
    return (0.1 * version * np.sin(np.arange(800) / 5)).astype(np.float32)


def fill(folder: Path, version: int) -> None:
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(f"version {version}")


def configuration(version: int) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {"model": {"paradigm": "flow_matching"}, "data": {"dataset": "d"}, "steps": version}
    )


WRITERS: dict[str, Writer] = {
    "x.json": lambda path, version: write_json(path, {"version": version}),
    "x.jsonl": lambda path, version: write_json_lines(path, [{"version": version}] * 3),
    "x.yaml": lambda path, version: dump_yaml(path, configuration(version)),
    "x.wav": lambda path, version: save_audio(path, tone(version), sample_rate=8000),
    "x.flac": lambda path, version: save_audio(path, tone(version), sample_rate=8000),
    "folder": lambda path, version: replace_folder(path, lambda place: fill(place, version)),
}


def content(path: Path) -> dict[str, bytes]:
    """Every file at or below a path."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return {str(each.relative_to(path)): each.read_bytes() for each in files}


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "failing"])
@pytest.mark.parametrize("name", WRITERS)
def test_a_write_that_fails_leaves_what_was_there(name: str, error: int, disk: FailingDisk, tmp_path: Path) -> None:
    path, write = tmp_path / name, WRITERS[name]
    write(path, 2)
    second = content(path)
    write(path, 1)
    first = content(path)
    assert first != second
    for number in range(100):
        with disk.failing(number, error=error):
            try:
                write(path, 2)
            except OSError as raised:
                assert raised.errno == error and raised.filename == str(path), f"access {number}: {raised!r}"
            else:
                assert not disk.has_failed, f"access {number} failed and nobody heard of it"
        if not disk.has_failed:
            break
        assert content(path) == first, f"access {number}"
        assert [entry.name for entry in tmp_path.iterdir()] == [name], f"access {number}"
    assert content(path) == second and number >= 3


def test_a_checkpoint_that_cannot_be_written_costs_no_other(disk: FailingDisk, tmp_path: Path) -> None:
    def write(step: int) -> None:
        write_checkpoint(tmp_path, step=step, tensors={"model": {"w": torch.ones(3)}}, state={}, keep=1)

    write(1)
    for number in range(100):
        with disk.failing(number, error=errno.ENOSPC):
            try:
                write(2)
            except OSError as raised:
                assert raised.errno == errno.ENOSPC
        if not disk.has_failed:
            break
        assert all(read_checkpoint(folder).step in (1, 2) for folder in list_checkpoints(tmp_path))
        assert list_checkpoints(tmp_path), f"access {number}"
    assert [read_checkpoint(folder).step for folder in list_checkpoints(tmp_path)] == [2] and number >= 3


def test_a_dataset_is_the_old_one_the_new_one_or_refused(disk: FailingDisk, tmp_path: Path) -> None:
    folder = tmp_path / "dataset"

    def write(version: int) -> None:
        row = {"id": "a", "audio": "/a.wav", "caption": f"version {version}", "duration_s": 1.0}
        row |= {"sample_rate": 8000, "channels": 1}
        save_dataset(folder, {"train": [row]}, info={"name": "x", "kind": "x"}, audio_digests={"a": "0"})

    write(1)
    for number in range(300):
        with disk.failing(number, error=errno.ENOSPC):
            try:
                write(2)
            except OSError as raised:
                assert raised.errno == errno.ENOSPC
        if not disk.has_failed:
            break
        try:
            assert open_dataset(folder).splits["train"]["caption"][0] in ("version 1", "version 2")
        except UserError as refused:
            assert "interrupted" in str(refused)
        write(1)
    assert open_dataset(folder).splits["train"]["caption"][0] == "version 2" and number >= 5
