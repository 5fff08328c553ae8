"""The evaluation of every system."""

from __future__ import annotations

from dataclasses import replace

from counterpoint.metrics import evaluate
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Prompts
from counterpoint.study.judged import clips_judged, judged_systems
from counterpoint.study.reference import HELD_OUT, reference_music
from counterpoint.study.work import Work, computes


@computes("evaluate", version=4, workload=clips_judged("judged"))
def evaluate_systems(work: Work) -> None:
    """Write an `Evaluation`, every metric of the models, of the ground truth and of its reconstructions, and the
    `Reference` of the distances.

    The reference is held-out music of the input `data` without the tracks of the prompts, so that the ground truth's
    own distance is that of a perfect system and knowing the music of the input `training` is no advantage. Windows
    of one track are resampled together. The configuration contains the `seed`, the `pairs` of systems to test for a
    difference and, if it is not the held-out music, the splits of the `reference`; it lists the `judges`, so that the
    step runs again if others become available.
    """
    clips, reference = reference_music(
        work.inputs["data"],
        Prompts.read(work.inputs["prompts"]),
        splits=work.config.get("reference", HELD_OUT),
        training=work.inputs["training"],
    )
    found = evaluate(
        judged_systems(work.inputs),
        reference=clips,
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        device=work.device,
        progress=work.progress,
    )
    write_evaluation(replace(found, notes=(reference.note, *found.notes)), work.folder)
    reference.write(work.folder)
