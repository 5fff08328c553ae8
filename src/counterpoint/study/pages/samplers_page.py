"""What the page of a study of samplers is made from: its study, results, and what each setting costs and is worth."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from counterpoint.config import FlowMatchingSampling
from counterpoint.metrics.base import Difference, Score
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Mark,
    System,
)
from counterpoint.report.numbers import number
from counterpoint.results.schema import Results
from counterpoint.study.kinds.samplers import SamplerStudy
from counterpoint.study.kinds.trained import BOTH as PAIR
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.looks import of_paradigm, shown_systems

AR, FM = PAIR
DEFAULTS = {"guidance": 3.0, "sway": 0.0, "guidance_interval": (0.0, 1.0)}
"""Settings that differ from these are of no series."""
SOLVER_MARKS = {
    "euler": Mark(shape="circle", colour="blue"),
    "midpoint": Mark(shape="triangle", colour="ochre"),
    "heun": Mark(shape="square", colour="green"),
    "adams": Mark(shape="diamond", colour="purple"),
    "dopri5": Mark(shape="triangle-down", colour="slate"),
}
"""Of solvers; others look like their paradigm."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What one setting of a sampler costs and is worth.

    Attributes:
        label: as in the study's configuration, and the key of its system.
        series: settings of one series differ in the number of steps alone; "" for a setting that is none of a series.
        passes: of the network a clip.
        evaluations: the same with the rows of guidance counted.
        seconds: that a clip takes, the median of the turns, and the shortest and longest turn.
        difference: of the primary metric to the reference; None for the reference.
    """

    label: str
    series: str
    mark: Mark
    passes: int
    evaluations: int
    seconds: tuple[float, float, float]
    score: Score
    difference: Difference | None


class SamplerPage:
    """What is known of a study of samplers, ready to be written down.

    Attributes:
        settings: of flow matching, by rising evaluations.
        other: the other paradigm beside them.
        best: the best within the budget; None where none is.
        steady: the same among those that guide all the time, as the reference does.
    """

    def __init__(self, study: SamplerStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged("evaluate")
        self.metric = study.evaluation.primary
        found = [self._setting(label, _series(own), solver_mark(own)) for label, own in study.settings.items()]
        self.settings = sorted(found, key=lambda item: item.evaluations)
        self.other = self._setting(AR, "", of_paradigm(AR))
        self.reference = next(item for item in self.settings if item.label == study.reference)
        within = [item for item in self.settings if item.evaluations <= study.budget and item is not self.reference]
        self.best = min(within, key=lambda item: item.score.value, default=None)
        throughout = DEFAULTS["guidance_interval"]
        alike = [item for item in within if study.settings[item.label].guidance_interval == throughout]
        self.steady = min(alike, key=lambda item: item.score.value, default=None)
        self.systems = shown_systems(results, self.judged, own={system.key: system for system in self._systems()})

    def _setting(self, label: str, series: str, mark: Mark) -> Setting:
        report = self.results.generations[f"generate_{label}"].report
        [times] = self.results.times.values()
        turns = times.systems[label]
        score = self.judged.score(self.metric, label)
        assert score is not None, f"{label} has no {self.metric}"
        return Setting(
            label=label,
            series=series,
            mark=mark,
            passes=report.network_evaluations,
            evaluations=report.model_evaluations,
            seconds=(statistics.median(turns), min(turns), max(turns)),
            score=score,
            difference=self.judged.difference(self.metric, label, self.study.reference),
        )

    def _systems(self) -> list[System]:
        entry, own = PARADIGMS[AR], self.study.autoregressive
        what = f"The other paradigm, trained alike: {said.settings_words(own)}."
        found = [System(key=AR, name=entry.label, what=what, mark=self.other.mark)]
        for item in self.settings:
            what = f"{PARADIGMS[FM].label}: {described(self.study.settings[item.label])}."
            found.append(System(key=item.label, name=item.label, what=what, mark=item.mark))
        return found


def solver_mark(sampling: FlowMatchingSampling) -> Mark:
    """Of a setting: its solver's, hollow where it is of no series."""
    mark = SOLVER_MARKS.get(sampling.solver) or of_paradigm(FM)
    return mark if _series(sampling) else replace(mark, fill="hollow")


def _series(sampling: FlowMatchingSampling) -> str:
    return sampling.solver if all(getattr(sampling, name) == value for name, value in DEFAULTS.items()) else ""


def described(sampling: FlowMatchingSampling) -> str:
    """A setting in words."""
    name = sampling.solver.capitalize()
    is_adaptive = sampling.solver == "dopri5"
    text = f"{name}, tolerance {sampling.tolerance:g}" if is_adaptive else f"{name}, {sampling.steps} steps"
    if sampling.sway:
        text += f", sway {number(sampling.sway, places=1)}"
    if sampling.guidance == 1:
        return f"{text}, no guidance"
    low, high = sampling.guidance_interval
    if (low, high) != (0, 1):
        text += f", guidance for t in [{low:g}, {high:g}]"
    return text if sampling.guidance == DEFAULTS["guidance"] else f"{text}, guidance {sampling.guidance:g}"
