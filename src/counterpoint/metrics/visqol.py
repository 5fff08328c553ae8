"""ViSQOL (Chinen et al., 2020): a predicted mean opinion score of a reconstruction, from its authors' program.

`visqol` is not a Python package: it is built from https://github.com/google/visqol and found on the PATH. It predicts a
mean opinion score (MOS-LQO) from 1 to about 4.75 in audio mode, which works at 48 kHz.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from counterpoint.audio import load_audio, save_audio
from counterpoint.config import UserError

PROGRAM = "visqol"
SAMPLE_RATE = 48_000
TIMEOUT_S = 600
_SCORE = re.compile(r"MOS-LQO:\s*([0-9]+(?:\.[0-9]+)?)")


def find_visqol() -> Path | None:
    """Path of the program, if it is on the PATH."""
    found = shutil.which(PROGRAM)
    return None if found is None else Path(found)


def visqol(estimate: Path, reference: Path, *, program: Path) -> float:
    """MOS-LQO of an audio file against its original, in audio mode.

    Args:
        estimate: any file libsndfile reads; brought to 48 kHz mono, like the reference.
        reference: the original.
        program: see `find_visqol`.

    Raises:
        UserError: a file cannot be read, or the program fails or gives no score.
    """
    with tempfile.TemporaryDirectory(prefix="visqol-") as folder:
        paths = {}
        for name, source in (("reference", reference), ("degraded", estimate)):
            audio, _ = load_audio(source, sample_rate=SAMPLE_RATE)
            paths[name] = Path(folder) / f"{name}.wav"
            save_audio(paths[name], audio, sample_rate=SAMPLE_RATE)
        command = [str(program), *(part for name, path in paths.items() for part in (f"--{name}_file", str(path)))]
        try:
            found = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UserError(f"{program} cannot be run ({error}); repair it or remove it from the PATH.") from None
    score = _SCORE.search(found.stdout)
    if found.returncode or score is None:
        said = (found.stderr.strip() or found.stdout.strip() or "nothing").rpartition("\n")[2]
        raise UserError(
            f"{program} gave no score for {estimate} (exit code {found.returncode}, its output was: {said}); "
            "repair it or remove it from the PATH."
        )
    return float(score.group(1))
