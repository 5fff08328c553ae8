"""The script that compares a GPU with the CPU: it is tried on the CPU, and refuses to compare the CPU with itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "scripts" / "gpu_check.py"


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("device", ["cpu", "cuda:77", "tpu"])
def test_it_wants_a_gpu(tmp_path: Path, device: str) -> None:
    done = run("--device", device, folder=tmp_path)
    assert done.returncode == 2 and done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_it_checks_every_part_and_keeps_the_data(tmp_path: Path) -> None:
    done = run("--device", "cpu", "--quick", "--out", "found", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "found" / "checks.json").read_text())
    names = " ".join(check["name"] for check in found["checks"])
    for part in (
        "codes",
        "pocket_autoregressive, fp32",
        "pocket_flow_matching, loss in bf16",
        "judge musicnn",
        "training",
    ):
        assert part in names
    assert all(check["passed"] and check["error"] <= check["tolerance"] for check in found["checks"])
    assert (tmp_path / "found" / "points.jsonl").is_file() and "checks passed" in done.stdout
