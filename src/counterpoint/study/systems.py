"""The clips of a study that are judged: the models', the ground truth's and its reconstructions'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from counterpoint.config import read_json
from counterpoint.metrics import Clip, load_generated

GROUND_TRUTH = "ground_truth"
GENERATED = "generate_"


def judged_systems(inputs: Mapping[str, Path]) -> dict[str, list[Clip]]:
    """By system, its clips; windows of one track are a group.

    Args:
        inputs: folders of the steps `prompts` and `reconstruct`, and of any number of `generate_<system>`.
    """
    tracks = {window["id"]: window["row"] for window in read_json(inputs["prompts"] / "prompts.json")["windows"]}
    folders = {
        GROUND_TRUTH: inputs["prompts"] / "truth",
        "reconstruction_latents": inputs["reconstruct"] / "latents",
        "reconstruction_codes": inputs["reconstruct"] / "codes",
        **{name.removeprefix(GENERATED): path for name, path in inputs.items() if name.startswith(GENERATED)},
    }
    return {
        name: [replace(clip, group=tracks[clip.key]) for clip in load_generated(folder)]
        for name, folder in folders.items()
    }
