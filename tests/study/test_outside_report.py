"""A comparison of the paradigms shows systems from outside in its tables, charts, examples and verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counterpoint.study.kinds.paradigms import ParadigmStudy
from counterpoint.study.report import Content, write_report
from counterpoint.study.report.assemble import PAIR, assemble
from counterpoint.study.report.read import Folders

from counterpoint.audio import save_audio
from counterpoint.config import write_json

IDS = [f"track-{index}" for index in range(8)]
CODEC = ("reconstruction_latents", "reconstruction_codes")
VALUES = {"autoregressive": 5.0, "flow_matching": 8.0, "mine": 6.0, "ground_truth": 2.0, **dict.fromkeys(CODEC, 3.0)}


def score(value: float) -> dict[str, Any]:
    return {"value": value, "low": 0.9 * value, "high": 1.1 * value, "n": 8, "per_clip": None}


def difference(first: str, second: str) -> dict[str, Any]:
    value = VALUES[first] - VALUES[second]
    reach = 0.5 * abs(value)
    found = {"metric": "fad_musicnn", "first": first, "second": second, "value": value, "paired": True, "n": 8}
    return {
        **found,
        "low": value - reach,
        "high": value + reach,
        "p": 0.001,
        "p_holm": 0.002,
        "effect": 1.2,
        "seeds": 1,
    }


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> Content:
    root = tmp_path_factory.mktemp("study")
    windows = [{"id": key, "row": key, "split": "test", "caption": f"Song {key}"} for key in IDS]
    write_json(root / "prompts" / "prompts.json", {"duration_s": 0.5, "windows": windows})
    info = {"kind": "composed", "fingerprint": "f", "rows": {"train": 9}, "hours": {"train": 1.0}}
    write_json(root / "data" / "dataset.json", info)
    latents = {"codec": "pocket", "sample_rate": 32_000, "frame_rate": 25.0, "num_codebooks": 4, "codebook_size": 64}
    write_json(root / "encode" / "latents.json", {**latents, "latent_dim": 8, "fingerprint": "c"})
    measures = {"si_snr_db": 3.0, "log_spectral_distance_db": 11.0}
    write_json(root / "reconstruct" / "reconstruction.json", {"views": {"latents": measures, "codes": measures}})
    for key in PAIR:
        run = {"parameters": 1000, "steps": 3, "examples": 12, "audio_s": 24.0, "wall_s": 9.0}
        write_json(root / f"train_{key}" / "result.json", run)
        lines = [{"step": step, "loss": 3.0 - step / 4} for step in (1, 2, 3)]
        (root / f"train_{key}" / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        report = {"clips": 8, "audio_s": 4.0, "latency_s": 2.0, "network_evaluations": 25, "model_evaluations": 50}
        for folder in (root / f"generate_{key}", root / f"generate_{key}" / "alone"):
            write_json(folder / "generation.json", {"report": report})
    places = ["prompts/truth", "reconstruct/codes", "reconstruct/latents", *(f"generate_{key}" for key in PAIR)]
    for place in (*places, "generate_mine"):
        for key in IDS[:6] if place == "generate_mine" else IDS:
            save_audio(root / place / f"{key}.wav", 0.1 * np.ones(16_000, np.float32), sample_rate=32_000)
    metric = {"name": "fad_musicnn", "description": "a distance", "unit": "", "better": "lower", "chance": None}
    pairs = [PAIR, *((key, "mine") for key in PAIR)]
    evaluation = {
        "n": 8,
        "metrics": [metric],
        "scores": {system: {"fad_musicnn": score(value)} for system, value in VALUES.items()},
        "floors": {},
        "differences": [difference(*pair) for pair in pairs],
        "notes": [],
    }
    write_json(root / "evaluate" / "evaluation.json", evaluation)
    study = {"training": {"backbone": "debug", "steps": 3}, "systems": {"mine": "/elsewhere/my clips"}}
    return assemble(
        Folders({path.name: path for path in root.iterdir()}),
        name="tiny",
        study=ParadigmStudy.model_validate({**study, "examples": 8}).model_dump(mode="json"),
        study_yaml="steps: 3\n",
        own_data=False,
    )


def test_an_outside_system_stands_beside_both_paradigms(content: Content) -> None:
    assert [system.key for system in content.systems] == ["ground_truth", *CODEC, *PAIR, "mine"]
    assert content.system("mine").what.startswith("An outside system: its clips in the folder my clips that answer")
    assert {(item.first, item.second) for item in content.differences} == {PAIR, *((key, "mine") for key in PAIR)}
    assert content.verdict.sentence.startswith(
        "On this data and budget, auto-regressive does better than flow matching"
    )
    assert content.verdict.points[0] == (
        "Minus mine, in fad_musicnn: auto-regressive \u22121.0 [\u22121.5, \u22120.5] (better); flow matching 2.0 "
        "[1.0, 3.0] (worse)."
    )
    assert not any("mine" in row.values for row in content.costs)


def test_its_clips_are_heard_where_it_answers(content: Content, tmp_path: Path) -> None:
    assert [("mine" in example.clips) for example in content.examples] == 6 * [True] + 2 * [False]
    page = write_report(content, tmp_path).read_text(encoding="utf-8")
    assert page.count('class="player mark s-outside"') == 6
    assert "Auto-regressive \u2212 mine" in page and "mine is better" in page and "/elsewhere" not in page
    assert ">Effect</th>" in page and ">1.20</td>" in page
