"""The judges on every system."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.config import read_json, write_json
from counterpoint.data import open_dataset
from counterpoint.metrics import Clip, evaluate, load_generated

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

GENERATED = "generate_"


def evaluate_systems(work: Work) -> None:
    """Write `evaluation.json`: every metric of the models, of the ground truth and of its reconstructions.

    The reference is the training split: no clip of the ground truth is in it, so the ground truth's own distance is
    what a perfect system would get. Windows of one track are resampled together. The configuration holds the `seed`
    and the `pairs` of systems to test for a difference.
    """
    prompts = read_json(work.inputs["prompts"] / "prompts.json")
    tracks = {window["id"]: window["row"] for window in prompts["windows"]}
    systems = {
        name: [replace(clip, group=tracks[clip.key]) for clip in load_generated(folder)]
        for name, folder in _folders(work).items()
    }
    evaluation = evaluate(
        systems,
        reference=_training_music(work.inputs["data"]),
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_json(work.folder / "evaluation.json", evaluation.to_json())


def _folders(work: Work) -> dict[str, Path]:
    generated = {name.removeprefix(GENERATED): path for name, path in work.inputs.items() if name.startswith(GENERATED)}
    return {
        "ground_truth": work.inputs["prompts"] / "truth",
        "reconstruction_latents": work.inputs["reconstruct"] / "latents",
        "reconstruction_codes": work.inputs["reconstruct"] / "codes",
        **generated,
    }


def _training_music(folder: Path) -> list[Clip]:
    dataset = open_dataset(folder)
    rows = dataset.splits["train"].select_columns(["id", "audio", "caption"]).to_list()
    return [Clip(audio=dataset.audio_path(row), caption=row["caption"], id=row["id"]) for row in rows]
