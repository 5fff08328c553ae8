"""What a shell is offered when a line is completed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = "import sys; sys.argv[0] = 'counterpoint'; from counterpoint.cli import main; main()"
NO_TORCH = "import atexit, sys; atexit.register(lambda: print('torch' in sys.modules, file=sys.stderr)); "


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("counterpoint gen", {"generate"}),
        ("counterpoint study r", {"run", "results", "report"}),
        ("counterpoint generate a --model pocket_a", {"pocket_autoregressive"}),
        ("counterpoint inpaint x.wav --model pocket_f", {"pocket_flow_matching"}),
        ("counterpoint data encode music --codec pocket_v", {"pocket_vae_100hz"}),
        ("counterpoint study run qui", {"quick"}),
        ("counterpoint evaluate a --device c", {"cpu", "cuda"}),
    ],
)
def test_a_line_is_completed(tmp_path: Path, line: str, offered: set[str]) -> None:
    words = line.split()
    environment = {**os.environ, "_COUNTERPOINT_COMPLETE": "complete_bash", "COMP_WORDS": line}
    environment |= {"COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", NO_TORCH + PROGRAM], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert offered <= set(done.stdout.split()), done.stderr
    assert all(name.startswith(words[-1]) for name in done.stdout.split())
    assert done.stderr.strip().splitlines()[-1] == "False", "torch was imported"


def test_the_script_for_a_shell_can_be_shown() -> None:
    environment = {**os.environ, "_COUNTERPOINT_COMPLETE": "source_bash"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True)
    assert "_COUNTERPOINT_COMPLETE=complete_bash" in done.stdout
