"""How well every system's spans join what stands around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.config import read_json, write_json
from counterpoint.metrics import evaluate_seams
from counterpoint.study.steps.spans import SPANS_FILE
from counterpoint.study.systems import judged_systems

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def judge_seams(work: Work) -> None:
    """Write `seams.json`: an `Evaluation` of the seams of every system. The configuration holds the `seed` and the
    `pairs` of systems to test for a difference."""
    spans = read_json(work.inputs["spans"] / SPANS_FILE)["spans"]
    evaluation = evaluate_seams(
        judged_systems(work.inputs),
        spans={name: (start, stop) for name, (start, stop) in spans.items()},
        pairs=work.config["pairs"],
        seed=work.config["seed"],
        progress=work.progress,
    )
    write_json(work.folder / "seams.json", evaluation.to_json())
