"""ViSQOL through its command line, played by a script that follows it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.metrics.visqol import find_visqol, visqol

SCRIPT = """#!{python}
import sys
import soundfile
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
reference, degraded = (soundfile.read(arguments[f"--{{name}}_file"]) for name in ("reference", "degraded"))
assert set(arguments) == {{"--reference_file", "--degraded_file"}}
assert reference[1] == degraded[1] == 48_000 and reference[0].ndim == 1
{end}
"""
GOOD = "print('ViSQOL conformance version: 310\\nMOS-LQO:\\t\\t%.3f' % (4.75 - abs(reference[0] - degraded[0]).max()))"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, end: str = GOOD) -> None:
    program = folder / "visqol"
    program.write_text(SCRIPT.format(python=sys.executable, end=end))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.wav"
    save_audio(path, 0.25 * np.ones(3200, np.float32), sample_rate=32_000)
    return path


def test_it_is_asked_with_48_khz_files_and_its_score_is_read(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch)
    program = find_visqol()
    assert program == tmp_path / "visqol"
    assert visqol(clip, clip, program=program) == 4.75
    save_audio(tmp_path / "silent.wav", np.zeros(4410, np.float32), sample_rate=44_100)
    assert visqol(tmp_path / "silent.wav", clip, program=program) < 4.6


def test_without_the_program_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_visqol() is None


@pytest.mark.parametrize(
    ("end", "said"), [("sys.exit('no model file')", "no model file"), ("print('done')", "done"), ("", "nothing")]
)
def test_a_failure_is_told_in_its_own_words(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, said: str
) -> None:
    install(tmp_path, monkeypatch, end=end)
    with pytest.raises(UserError, match=rf"gave no score for .*clip\.wav.*its output was: {said}"):
        visqol(clip, clip, program=tmp_path / "visqol")


def test_a_program_that_does_not_run_is_named(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "visqol").write_text("not a program")
    (tmp_path / "visqol").chmod(0o755)
    with pytest.raises(UserError, match="cannot be run"):
        visqol(clip, clip, program=tmp_path / "visqol")
