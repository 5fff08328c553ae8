"""What is loaded is what was published: any other file gives one sentence that names it."""

from __future__ import annotations

import json
import os
import pickle
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from counterpoint.config import UserError
from counterpoint.config.checkpoints import DamagedCheckpointError, read_checkpoint, write_checkpoint
from counterpoint.config.weights import read_pickle, read_weights, write_digests


def test_no_file_trips_the_reader_of_pickles(tmp_path: Path):
    drawn, path = random.Random(0), tmp_path / "x.bin"
    torch.save({"a.weight": torch.ones(3)}, path)
    whole = path.read_bytes()
    old = pickle.dumps({"a": [1.0, 2.0], "b": "x"}, protocol=2)
    for turn in range(200):
        kind = turn % 4
        data = bytearray((whole, old, drawn.randbytes(40), b"root:x:0:0:root:/root:/bin/bash\n")[kind])
        for _ in range(drawn.randrange(1, 4)):
            data[drawn.randrange(len(data))] = drawn.randrange(256)
        path.write_bytes(data[: drawn.randrange(1, len(data) + 1)])
        try:
            read_pickle(path)
        except UserError as error:
            assert str(path) in str(error)


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_a_pickle_is_a_regular_file(tmp_path: Path, kind: str):
    path = tmp_path / "x.bin"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(UserError, match=r"x\.bin (is missing|is a folder|is a named pipe)"):
        read_pickle(path)


@pytest.mark.parametrize("value", [[torch.ones(2)], torch.ones(2), None, {1: torch.ones(2)}, {"a.weight": 1.0}])
def test_a_pickle_that_holds_no_tensors_by_name_is_refused(tmp_path: Path, value: object):
    torch.save(value, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="holds no tensors by name"):
        read_weights(tmp_path)


@pytest.mark.parametrize("dtype", [torch.int32, torch.int8, torch.bool])
def test_a_weight_is_a_floating_point_number(tmp_path: Path, dtype: torch.dtype):
    save_file({"a.weight": torch.ones(3).to(dtype)}, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"model\.safetensors the tensor a\.weight holds torch\."):
        read_weights(tmp_path)
    save_file({"a.weight": torch.ones(3).half(), "position_ids": torch.arange(3)}, tmp_path / "model.safetensors")
    assert read_weights(tmp_path).keys() == {"a.weight", "position_ids"}


def test_a_flipped_byte_in_handed_on_weights_is_noticed(tmp_path: Path):
    path = tmp_path / "model.safetensors"
    save_file({"a.weight": torch.arange(100.0)}, path)
    write_digests(tmp_path)
    assert read_weights(tmp_path)["a.weight"].shape == (100,)
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"model\.safetensors is not the published file"):
        read_weights(tmp_path)
    for damaged in ("[]", '{"model.safetensors": 5}', "{"):
        (tmp_path / "digests.json").write_text(damaged)
        with pytest.raises(UserError, match=r"digests\.json"):
            read_weights(tmp_path)
    (tmp_path / "digests.json").write_text("{}")
    with pytest.raises(UserError, match="not the published file"):
        read_weights(tmp_path)


@pytest.mark.parametrize("content", ["[]", "5", '{"weight_map": 5}', '{"weight_map": {"a": 5}}', "{", "[" * 99_999])
def test_a_list_of_shards_of_another_form_is_named(tmp_path: Path, content: str):
    (tmp_path / "model.safetensors.index.json").write_text(content)
    with pytest.raises(UserError, match=r"model\.safetensors\.index\.json"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"model.safetensors": 5}},
        {"files": {"model.safetensors": {"bytes": "x", "sha256": 1}}},
        {"files": {"model.safetensors": {}}},
        {"files": [1]},
        {"step": None},
        {"step": 1e999},
        {"state": 5},
    ],
)
def test_the_state_of_a_checkpoint_is_checked_as_it_is_read(tmp_path: Path, change: dict):
    folder = write_checkpoint(tmp_path, step=1, tensors={"model": {"w": torch.ones(2)}}, state={}, keep=1)
    stored = json.loads((folder / "state.json").read_text())
    (folder / "state.json").write_text(json.dumps({**stored, **change}))
    with pytest.raises(DamagedCheckpointError, match=r"state\.json is missing or damaged"):
        read_checkpoint(folder)
