"""The clips of a study that are evaluated: the models', the ground truth's and its reconstructions'."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from counterpoint.bench.workload import Handling, Workload
from counterpoint.metrics import Clip, load_generated
from counterpoint.results.parts import Prompts
from counterpoint.study.work import Step
from counterpoint.study.workload import handled

GROUND_TRUTH = "ground_truth"
GENERATED = "generate_"
RECONSTRUCTED = "reconstruct"
COPIES = "training_copies"
"""The system that answers with training music."""
VIEWS = ("latents", "codes")


PLAIN = "plain"
"""Folder below a step of inpainting: its clips with every span inserted as the model made it."""


def judged_systems(inputs: Mapping[str, Path], *, generated: str = "") -> dict[str, list[Clip]]:
    """By system, its clips; windows of one track form a group, and clips carry their training seed.

    Args:
        generated: folder below those of `generate_<system>`; by default the clips lie in them.
        inputs: folders of the steps `prompts`; `reconstruct`, or `reconstruct_<codec>` for several; and any number of
            `generate_<system>`, with further training seeds as `generate_<system>@<seed>`.
    """
    tracks = {window.id: window.row for window in Prompts.read(inputs["prompts"]).windows}
    systems: dict[str, list[Clip]] = {}
    for name, given, below in named_systems(inputs):
        folder = inputs[given] / (generated if given.startswith(GENERATED) else below)
        if folder.is_dir():
            system, _, seed = name.partition("@")
            clips = [replace(clip, group=tracks[clip.key], seed=seed) for clip in load_generated(folder)]
            systems.setdefault(system, []).extend(clips)
    return systems


def named_systems(inputs: Iterable[str]) -> list[tuple[str, str, str]]:
    """(system, name of the input, folder below it) of all systems to evaluate, by the names of a step's inputs."""
    found = [(GROUND_TRUTH, "prompts", "truth")]
    for name in inputs:
        if name.startswith(GENERATED):
            found.append((name.removeprefix(GENERATED), name, ""))
        elif name.startswith(RECONSTRUCTED):
            codec = name.removeprefix(RECONSTRUCTED)
            found += [(f"reconstruction{codec}_{view}", name, view) for view in VIEWS]
    return found


def clips_judged(handling: Handling) -> Callable[[Step], Workload]:
    """The work of a step that analyses the clips of all systems among its inputs, and as much reference music."""
    return lambda step: Workload(music=[handled(step, handling, systems=1 + len(named_systems(step.inputs)))])
