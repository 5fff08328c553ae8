"""The judges on every system."""

from __future__ import annotations

from pathlib import Path

from counterpoint.data import open_dataset
from counterpoint.metrics import Clip, evaluate
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Prompts
from counterpoint.study.judged import judged_systems
from counterpoint.study.work import Work, computes


@computes("evaluate", version=1)
def evaluate_systems(work: Work) -> None:
    """Write an `Evaluation`: every metric of the models, of the ground truth and of its reconstructions.

    The reference is the training split of the input `data`: no clip of the ground truth is in it, so the ground truth's
    own distance is what a perfect system would get; where prompts were cut from that split too, their music is left
    out. Windows of one track are resampled together. The configuration holds the `seed` and the `pairs` of systems to
    test for a difference; that it names the `judges` makes the step new when others are there.
    """
    windows = Prompts.read(work.inputs["prompts"]).windows
    asked = {window.row for window in windows if window.split == "train"}
    evaluation = evaluate(
        judged_systems(work.inputs),
        reference=[clip for clip in training_music(work.inputs["data"]) if clip.id not in asked],
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_evaluation(evaluation, work.folder)


def training_music(folder: Path) -> list[Clip]:
    """The training split of a dataset, whole."""
    dataset = open_dataset(folder)
    rows = dataset.splits["train"].select_columns(["id", "audio", "caption"]).to_list()
    return [Clip(audio=dataset.audio_path(row), caption=row["caption"], id=row["id"]) for row in rows]
