"""What the steps of a study wrote, read back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from counterpoint.config import read_json
from counterpoint.study.report.content import Difference, Metric, Score

HALVES = "reference_halves"


def told(config: Mapping[str, Any]) -> dict[str, Any]:
    """What every report is told of its study, from the configuration of its step: `name`, `study` as plain values and
    as a file that `study run` takes, whether the music is the user's own."""
    plain = config["study"].model_dump(mode="json")
    return {
        "name": config["name"],
        "study": plain,
        "study_yaml": yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
        "own_data": config["own_data"],
    }


@dataclass(frozen=True)
class Folders:
    """Where each step's result lies, by step name; its record beside it."""

    paths: Mapping[str, Path]

    def json(self, step: str, name: str) -> Any:
        return read_json(self.paths[step] / name)

    def record(self, step: str) -> dict[str, Any]:
        """Seconds and memory of a step; empty where it was no step, such as a user's dataset."""
        path = self.paths[step] / "step.json"
        return read_json(path) if path.is_file() else {}


def read_scores(evaluation: Mapping[str, Any]) -> dict[str, dict[str, Score]]:
    """By metric, then system; the halves of the reference are a system of their own, for distances alone."""
    rows = dict(evaluation["scores"])
    distances = {
        name: score for name, score in evaluation["floors"].get("ground truth", {}).items() if score["per_clip"] is None
    }
    if distances:
        rows[HALVES] = distances
    scores: dict[str, dict[str, Score]] = {info["name"]: {} for info in evaluation["metrics"]}
    for system, of_system in rows.items():
        for metric, score in of_system.items():
            scores[metric][system] = Score(score["value"], score["low"], score["high"], score["n"])
    return {metric: of_metric for metric, of_metric in scores.items() if of_metric}


def read_metrics(evaluation: Mapping[str, Any], scores: Mapping[str, Any]) -> list[Metric]:
    return [
        Metric(
            key=info["name"],
            better=info["better"],
            what=info["description"][:1].upper() + info["description"][1:] + ".",
            unit=info["unit"],
            chance=info["chance"],
        )
        for info in evaluation["metrics"]
        if info["name"] in scores
    ]


def read_difference(item: Mapping[str, Any]) -> Difference:
    return Difference(**{name: item[name] for name in Difference.__dataclass_fields__ if name in item})
