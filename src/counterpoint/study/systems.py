"""The clips of a study that are judged: the models', the ground truth's and its reconstructions'."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from counterpoint.config import read_json
from counterpoint.metrics import Clip, load_generated

GROUND_TRUTH = "ground_truth"
GENERATED = "generate_"
RECONSTRUCTED = "reconstruct"
VIEWS = ("latents", "codes")


def judged_systems(inputs: Mapping[str, Path]) -> dict[str, list[Clip]]:
    """By system, its clips; windows of one track are a group, clips of one training seed bear it.

    Args:
        inputs: folders of the steps `prompts`; `reconstruct`, or `reconstruct_<codec>` of several; and of any number of
            `generate_<system>`, further training seeds as `generate_<system>@<seed>`.
    """
    tracks = {window["id"]: window["row"] for window in read_json(inputs["prompts"] / "prompts.json")["windows"]}
    folders = {GROUND_TRUTH: inputs["prompts"] / "truth"}
    for name, path in inputs.items():
        if name.startswith(GENERATED):
            folders[name.removeprefix(GENERATED)] = path
        elif name.startswith(RECONSTRUCTED):
            views = {f"reconstruction{name.removeprefix(RECONSTRUCTED)}_{view}": path / view for view in VIEWS}
            folders |= {system: folder for system, folder in views.items() if folder.is_dir()}
    systems: dict[str, list[Clip]] = {}
    for name, folder in folders.items():
        system, _, seed = name.partition("@")
        clips = [replace(clip, group=tracks[clip.key], seed=seed) for clip in load_generated(folder)]
        systems.setdefault(system, []).extend(clips)
    return systems
