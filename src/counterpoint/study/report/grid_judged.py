"""What the evaluations of a grid found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from counterpoint.study.report.content import Difference, GridCell, Metric, Score, System
from counterpoint.study.report.read import HALVES, Folders, read_difference, read_metrics, read_scores

TRUTH = "ground_truth"
VIEWS = {"latents": "continuous", "codes": "quantised"}


class Judged:
    """What every evaluation of a grid found, on one page: systems that several of them know, such as the ground truth,
    get a key of their own for each.

    Attributes:
        evaluations: by step.
        outsiders: systems from outside, under the names of the configuration.
        suffixes: by name of a duration, what such keys end with; both "" where there is one evaluation alone.
    """

    def __init__(self, folders: Folders, cells: Sequence[Mapping[str, Any]], *, outside: Sequence[System]):
        durations = {cell["evaluate"]: f"{cell['duration_s']:g} s" for cell in cells}
        self.evaluations = {step: folders.json(step, "evaluation.json") for step in durations}
        several = len(durations) > 1
        self.durations = {step: name if several else "" for step, name in durations.items()}
        self.suffixes = {name: f"_{name.replace(' ', '')}" if name else "" for name in self.durations.values()}
        self.outsiders = outside
        self._own = {cell["system"] for cell in cells}
        metrics: dict[str, Metric] = {}
        self.scores: dict[str, dict[str, Score]] = {}
        self.differences: list[Difference] = []
        for step, evaluation in self.evaluations.items():
            scores, suffix = read_scores(evaluation), self.suffixes[self.durations[step]]
            for metric, of_metric in scores.items():
                renamed = {self._key(system, suffix): score for system, score in of_metric.items()}
                self.scores.setdefault(metric, {}).update(renamed)
            metrics |= {metric.key: metric for metric in read_metrics(evaluation, scores) if metric.key not in metrics}
            self.differences += [self._renamed(item, suffix) for item in evaluation["differences"]]
        self.metrics = list(metrics.values())

    def _key(self, system: str, suffix: str) -> str:
        return system if system in self._own else f"{system}{suffix}"

    def _renamed(self, item: Mapping[str, Any], suffix: str) -> Difference:
        pair = {side: self._key(item[side], suffix) for side in ("first", "second")}
        return read_difference({**item, **pair})

    def _known(self, systems: Iterator[System]) -> list[System]:
        return [system for system in systems if any(system.key in of_metric for of_metric in self.scores.values())]

    def floors(self, suffix: str, codecs: Mapping[str, tuple[str, str]]) -> list[System]:
        """What no model made: the music, through each codec, and halves of the reference.

        Args:
            codecs: by label, what tells each from the others, and its name.
        """

        def every() -> Iterator[System]:
            yield System(f"{TRUTH}{suffix}", "Ground truth", "Ground truth", "The held-out music itself.", style=TRUTH)
            for label, (place, codec) in codecs.items():
                for view, how in VIEWS.items():
                    name = f"Codec, {place}, {how}" if place else f"Codec, {how}"
                    what = f"The ground truth through {codec}, {how}: the best that models which speak it can sound."
                    key = f"reconstruction_{label}_{view}{suffix}"
                    yield System(key, name, name, what, style=f"reconstruction_{view}")
            what = "One half of the reference tracks against the other: what distances come to when nothing differs."
            yield System(f"{HALVES}{suffix}", "Training music, two halves", "Training halves", what, style=HALVES)

        return self._known(every())

    def outside(self, suffix: str) -> list[System]:
        """Those from outside, under the key of this evaluation."""
        told = f", {suffix[1:].replace('s', ' s')}" if suffix else ""
        return self._known(
            replace(system, key=f"{system.key}{suffix}", name=f"{system.name}{told}", short=f"{system.short}{told}")
            for system in self.outsiders
        )

    def suffix(self, cell: GridCell) -> str:
        name = f"{cell.duration_s:g} s"
        return self.suffixes.get(name, "")

    def name(self, key: str) -> str:
        """Of a system that no model of the study made."""
        bare = next((key.removesuffix(suffix) for suffix in self.suffixes.values() if key.endswith(suffix)), key)
        return "the codec" if bare.startswith("reconstruction") else bare.replace("_", " ")
