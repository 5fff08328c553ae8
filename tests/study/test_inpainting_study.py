"""The study of inpainting: its plan, and the steps between the music and the judges."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import save_audio
from counterpoint.config import TrainingConfig, UserError, read_json, write_json, write_json_lines
from counterpoint.inpaint import CROSSFADE_S
from counterpoint.metrics import load_generated
from counterpoint.study.kinds import load_study
from counterpoint.study.shipped import find_study
from counterpoint.study.steps.anchors import misplace_spans, silence_spans
from counterpoint.study.steps.best import keep_best
from counterpoint.study.steps.prompts import SAMPLE_RATE
from counterpoint.study.steps.spans import draw_spans
from counterpoint.study.work import Work, in_order

CLIP_S, COUNT = 2.0, 8
TASK = {"mask_s": 1.0, "margin_s": 0.2, "seed": 3}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    """Eight windows of four tracks: tones, each of its own pitch; `reconstruct` holds them at half the level."""
    windows = [{"id": f"clip-{index}", "row": f"track-{index // 2}", "caption": "a tone"} for index in range(COUNT)]
    write_json(tmp_path / "prompts" / "prompts.json", {"duration_s": CLIP_S, "windows": windows})
    times = np.arange(round(CLIP_S * SAMPLE_RATE)) / SAMPLE_RATE
    for index, window in enumerate(windows):
        tone = (0.4 * np.sin(2 * np.pi * 220 * 1.1**index * times)).astype(np.float32)
        save_audio(tmp_path / "prompts" / "truth" / f"{window['id']}.wav", tone, sample_rate=SAMPLE_RATE)
        save_audio(tmp_path / "reconstruct" / "latents" / f"{window['id']}.wav", tone / 2, sample_rate=SAMPLE_RATE)
    given = {"prompts": tmp_path / "prompts", "reconstruct": tmp_path / "reconstruct", "spans": tmp_path / "spans"}
    draw_spans(Work(given["spans"], TASK, given))
    return given


def samples(path: Path) -> np.ndarray:
    return soundfile.read(path, dtype="int16")[0]


def outside(span: list[float]) -> np.ndarray:
    at = np.arange(round(CLIP_S * SAMPLE_RATE)) / SAMPLE_RATE
    return (at < span[0] - CROSSFADE_S - 1e-3) | (at > span[1] + CROSSFADE_S + 1e-3)


def test_spans_have_their_length_and_margins_and_lie_anywhere(inputs: dict[str, Path], tmp_path: Path) -> None:
    windows = [{"id": f"{index}", "row": "", "caption": ""} for index in range(400)]
    write_json(tmp_path / "many" / "prompts.json", {"duration_s": CLIP_S, "windows": windows})
    draw_spans(Work(tmp_path / "drawn", TASK, {"prompts": tmp_path / "many"}))
    spans = np.array([*read_json(tmp_path / "drawn" / "spans.json")["spans"].values()])
    np.testing.assert_allclose(spans[:, 1] - spans[:, 0], 1.0)
    assert 0.2 <= spans[:, 0].min() < 0.21 and 0.79 < spans[:, 0].max() <= 0.8
    assert abs(spans[:, 0].mean() - 0.5) < 0.03 and abs(spans[:, 0].std() - 0.6 / 12**0.5) < 0.02  # uniform
    draw_spans(Work(tmp_path / "again", TASK, inputs))
    assert read_json(tmp_path / "again" / "spans.json") == read_json(inputs["spans"] / "spans.json")


def test_anchors_leave_the_music_around_the_span(inputs: dict[str, Path], tmp_path: Path) -> None:
    spans = read_json(inputs["spans"] / "spans.json")["spans"]
    silence_spans(Work(tmp_path / "silence", {"keeps_phase": True}, inputs))
    misplace_spans(Work(tmp_path / "other", {"keeps_phase": True}, inputs))
    for name, span in spans.items():
        truth = samples(inputs["prompts"] / "truth" / f"{name}.wav")
        middle = slice(*(round(second * SAMPLE_RATE) for second in span))
        quiet, other = (samples(tmp_path / anchor / f"{name}.wav") for anchor in ("silence", "other"))
        for found in (quiet, other):
            assert np.array_equal(found[outside(span)], truth[outside(span)])
        assert not quiet[middle].any()
        from_others = [samples(path)[middle] for path in (inputs["reconstruct"] / "latents").glob("*.wav")]
        assert any(np.abs(other[middle] - theirs).max() <= 1 for theirs in from_others)
        own = samples(inputs["reconstruct"] / "latents" / f"{name}.wav")
        assert np.abs(other[middle].astype(float) - own[middle]).max() > 1000
    assert [clip.key for clip in load_generated(tmp_path / "other")] == [*spans]


def test_the_other_music_is_of_another_track(inputs: dict[str, Path], tmp_path: Path) -> None:
    misplace_spans(Work(tmp_path / "other", {"keeps_phase": True}, inputs))
    spans = read_json(inputs["spans"] / "spans.json")["spans"]
    for index, (name, span) in enumerate(spans.items()):
        middle = slice(*(round(second * SAMPLE_RATE) for second in span))
        found = samples(tmp_path / "other" / f"{name}.wav")[middle]
        neighbour = samples(inputs["reconstruct"] / "latents" / f"clip-{index ^ 1}.wav")[middle]
        assert np.abs(found.astype(float) - neighbour).max() > 1000


def test_the_take_with_the_smoothest_seams_is_kept(inputs: dict[str, Path], tmp_path: Path) -> None:
    """The true music in one system's even windows and in the other's odd ones; silence in the rest."""
    silence_spans(Work(tmp_path / "silence", {"keeps_phase": True}, inputs))
    ids = [*read_json(inputs["spans"] / "spans.json")["spans"]]
    takes = {}
    for system, parity in (("generate_a", 0), ("generate_b", 1)):
        takes[system] = tmp_path / system
        takes[system].mkdir()
        for index, name in enumerate(ids):
            source = inputs["prompts"] / "truth" if index % 2 == parity else tmp_path / "silence"
            (takes[system] / f"{name}.wav").write_bytes((source / f"{name}.wav").read_bytes())
        write_json_lines(takes[system] / "metadata.jsonl", [{"file_name": f"{name}.wav", "id": name} for name in ids])
    (tmp_path / "best").mkdir()
    keep_best(Work(tmp_path / "best", {}, {**inputs, **takes}))
    choice = json.loads((tmp_path / "best" / "best.json").read_text())
    assert choice == {
        "chosen": {name: "ab"[index % 2] for index, name in enumerate(ids)},
        "counts": {"a": COUNT // 2, "b": COUNT // 2},
    }
    for name in ids:
        assert np.array_equal(
            samples(tmp_path / "best" / f"{name}.wav"), samples(inputs["prompts"] / "truth" / f"{name}.wav")
        )


def test_what_table4_trains_and_draws() -> None:
    steps = {step.name: step for step in in_order(load_study(find_study("table4")).plan().values())}
    ar, fm = (steps[f"inpaint_{paradigm}"].config for paradigm in ("autoregressive", "flow_matching"))
    assert isinstance(ar, TrainingConfig) and isinstance(fm, TrainingConfig)
    differing = {key for key in TrainingConfig.model_fields if getattr(ar, key) != getattr(fm, key)}
    assert differing == {"model"}
    for paradigm in ("autoregressive", "flow_matching"):
        assert steps[f"inpaint_{paradigm}"].inputs["start"] is steps[f"train_{paradigm}"]
    assert steps["generate_fm_inversion"].inputs["model"] is steps["train_flow_matching"]
    assert steps["generate_fm"].inputs["model"] is steps["inpaint_flow_matching"]
    assert {name.removeprefix("generate_") for name in steps if name.startswith("generate_")} == {
        *("ar", "fm", "fm_inversion", "fm_repaint", "fm_projection", "fm_gradient", "fm_best", "silence", "other_clip")
    }


@pytest.mark.parametrize("scale", ["quick", "paper", "debug"])
def test_every_scale_masks_half_a_clip(scale: str) -> None:
    study = load_study(find_study("table4"), scale=scale)
    assert study.inpainting.mask_s == study.prompts.duration_s / 2  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    "override, said",
    [
        ("inpainting.mask_s=4.5", "does not fit into prompts.duration_s 5"),
        ("inpainting.share=0", "inpainting.share"),
        ("sampling.ours={}", "sampling must name ar, fm, fm_inversion"),
    ],
)
def test_what_cannot_be_is_refused(override: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_study(find_study("table4"), overrides=[override])
