"""What the step `adhere` found, for the reports that show it: who follows what, and what is heard in each clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from counterpoint.analysis.annotation import Annotation
from counterpoint.report.numbers import interval
from counterpoint.study.report.content import (
    Cell,
    CellRow,
    CellTable,
    Difference,
    Example,
    Metric,
    Score,
    Steered,
    System,
)
from counterpoint.study.report.read import Folders, read_difference, read_metrics
from counterpoint.study.report.verdict import apart, judge
from counterpoint.study.windows import spread

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
    """The metric that judges each control.

    Args:
        following: names of metrics.
        exact: against exact truth where it is known; else the paper's way, against labels heard in the prompt's own
            music, and by the paper's own extractors where they have been there.
    """
    found: dict[str, str] = {}
    for control, prefix in {"chords": "chord_iou_", "drums": "downbeat_f1_", "melody": "melody_"}.items():
        own = [key for key in following if key.startswith(prefix) and "_macro" not in key]
        heard = [key for key in own if not key.endswith("_exact")]
        played = [key for key in own if key.endswith("_exact")]
        published = [key for key in heard if key.endswith(("_chordino", "_beat_this"))]
        wanted = [*played, *heard] if exact else [*published, *heard]
        if wanted:
            found[control] = wanted[0]
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


def steered_models(
    folders: Folders,
    *,
    given: Sequence[str],
    windows: Sequence[Mapping[str, Any]],
    wanted: int,
    shipped: Mapping[str, str],
) -> tuple[Steered, list[System]] | None:
    """Of a comparison beside models that know controls: `{paradigm}_all` and the same models given nothing, and the
    systems that this adds; None where there are no such clips.

    Args:
        windows: the prompts.
        wanted: examples.
        shipped: by paradigm, the name of a model that comes with the package in place of the one that is compared.
    """
    steered = [paradigm for paradigm in NAMES if f"generate_{paradigm}_all" in folders.paths]
    if "adhere" not in folders.paths or not steered:
        return None
    adherence = folders.json("adhere", "evaluation.json")
    following = read_following(adherence)
    metrics = {metric.key: metric for metric in read_metrics(adherence, following)}
    differences = [read_difference(item) for item in adherence["differences"]]
    found = Findings(metrics=metrics, scores=following, differences=differences)
    judged = {control: key for control, key in measures(following).items() if control in given}
    free = {key: f"{key}_null" if f"generate_{key}_null" in folders.paths else key for key in steered}
    shown = [TRUTH, *(f"{key}_all" for key in steered), *free.values()]
    named = {key: f"{NAMES[key]} that ships ({shipped[key]})" if key in shipped else NAMES[key] for key in steered}
    points = [found.against(judged, f"{key}_all", free[key], name=named[key]) for key in steered]
    section = Steered(
        [point for point in points if point],
        _steered_table(found, judged, free, given=given, shipped=shipped),
        _steered_examples(folders, spread(windows, wanted), shown, given=given, free=[*free.values()]),
        shown,
    )
    return section, _steered_systems(free, given=given, shipped=shipped)


def _steered_systems(free: Mapping[str, str], *, given: Sequence[str], shipped: Mapping[str, str]) -> list[System]:
    """By paradigm in `free`, the model given all controls and, where that is another one's system, given none."""
    return [
        System(
            f"{key}{kind}",
            f"{NAMES[key]}, {name}",
            f"{SHORT[key]}, {name}",
            f"The model {f'that ships as {shipped[key]}' if key in shipped else 'with controls'}, {what}.",
        )
        for key in free
        for kind, name, what in (
            ("_all", "controls", f"given {listed(given)} of the prompt's own music"),
            *((("_null", "nothing", "none of them given"),) if free[key] != key else ()),
        )
    ]


def _steered_table(
    found: Findings,
    judged: Mapping[str, str],
    free: Mapping[str, str],
    *,
    given: Sequence[str],
    shipped: Mapping[str, str],
) -> CellTable:
    pairs = [((f"{key}_all", f"{SHORT[key]}, controls"), (free[key], f"{SHORT[key]}, nothing")) for key in free]
    rows = [(TRUTH, "True music"), *(row for pair in pairs for row in pair), (ANOTHER, "Another clip")]
    others = (
        f"These are not the models compared above but ones that ship with the package, {listed([*shipped.values()])}, "
        "trained for longer, on the same prompts. "
        if shipped
        else ""
    )
    return CellTable(
        "Controls",
        f"{others}What is heard in the clips against what was asked: the same model, given {listed(given)} of the "
        "prompt's own music, and given nothing. True music is what the extractors make of the music itself.",
        [(found.metrics[key], FOLLOWED[control]) for control, key in judged.items()],
        [CellRow(label, key, [found.cells([(metric, key, "")]) for metric in judged.values()]) for key, label in rows],
    )


def _steered_examples(
    folders: Folders,
    windows: Sequence[Mapping[str, Any]],
    shown: Sequence[str],
    *,
    given: Sequence[str],
    free: Sequence[str],
) -> list[Example]:
    places = {key: folders.paths[f"generate_{key}"] for key in shown[1:]} | {TRUTH: folders.paths["prompts"] / "truth"}
    return [
        Example(
            window["id"],
            window["caption"],
            {key: places[key] / f"{window['id']}.wav" for key in shown},
            **heard_in(folders, window["id"], systems=shown),
            asked={key: () if key in free else given for key in shown[1:]},
        )
        for window in windows
    ]
