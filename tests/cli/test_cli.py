"""The command line as a user runs it: what is wrong is said in one sentence, with an exit code, and no traceback."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.cli import main


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and stderr of `counterpoint ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["counterpoint", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    code = exit_info.value.code
    assert isinstance(code, int)
    return code, capsys.readouterr().err


def assert_one_sentence(error: str) -> None:
    lines = [line for line in error.splitlines() if line.strip()]
    assert len(lines) == 1, error
    assert lines[0].startswith("Error: ")
    assert "Traceback" not in error


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from counterpoint.cli import app; "
        "print([m for m in ('torch', 'numpy', 'pydantic', 'transformers') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


SHIPPED = "pocket_flow_matching"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "train.yaml"
    path.write_text(
        f"model: {{paradigm: autoregressive, backbone: debug}}\ndata: {{dataset: {tmp_path / 'no-data'}}}\n"
    )
    return path


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "{tmp}/none.yaml", "--out", "{tmp}/run"], "no configuration file"),
        (["train", "{tmp}/train.yaml", "--out", "{tmp}/run", "--set", "stepz=1"], "did you mean 'steps'"),
        (["train", "{tmp}/train.yaml", "--out", "{tmp}/run"], "no-data"),
        (["generate", "piano", "--model", "{tmp}/none", "--out", "{tmp}/x.wav"], "none"),
        (["generate", "piano", "--model", "{tmp}/empty", "--out", "{tmp}/x.wav"], "empty"),
        (["generate", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "either a caption"),
        (["generate", "--captions", "{tmp}/none.txt", "--model", SHIPPED, "--out", "{tmp}/x"], "no captions file"),
        (["generate", "a", "--num", "2", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "set --out to a folder"),
        (["generate", "a", "--solver", "magic", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "solver"),
        (
            ["generate", "a", "--steps", "0", "--model", SHIPPED, "--out", "{tmp}/x.wav"],
            "steps: Input should be greater than 0",
        ),
        (
            ["generate", "a", "--steps", "9" * 20, "--model", SHIPPED, "--out", "{tmp}/x.wav"],
            "steps: Input should be less than or equal to 100000",
        ),
        (
            ["generate", "a", "--sway", "-2", "--model", SHIPPED, "--out", "{tmp}/x.wav"],
            "sway: Input should be greater than or equal to -1",
        ),
        (
            [
                "generate",
                "a",
                "--guidance-interval",
                "0.2",
                "1.5",
                "--model",
                "pocket_flow_matching",
                "--out",
                "{tmp}/x.wav",
            ],
            "0 (noise) <= low <= high <= 1 (data)",
        ),
        (
            [
                "generate",
                "a",
                "--guidance-interval",
                "0.9",
                "0.1",
                "--model",
                "pocket_flow_matching",
                "--out",
                "{tmp}/x.wav",
            ],
            "in order",
        ),
        (
            [
                "generate",
                "a",
                "--sway",
                "1",
                "--solver",
                "dopri5",
                "--model",
                "pocket_flow_matching",
                "--out",
                "{tmp}/x",
            ],
            "sway has no effect when solver is dopri5",
        ),
        (["generate", "a", "--at", "start", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "--at has no effect without"),
        (
            ["generate", "--request", "{tmp}/r.json", "--num", "3", "--seed", "1", "--out", "{tmp}/x.wav"],
            "--seed and --num have no effect beside",
        ),
        (
            ["generate", "a", "--request", "{tmp}/r.json", "--top-k", "3", "--out", "{tmp}/x.wav"],
            "and --top-k have no effect beside",
        ),
        (
            [
                "generate",
                "--continue",
                "{tmp}/a.wav",
                "--captions",
                "{tmp}/c.txt",
                "--model",
                SHIPPED,
                "--out",
                "{tmp}/x.wav",
            ],
            "--captions has no effect beside --continue",
        ),
        (["follow", SHIPPED, "--split", "valid"], "--split has no effect without --data"),
        (["bench", "--floor-ms", "5", "--out", "{tmp}/b"], "--floor-ms has no effect without --predict"),
        (["bench", "--device-limits", "--batch", "2"], "--batch has no effect beside --device-limits"),
        (["study", "results", "quick", "--table", "steps"], "--table has no effect without --format csv"),
        (["study", "plan", "quick", "--price", "2"], "--price has no effect without --gpus"),
        (["listen", "results", "{tmp}/none", "--with-ids"], "--with-ids has no effect without --csv"),
        (["data", "compose", "{tmp}/out", "--clips", "1" + 12 * "0"], "are free: choose fewer"),
        (["data", "compose", "{tmp}/out", "--clips", "1" + 400 * "0"], "are free: choose fewer"),
        (["data", "ingest", "{tmp}/empty", "{tmp}/out", "--workers", "0"], "--workers 0 is out of range"),
        (["listen", "new", "{tmp}/x.mp3", "--from", "{tmp}/empty", "--from", "A="], "names no folder"),
        (["study", "plan", "quick", "--gpus", "1" + 40 * "0"], "is out of range"),
        (["study", "plan", "quick", "--gpus", "8", "--price", "nan"], "--price nan is out of range"),
        (["bench", "--predict", "--device", "h100", "--floor-ms", "nan"], "it must be zero or more"),
        (["export", "{tmp}/none", "{tmp}/out"], "no run folder"),
        (["export", "{tmp}/empty", "{tmp}/out"], "or a MusicGen checkpoint"),
        (["data", "ingest", "{tmp}/none", "{tmp}/out"], "none"),
        (["data", "ingest", "{tmp}/empty", "{tmp}/out"], "empty"),
        (["data", "encode", "{tmp}/empty"], "empty"),
        (["data", "controls", "{tmp}/empty"], "empty is not a dataset"),
        (["analyze", "{tmp}/none.wav"], "no audio file at"),
        (["analyze", "{tmp}/train.yaml"], "cannot be read as audio"),
        (["data", "compose", "{tmp}/out", "--clips", "0"], "0"),
        (["data", "compose", "{tmp}/out", "--clips", "5", "--duration-s", "-1"], "-1"),
        (["data", "compose", "{tmp}/out", "--soundfont", "{tmp}/none.sf2"], "There is no soundfont"),
        (["evaluate", "{tmp}/empty", "--reference", "{tmp}/none"], "empty|none"),
        (["train", "{tmp}/train.yaml", "--out", "{tmp}/run", "--set", "steps=["], "not valid YAML"),
        (["train", "{tmp}/train.yaml", "--out", "{tmp}/run", "--set", "steps=true"], "must not be true"),
        (["train", "{tmp}/train.yaml", "--out", "{tmp}/run", "--set", "data.tracks={{chords: x}}"], "model.controls"),
        (["codec", "reconstruct", "{tmp}/train.yaml", "--out", "{tmp}/train.yaml"], "name it .wav or .flac"),
        (["codec", "reconstruct", "{tmp}/a.wav", "--out", "{tmp}/empty/../a.wav"], "an input of this command"),
        (["analyze", "{tmp}/a.wav", "--out", "{tmp}/a.wav"], "name it .png or .json"),
        (["analyze", "{tmp}/a.wav", "--out", "{tmp}/empty"], "name it .png or .json"),
        (["generate", "a", "--model", "pocket_ar", "--out", "{tmp}/x.wav"], "did you mean 'pocket_autoregressive'"),
        (
            ["codec", "reconstruct", "{tmp}/a.wav", "--codec", "pockett", "--out", "{tmp}/x.wav"],
            "did you mean 'pocket'",
        ),
        (["study", "run", "quick", "--set", "steps=40"], "did you mean 'training.steps'"),
        (["study", "run", "quik"], "did you mean 'quick'"),
        (["config", "show", "quik"], "did you mean 'quick'"),
        (["generate", "a", "--top-k", "5", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "flow matching has no setting"),
        (["evaluate", "{tmp}/empty", "--reference", "{tmp}/none", "--seed", "-1"], "The seed -1"),
        (["evaluate", "{tmp}/empty", "--reference", "{tmp}/none", "--out", "{tmp}/a.wav"], "name it .json"),
        (["export", SHIPPED, "{tmp}/empty/x.zip"], "named like a file"),
        (["generate", "a", "--model", SHIPPED, "--out", "{tmp}/x.mp3"], "named like a file"),
        (["generate", "a", "--guidance", "inf", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "finite"),
        (["generate", "a", "--guidance", "1e30", "--model", SHIPPED, "--out", "{tmp}/x.wav"], "100"),
        (["study", "run", "{tmp}/none.yaml"], "none.yaml"),
        (["study", "run", "no-such-study"], "no-such-study"),
        (["codec", "train", "{tmp}/none.yaml", "--out", "{tmp}/run"], "no configuration file"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    config: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    (tmp_path / "empty").mkdir()
    soundfile.write(tmp_path / "a.wav", np.full(8000, 0.1), 8000)
    monkeypatch.chdir(tmp_path)
    code, error = run(monkeypatch, capsys, *(argument.format(tmp=tmp_path) for argument in arguments))
    assert code == 2
    assert_one_sentence(error)
    assert any(part in error for part in sentence.split("|")), error


def test_a_full_disk_is_one_sentence_and_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "x"))

    monkeypatch.setattr("counterpoint.compose.compose", full)
    code, error = run(monkeypatch, capsys, "data", "compose", tmp_path / "out")
    assert code == 1
    assert_one_sentence(error)
    assert "disk is full" in error


def test_ingest_of_a_folder_with_nothing_usable_names_the_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    music = tmp_path / "music"
    music.mkdir()
    (music / "corrupt.wav").write_bytes(b"RIFF nothing of the kind")
    soundfile.write(music / "zero-length.wav", np.zeros(0), 32_000)
    code, error = run(monkeypatch, capsys, "data", "ingest", music, tmp_path / "out")
    assert code == 2
    assert_one_sentence(error)
    assert "corrupt.wav" in error
    assert not (tmp_path / "out").exists()
