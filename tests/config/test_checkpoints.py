import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.config.checkpoints import (
    DamagedCheckpointError,
    list_checkpoints,
    newest_checkpoint,
    read_checkpoint,
    remove_leftovers,
    write_checkpoint,
)


def write(root: Path, step: int, *, keep: int = 2) -> Path:
    tensors = {"model": {"w": torch.full((50, 3), float(step))}, "optimizer": {}}
    return write_checkpoint(root, step=step, tensors=tensors, state={"note": step}, keep=keep)


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def test_comes_back_as_written(tmp_path):
    folder = write(tmp_path, 7)
    assert folder == tmp_path / "step-00000007"
    found = newest_checkpoint(tmp_path)
    assert found is not None and (found.step, found.state) == (7, {"note": 7})
    torch.testing.assert_close(found.tensors("model"), {"w": torch.full((50, 3), 7.0)}, rtol=0, atol=0)
    assert found.tensors("optimizer") == {}


def test_none_before_the_first(tmp_path):
    assert newest_checkpoint(tmp_path / "nowhere") is None
    assert newest_checkpoint(tmp_path) is None


def test_keeps_the_newest(tmp_path):
    for step in (1, 2, 10):
        write(tmp_path, step, keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000010", "step-00000002"]
    assert names(tmp_path) == ["step-00000002", "step-00000010"], "nothing temporary is left"


@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
def test_a_cut_file_falls_back_with_one_warning(tmp_path, name):
    write(tmp_path, 1)
    cut(write(tmp_path, 2) / name)
    with pytest.warns(UserWarning, match=rf"step-00000002/{name}.* step 1 instead") as caught:
        found = newest_checkpoint(tmp_path)
    assert found is not None and found.step == 1
    assert len(caught) == 1


def test_notices_a_changed_byte_of_the_same_size(tmp_path):
    path = write(tmp_path, 1) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedCheckpointError, match=r"model\.safetensors is damaged"):
        read_checkpoint(path.parent)
    assert read_checkpoint(path.parent, only=["optimizer"]).step == 1, "files that are not asked for are not digested"
    assert read_checkpoint(path.parent, only=["nothing", "optimizer", "model"]).step == 1, "the first that is there"
    with pytest.raises(DamagedCheckpointError, match=r"does not list nothing or none\.safetensors"):
        read_checkpoint(path.parent, only=["nothing", "none"])


def test_a_missing_file_is_damage(tmp_path):
    folder = write(tmp_path, 1)
    (folder / "optimizer.safetensors").unlink()
    with pytest.raises(DamagedCheckpointError, match=r"optimizer\.safetensors is missing"):
        read_checkpoint(folder, only=["model"])


def test_all_damaged_names_the_files(tmp_path):
    for step in (1, 2):
        cut(write(tmp_path, step) / "model.safetensors")
    with pytest.raises(UserError, match=r"step-00000002/model\.safetensors.*step-00000001/model\.safetensors"):
        newest_checkpoint(tmp_path)


def test_a_damaged_later_one_never_outlives_the_good_one(tmp_path):
    write(tmp_path, 10)
    cut(write(tmp_path, 20) / "model.safetensors")
    write(tmp_path, 15, keep=1)  # a resume from 10, with other intervals
    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000015"]


def test_replaces_a_damaged_one_of_the_same_step(tmp_path):
    cut(write(tmp_path, 5) / "model.safetensors")
    write(tmp_path, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = newest_checkpoint(tmp_path)
    assert found is not None and found.step == 5
    assert names(tmp_path) == ["step-00000005"]


def test_leftovers_of_a_kill_are_ignored_and_removed(tmp_path):
    write(tmp_path, 1)
    leftover = tmp_path / ".step-00000002-abc"
    leftover.mkdir()
    (leftover / "model.safetensors").write_bytes(b"half")
    found = newest_checkpoint(tmp_path)
    assert found is not None and found.step == 1
    remove_leftovers(tmp_path)
    assert names(tmp_path) == ["step-00000001"]


FULL_DISK = """
import errno, json, resource, signal, sys, torch
from pathlib import Path
from counterpoint.config.checkpoints import write_checkpoint
root = Path(sys.argv[1])
write_checkpoint(root, step=1, tensors={"model": {"w": torch.zeros(10)}}, state={}, keep=1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    write_checkpoint(root, step=2, tensors={"model": {"w": torch.zeros(100_000)}}, state={}, keep=1)
except OSError as error:
    print(json.dumps({"errno": errno.errorcode[error.errno], "file": str(error.filename)}))
"""


def test_a_disk_that_fills_up_is_an_os_error_and_loses_nothing(tmp_path):
    """A file-size limit stands for the full disk: the write fails half-way, inside safetensors."""
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["errno"] == "EFBIG"
    assert told["file"].endswith("model.safetensors")
    assert names(tmp_path) == ["step-00000001"]
    found = newest_checkpoint(tmp_path)
    assert found is not None and found.step == 1
