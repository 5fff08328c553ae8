"""`counterpoint evaluate` on any two folders."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.cli import main

CAPTIONS = [f"{kind} {number}" for number in range(4) for kind in ("piano", "guitar")]


def folder(root: Path, name: str, *, noise: float, seed: int, captions: str = "") -> Path:
    """Eight clips; `captions`: `listing` of them in metadata.jsonl, `text` beside the files."""
    place, lines = root / name, []
    for index, caption in enumerate(CAPTIONS):
        rng = np.random.default_rng([seed, index])
        tone = np.sin(2 * np.pi * rng.uniform(200, 600) * np.arange(32_000) / 32_000)
        file = place / f"{name}-{index}.wav"
        save_audio(file, (0.1 * tone + noise * rng.standard_normal(32_000)).astype(np.float32), sample_rate=32_000)
        lines.append(json.dumps({"file_name": file.name, "caption": caption}))
        if captions == "text":
            file.with_suffix(".txt").write_text(caption)
    if captions == "listing":
        (place / "metadata.jsonl").write_text("\n".join(lines[:-1] if noise else lines))
    return place


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of `counterpoint evaluate ARGUMENTS`."""
    monkeypatch.setattr(sys, "argv", ["counterpoint", "evaluate", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_two_folders_are_judged_and_paired_by_their_captions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = folder(tmp_path, "ours", noise=0.0, seed=1, captions="listing")
    theirs = folder(tmp_path, "theirs", noise=0.05, seed=2, captions="text")
    music = folder(tmp_path, "music", noise=0.0, seed=3)
    out = tmp_path / "scores.json"
    assert run(monkeypatch, ours, theirs, "--reference", music, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "Differences, first minus second" in printed and "Note: The clips of theirs are matched" in printed
    found = json.loads(out.read_text())
    assert all(each["paired"] and each["n"] == 8 for each in found["differences"])
    assert any("matched with those of ours by their captions" in note for note in found["notes"])
    assert found["ids"]["ours"] == found["ids"]["theirs"]
    assert len(found["scores"]["ours"]["fad_musicnn"]) >= 9


def test_folders_that_cannot_be_judged_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = folder(tmp_path, "ours", noise=0.0, seed=1)
    few = folder(tmp_path, "few", noise=0.05, seed=2, captions="listing")
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ((few, "--reference", ours), "few has 7 clips; an interval needs at least 8"),
        ((ours, "--reference", tmp_path / "empty"), "empty contains no audio"),
        ((ours, "--reference", tmp_path / "nowhere"), "nowhere is not a dataset"),
    ):
        assert run(monkeypatch, *arguments) == 2
        printed = capsys.readouterr().err
        assert message in " ".join(printed.split()) and "Traceback" not in printed
