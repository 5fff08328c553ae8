"""The judges on every system."""

from __future__ import annotations

from dataclasses import replace

from counterpoint.metrics import evaluate
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Prompts
from counterpoint.study.judged import judged_systems
from counterpoint.study.unheard import HELD_OUT, unheard_music
from counterpoint.study.work import Work, computes


@computes("evaluate", version=2)
def evaluate_systems(work: Work) -> None:
    """Write an `Evaluation`: every metric of the models, of the ground truth and of its reconstructions.

    The reference is held-out music of the input `data` without the tracks of the prompts, so that the ground truth's
    own distance is what a perfect system would get and nobody gains by knowing the training music. Windows of one track
    are resampled together. The configuration holds the `seed`, the `pairs` of systems to test for a difference and, if
    they are not the held-out ones, the `reference` splits, on which no model was trained; that it names the `judges`
    makes the step new when others are there.
    """
    splits = work.config.get("reference", HELD_OUT)
    unheard = unheard_music(work.inputs["data"], Prompts.read(work.inputs["prompts"]), splits=splits)
    found = evaluate(
        judged_systems(work.inputs),
        reference=unheard.clips,
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_evaluation(replace(found, notes=(unheard.note, *found.notes)), work.folder)
