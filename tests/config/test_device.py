"""What `--device` may say, and what it stands for."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from counterpoint.config import UserError
from counterpoint.config.device import check_device, describe_device, find_device, widest_float


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Two CUDA GPUs that only say that they are there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU of {device}")
    return monkeypatch


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def test_auto_takes_a_gpu_where_there_is_one(gpus: pytest.MonkeyPatch) -> None:
    assert find_device() == find_device("auto") == find_device("cuda") == "cuda"
    assert find_device("cuda:1") == "cuda:1" and find_device("cpu") == "cpu"
    assert describe_device("cuda:1") == "cuda:1 (GPU of cuda:1)"
    with pytest.raises(UserError, match="no cuda:2: its last GPU is cuda:1"):
        find_device("cuda:2")


def test_auto_is_the_cpu_where_there_is_no_gpu(no_gpu: pytest.MonkeyPatch) -> None:
    assert find_device() == "cpu"
    assert describe_device("cpu").startswith("cpu (")
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(UserError, match="use --device cpu"):
            find_device(name)
    no_gpu.setattr(torch.backends.mps, "is_available", lambda: True)
    assert find_device() == find_device("mps") == "mps"


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "CPU", "cuda:1234", "cpu:0"])
def test_no_other_word_is_a_device(name: str) -> None:
    for ask in (check_device, find_device):
        with pytest.raises(UserError, match="choose auto, cpu, mps"):
            ask(name)


def test_a_bad_word_is_refused_without_torch() -> None:
    code = (
        "import sys\nfrom counterpoint.config.device import check_device\n"
        "try:\n    check_device('gpu')\nexcept ValueError:\n    print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"


def test_apples_gpus_have_no_double_precision() -> None:
    assert widest_float(torch.device("mps")) is torch.float32
    assert widest_float(torch.device("cpu")) is widest_float(torch.device("cuda", 1)) is torch.float64
