"""`counterpoint evaluate --controls`: clips named after the rows they follow."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from counterpoint.audio import save_audio
from counterpoint.cli import main
from counterpoint.compose import render_clip
from counterpoint.data import save_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of eight composed clips, and a system that plays the same."""
    folder, rows = tmp_path_factory.mktemp("adherence"), []
    for index in range(8):
        clip = render_clip(2, index, duration_s=3.0)
        save_audio(folder / "data" / f"{index}.wav", clip.audio, sample_rate=32_000)
        save_audio(folder / "system" / f"row{index}.wav", clip.audio, sample_rate=32_000)
        rows.append({**clip.row, "id": f"row{index}", "audio": f"{index}.wav", "drums": ""})
    save_dataset(folder / "data", {"test": rows}, info={"name": "tiny", "kind": "composed"})
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of `counterpoint evaluate ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["counterpoint", "evaluate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_clips_are_judged_by_the_rows_they_are_named_after(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "scores.json"
    assert run(monkeypatch, folder / "system", "--reference", folder / "data", "--controls", "--out", out) == 0
    printed = capsys.readouterr().out
    assert "melody_similarity" in printed and "another clip" in printed and "fad_musicnn" not in printed
    scores = json.loads(out.read_text())["scores"]["system"]
    assert scores["chord_iou_viterbi25"]["value"] == scores["melody_similarity"]["value"] == 1
    assert 0.4 < scores["chord_iou_viterbi25_exact"]["value"] < 1


def test_a_clip_that_is_named_otherwise_is_one_sentence(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "system").glob("*.wav"):
        (tmp_path / f"my-{path.name}").write_bytes(path.read_bytes())
    assert run(monkeypatch, tmp_path, "--reference", folder / "data", "--controls") == 2
    assert (
        "no target for the clip 'my-row0'; name the clip after one of the targets: row0, row1,"
        in capsys.readouterr().err
    )
