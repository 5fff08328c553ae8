"""What a step that judges writes into its folder: an `Evaluation` of `counterpoint.metrics`, whatever it judges."""

from __future__ import annotations

from pathlib import Path

from counterpoint.config import read_json, write_json
from counterpoint.metrics import Evaluation

EVALUATION_FILE = "evaluation.json"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write what a step that judges found into its folder."""
    write_json(folder / EVALUATION_FILE, evaluation.to_json())


def read_evaluation(folder: Path) -> Evaluation:
    """The inverse of `write_evaluation`."""
    return Evaluation.from_json(read_json(folder / EVALUATION_FILE))
