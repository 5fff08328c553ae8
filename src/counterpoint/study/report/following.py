"""What the step `adhere` found, for the reports that show it: who follows what, and what is heard in each clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from counterpoint.analysis.annotation import Annotation
from counterpoint.study.report.content import Cell, Difference, Metric, Score
from counterpoint.study.report.numbers import interval
from counterpoint.study.report.verdict import apart, judge

if TYPE_CHECKING:
    from counterpoint.study.report.assemble import Folders

NAMES = {"autoregressive": "Auto-regressive", "flow_matching": "Flow matching"}
SHORT = {"autoregressive": "AR", "flow_matching": "FM"}
TRUTH, ANOTHER = "ground_truth", "another_clip"
FOLLOWED = {"chords": "chords", "drums": "downbeats", "melody": "melody"}
"""What each control is judged by, in words; the order of the paper's columns."""


def read_following(adherence: Mapping[str, Any]) -> dict[str, dict[str, Score]]:
    """Scores by metric, then system. The ground truth is heard against what is truly played, not against itself; music
    that follows another prompt is a system of its own."""
    rows = dict(adherence["scores"])
    rows[TRUTH] = adherence["floors"].get("ground truth", {})
    rows[ANOTHER] = adherence["floors"].get("another clip", {})
    found: dict[str, dict[str, Score]] = {info["name"]: {} for info in adherence["metrics"]}
    for system, of_system in rows.items():
        for metric, score in of_system.items():
            found[metric][system] = Score(score["value"], score["low"], score["high"], score["n"])
    return {metric: of_metric for metric, of_metric in found.items() if set(of_metric) - {TRUTH, ANOTHER}}


def measures(following: Iterable[str], *, exact: bool = True) -> dict[str, str]:
    """The metric that judges each control: against exact truth where that is wanted and known, else against labels
    heard in the prompt's own music, as the paper does."""
    names = {"chords": "chord_iou_", "drums": "downbeat_f1_", "melody": "melody_"}
    found: dict[str, str] = {}
    for control in FOLLOWED:
        own = [key for key in following if key.startswith(names[control]) and "_macro" not in key]
        chosen = [key for key in own if key.endswith("_exact") == exact] or [
            key for key in own if not key.endswith("_exact")
        ]
        if chosen:
            found[control] = chosen[0]
    return found


class Findings:
    """Scores and tests, to look up."""

    def __init__(
        self,
        *,
        metrics: Mapping[str, Metric],
        scores: Mapping[str, Mapping[str, Score]],
        differences: Sequence[Difference],
    ):
        self.metrics, self._scores = metrics, scores
        self._differences = {(item.metric, item.first, item.second): item for item in differences}

    def score(self, metric: str, system: str) -> Score | None:
        return self._scores.get(metric, {}).get(system)

    def difference(self, metric: str, first: str, second: str) -> Difference | None:
        return self._differences.get((metric, first, second))

    def better(self, metric: str, first: str, second: str) -> str:
        """`first`, `second` or `open`, as the test says; "" where there was none."""
        item = self.difference(metric, first, second)
        return judge(item, self.metrics[metric]) if item else ""

    def span(self, metric: str, system: str) -> str:
        score = self.score(metric, system)
        return interval(score.value, score.low, score.high) if score else "not measured"

    def are_apart(self, metric: str, system: str, floor: str) -> bool:
        own, other = self.score(metric, system), self.score(metric, floor)
        return own is not None and other is not None and apart(own, other, self.metrics[metric])

    def against(self, judged: Mapping[str, str], steered: str, free: str, *, name: str) -> str:
        """Numbers of a model given all against those of the same given nothing; "" where nothing is judged."""
        parts = [
            f"{FOLLOWED[control]} {self.span(key, steered)} against {self.span(key, free)}"
            f"{', intervals apart' if self.are_apart(key, steered, free) else ', intervals meet'}"
            for control, key in judged.items()
        ]
        return f"{name}, given all and given nothing: {'; '.join(parts)}." if parts else ""

    def cells(self, wanted: Sequence[tuple[str, str, str]]) -> list[Cell]:
        """Of (metric, system, what it is)."""
        return [
            Cell(*interval(score.value, score.low, score.high).split(" ", 1), what=what)
            for metric, system, what in wanted
            if (score := self.score(metric, system))
        ]


def heard_in(folders: Folders, clip: str, *, systems: Iterable[str]) -> dict[str, Any]:
    """`target` and `heard` of an example, as the step `adhere` wrote them."""
    known = folders.json("adhere", "heard.json")
    return {
        "target": Annotation.from_json(known["target"][clip]) if clip in known["target"] else None,
        "heard": {
            key: Annotation.from_json(known["systems"][key][clip])
            for key in systems
            if clip in known["systems"].get(key, {})
        },
    }


def listed(names: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "nothing"
