"""What each verb does not import: start-up is paid at every call, and one import at the top of a module adds seconds.

`python -X importtime -m counterpoint ...` says who imports what; see docs/python.md.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

TORCH = ("torch", "transformers", "diffusers", "accelerate", "datasets", "scipy", "librosa", "matplotlib", "pandas")
LIGHT = (*TORCH, "numpy", "soundfile")
BARE = (*LIGHT, "pydantic", "yaml")
DRAWING = (
    "transformers",
    "diffusers",
    "torch._dynamo",
    "torch._inductor",
    "accelerate",
    "datasets",
    "scipy",
    "librosa",
    "numba",
    "matplotlib",
    "onnxruntime",
    "pandas",
    "pretty_midi",
    "counterpoint.training",
    "counterpoint.study",
    "counterpoint.metrics",
)
"""torch itself imports torch.fx and torch.distributed."""
RUN = """
import atexit, sys
from counterpoint.cli import main
atexit.register(lambda: print(sorted(sys.modules), file=open("modules.txt", "w")))
main()
"""


def imported_by(folder: Path, *arguments: str) -> tuple[int, set[str]]:
    """The exit code of `counterpoint ARGUMENTS`, and all modules that it has imported."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, set(ast.literal_eval((folder / "modules.txt").read_text()))


@pytest.mark.parametrize(
    ("arguments", "code", "absent"),
    [
        (["--help"], 0, BARE),
        (["generate", "--help"], 0, LIGHT),
        (["models"], 0, LIGHT),
        (["config", "show", "training"], 0, LIGHT),
        (["study", "list"], 0, TORCH),
        (["study", "run", "quik"], 2, TORCH),
        (["generate", "a", "--model", "pocket_ar", "--out", "x.wav"], 2, TORCH),
        (["generate", "a", "--model", "pocket_autoregressive", "--steps", "3", "--out", "x.wav"], 2, TORCH),
        (["generate", "a", "--model", "pocket_autoregressive", "--out", "x.mp3"], 2, TORCH),
        (["inpaint", "x.wav", "--span", "1:2", "--model", "pocket_flow_matching", "--out", "y.wav"], 2, TORCH),
        (["train", "none.yaml", "--out", "x"], 2, TORCH),
        (["analyze", "none.wav"], 2, TORCH),
        (["evaluate", "none", "--reference", "none"], 2, TORCH),
        (["data", "encode", "none"], 2, TORCH),
        (["data", "controls", "none"], 2, TORCH),
        (["data", "ingest", "none", "out"], 2, TORCH),
        (["codec", "train", "none.yaml", "--out", "x"], 2, TORCH),
        (["codec", "reconstruct", "none.wav", "--out", "x.wav"], 2, TORCH),
        (["follow", "pocket_ar"], 2, TORCH),
        (["export", "none", "out"], 2, TORCH),
        (["bench", "--batch", "x"], 2, TORCH),
        (["study", "results", "none"], 2, TORCH),
        (["generate", "a", "--model", "pocket_autoregressive", "--out", "x.wav", "--device", "gpu"], 2, TORCH),
    ],
)
def test_answers_that_need_no_network_import_no_torch(
    tmp_path: Path, arguments: list[str], code: int, absent: tuple[str, ...]
) -> None:
    found, modules = imported_by(tmp_path, *arguments)
    assert found == code and "counterpoint.cli" in modules
    assert modules.isdisjoint(absent), sorted(modules & set(absent))


@pytest.mark.parametrize("model", ["pocket_autoregressive", "pocket_flow_matching"])
def test_a_clip_of_a_model_that_ships_imports_what_draws_it_alone(tmp_path: Path, model: str) -> None:
    code, modules = imported_by(
        tmp_path, "generate", "a", "--model", model, "--out", "x.wav", "--duration-s", "0.5", "--chords", "C:0"
    )
    assert code == 0 and (tmp_path / "x.wav").is_file() and "torch" in modules
    assert modules.isdisjoint(DRAWING), sorted(modules & set(DRAWING))


def test_training_does_not_import_what_only_divided_models_need() -> None:
    """It takes a second or two, in every process of a study."""
    program = "import sys, counterpoint.training; print('torch.distributed.fsdp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
