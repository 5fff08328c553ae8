"""The evaluation of the seams of every system's spans."""

from __future__ import annotations

from counterpoint.metrics import evaluate_seams
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Spans
from counterpoint.study.judged import PLAIN, clips_judged, judged_systems
from counterpoint.study.work import Work, computes


@computes("judge_seams", version=1, workload=clips_judged("joined"))
def judge_seams(work: Work) -> None:
    """Write an `Evaluation` of the seams of every system. The configuration contains the `seed`, the `pairs` of systems
    to test for a difference, and with `plain` the judgement of spans inserted as the models made them."""
    plain = work.config.get("plain", False)
    evaluation = evaluate_seams(
        judged_systems(work.inputs, generated=PLAIN if plain else ""),
        plain=plain,
        spans=Spans.read(work.inputs["spans"]).spans,
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_evaluation(evaluation, work.folder)
