"""Systems from outside: whose clips answer which prompt, and what is said when they answer none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import load_audio, save_audio
from counterpoint.config import UserError, write_json_lines
from counterpoint.metrics import Clip, load_generated
from counterpoint.results.parts import Prompts, Window
from counterpoint.study.judged import judged_systems
from counterpoint.study.steps.outside import admit, match
from counterpoint.study.surroundings import clips_source
from counterpoint.study.work import Work

WINDOWS = [Window(id=f"test-{i:04d}-0", caption=f"Caption {i // 2}", row=f"song {i // 2}") for i in range(10)]


def folder_of(clips: dict[str, str], folder: Path, *, ids: bool = False, seconds: float = 0.3) -> Path:
    """Clips by name with their captions."""
    for seed, name in enumerate(clips):
        noise = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * 16_000)).astype(np.float32)
        save_audio(folder / f"{name}.wav", noise, sample_rate=16_000)
    lines = [
        {"file_name": f"{name}.wav", "caption": caption, **({"id": name} if ids else {})}
        for name, caption in clips.items()
    ]
    write_json_lines(folder / "metadata.jsonl", lines)
    return folder


def work_of(tmp_path: Path, clips: Path) -> Work:
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    Prompts(duration_s=0.2, windows=tuple(WINDOWS)).write(prompts)
    (tmp_path / "admitted").mkdir()
    return Work(tmp_path / "admitted", {"name": "mine"}, {"prompts": prompts, "folder": clips})


def test_ids_come_before_captions() -> None:
    clips = [Clip(Path("a.wav"), "Caption 3", id="test-0001-0"), Clip(Path("b.wav"), "Caption 1", id="other")]
    assert match(clips, WINDOWS) == {"test-0001-0": clips[0]}


def test_a_clip_answers_one_prompt_with_its_caption() -> None:
    clips = [Clip(Path(f"{i}.wav"), "caption  1") for i in range(3)] + [Clip(Path("x.wav"), "")]
    found = match(clips, WINDOWS)
    assert [found[name].audio.stem for name in ("test-0002-0", "test-0003-0")] == ["0", "1"] and len(found) == 2


@pytest.mark.parametrize("ids", [True, False])
def test_admitted_clips_are_cut_to_the_prompts_and_judged_beside_the_others(tmp_path: Path, ids: bool) -> None:
    clips = {(window.id if ids else f"clip{i}"): window.caption for i, window in enumerate(WINDOWS)}
    work = work_of(tmp_path, folder_of(clips, tmp_path / "mine", ids=ids))
    admit(work)
    found = load_generated(work.folder)
    assert [clip.key for clip in found] == [window.id for window in WINDOWS]
    assert all(len(load_audio(clip.audio, sample_rate=None)[0]) == 3200 for clip in found)
    folder_of({window.id: window.caption for window in WINDOWS}, work.inputs["prompts"] / "truth", ids=True)
    systems = judged_systems({"prompts": work.inputs["prompts"], "generate_mine": work.folder})
    assert set(systems) == {"ground_truth", "mine"}
    assert [clip.group for clip in systems["mine"]] == [window.row for window in WINDOWS]


def test_a_system_that_answers_too_few_prompts_is_told_where_they_are(tmp_path: Path) -> None:
    work = work_of(tmp_path, folder_of({f"{i}": "Something else" for i in range(12)}, tmp_path / "mine"))
    with pytest.raises(UserError, match=r"mine answers 0 of the 10 prompts.*ids or the captions in .*metadata\.jsonl"):
        admit(work)


def test_runs_of_one_system_are_told_apart_by_their_seed(tmp_path: Path) -> None:
    work = work_of(tmp_path, folder_of({}, tmp_path / "none"))
    captions = {window.id: window.caption for window in WINDOWS}
    places = {
        "prompts": work.inputs["prompts"],
        "generate_ar": folder_of(captions, tmp_path / "first", ids=True),
        "generate_ar@1": folder_of(captions, tmp_path / "second", ids=True),
        "reconstruct_pocket": tmp_path / "codec",
    }
    folder_of(captions, work.inputs["prompts"] / "truth", ids=True)
    folder_of(captions, tmp_path / "codec" / "latents", ids=True)
    systems = judged_systems(places)
    assert set(systems) == {"ground_truth", "ar", "reconstruction_pocket_latents"}
    assert [clip.seed for clip in systems["ar"]] == [""] * 10 + ["1"] * 10


def test_a_folder_of_clips_is_known_by_its_content(tmp_path: Path) -> None:
    clips = {f"{i}": f"Caption {i}" for i in range(8)}
    first, copy = (clips_source(folder_of(clips, tmp_path / name)) for name in ("a", "b"))
    assert first.key == copy.key and first.path != copy.path
    assert clips_source(folder_of({**clips, "0": "Another"}, tmp_path / "c")).key != first.key
