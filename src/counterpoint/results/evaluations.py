"""The part written by a step that evaluates: an `Evaluation` of `counterpoint.metrics`."""

from __future__ import annotations

from pathlib import Path

from counterpoint.config import write_json
from counterpoint.metrics import Evaluation
from counterpoint.results.records import read_record

EVALUATION_FILE = "evaluation.json"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write the evaluation of a step into its folder."""
    write_json(folder / EVALUATION_FILE, evaluation.to_json())


def read_evaluation(folder: Path) -> Evaluation:
    """The inverse of `write_evaluation`; see `read_record` for the errors."""
    return read_record(folder / EVALUATION_FILE, Evaluation)
