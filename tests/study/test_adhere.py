"""The step that judges adherence: exact targets where the dataset knows them, melodies only where they are shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.audio import save_audio
from counterpoint.compose import render_clip
from counterpoint.data import save_dataset
from counterpoint.metrics import Evaluation
from counterpoint.results.evaluations import read_evaluation
from counterpoint.results.parts import DetectedMusic, Prompts, Window
from counterpoint.study.settings import PromptsConfig
from counterpoint.study.steps.adhere import adhere
from counterpoint.study.steps.prompts import choose_prompts
from counterpoint.study.windows import spread
from counterpoint.study.work import Work

KNOWN = ("chords", "melody", "beats")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Eight windows of 3 s of four composed clips, themselves in place of reconstructions, and a system of noise."""
    folder = tmp_path_factory.mktemp("study")
    rows = []
    for index in range(4):
        clip = render_clip(3, index, duration_s=7.0)
        save_audio(folder / "data" / f"{index}.wav", clip.audio, sample_rate=32_000)
        rows.append({**clip.row, "id": f"row{index}", "audio": f"{index}.wav", "drums": ""})
    save_dataset(folder / "data", {"test": rows}, info={"name": "tiny", "kind": "composed"})
    plain = [{**row, **{key: [] for key in KNOWN}} for row in rows]
    shutil.copytree(folder / "data", folder / "plain", ignore=shutil.ignore_patterns("test", "*.json"))
    save_dataset(folder / "plain", {"test": plain}, info={"name": "tiny", "kind": "ingested"})
    choose_prompts(Work(folder / "prompts", PromptsConfig(clips=8, duration_s=3.0), {"data": folder / "data"}))
    truth = folder / "prompts" / "truth"
    for name in ("reconstruct/codes", "reconstruct/latents", "generate_shifted"):
        shutil.copytree(truth, folder / name)
    names = sorted(path.name for path in truth.glob("*.wav"))
    for name, other in zip(names, names[2:] + names[:2], strict=True):  # each follows another track's target
        shutil.copy(truth / other, folder / "generate_shifted" / name)
    return {name: folder / name for name in ("data", "plain", "prompts", "reconstruct", "generate_shifted")}


def run(inputs: dict[str, Path], folder: Path) -> tuple[Evaluation, DetectedMusic, tuple[Window, ...]]:
    config = {"seed": 0, "pairs": [("reconstruction_codes", "shifted")], "examples": [2]}
    adhere(Work(folder, config, inputs))
    windows = Prompts.read(inputs["prompts"]).windows
    return read_evaluation(folder), DetectedMusic.read(folder), windows


def test_every_system_is_judged_and_what_was_heard_is_kept(inputs: dict[str, Path], tmp_path: Path) -> None:
    found, heard, windows = run(inputs, tmp_path)
    names = {"ground_truth", "reconstruction_latents", "reconstruction_codes", "shifted"}
    assert set(found.scores) == set(heard.systems) == names
    scores = found.scores["reconstruction_codes"]
    assert scores["chord_iou_viterbi25"].value == scores["melody_similarity"].value == 1, "it is the reference"
    assert scores["chord_iou_viterbi25_exact"] == found.floors["ground truth"]["chord_iou_viterbi25_exact"]
    assert scores["melody_similarity"].low > found.scores["shifted"]["melody_similarity"].high
    assert {each.metric for each in found.differences} == set(scores)
    shown = spread(windows, 2)
    assert [*heard.target] == [window.id for window in shown]
    for window in shown:
        row = render_clip(3, int(window.row[-1]), duration_s=7.0).row
        exact = Annotation.of_row(row).cut(window.start_s, 3.0)
        target = heard.target[window.id]
        assert [label for _, label in target.chords] == [label for _, label in exact.chords]
        assert target.downbeats_s == pytest.approx(exact.downbeats_s, abs=1e-5)
    for of_system in heard.systems.values():
        assert of_system.keys() == heard.target.keys()
        assert all(clip.notes and clip.chords and clip.duration_s == 3.0 for clip in of_system.values())


def test_without_annotations_the_target_is_what_is_heard_in_the_music(inputs: dict[str, Path], tmp_path: Path) -> None:
    found, heard, _ = run({**inputs, "data": inputs["plain"]}, tmp_path)
    assert not any(name.endswith("_exact") for scores in found.scores.values() for name in scores)
    assert any("chord_iou_viterbi25_exact is left out" in note for note in found.notes)
    assert heard.target == heard.systems["ground_truth"]
    assert len(heard.target) == 2 and all(clip.notes for clip in heard.target.values())


def test_examples_are_spread_over_the_prompts() -> None:
    assert spread(range(10), 2) == [2, 7]
    assert spread(range(3), 9) == [0, 1, 2]
    assert spread(range(3), 0) == spread([], 4) == []
