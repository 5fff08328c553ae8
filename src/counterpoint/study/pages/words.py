"""Statements that scores and tests justify, in plain words that the pages of all kinds of studies share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from counterpoint.metrics.base import Difference, MetricInfo, Score
from counterpoint.metrics.preferences import best_judge
from counterpoint.report import Outcome, apart, judge
from counterpoint.report.numbers import interval, listed, p_value, span
from counterpoint.results.schema import Judged

Item = TypeVar("Item")
WORSE_OR_BETTER: Mapping[Outcome, str] = {"first": "better", "second": "worse", "open": "could be chance"}
MOST_NAMED = 3
"""Greatest number of systems whose values a warning lists."""


def title(metric: MetricInfo) -> str:
    """The plain name in running text, with the exact one if they differ."""
    return f"{metric.title[:1].lower()}{metric.title[1:]} ({metric.name})" if metric.title else metric.name


def scored(judged: Judged, metric: str, system: str) -> str:
    """The score of a system with its interval; `not measured` without a score."""
    score = judged.score(metric, system)
    return span(score) if score else "not measured"


def size_of(item: Difference) -> str:
    """The size of a difference, without its sign."""
    return interval(abs(item.value), *sorted((abs(item.low), abs(item.high))))


def outcome(judged: Judged, metric: str, first: str, second: str) -> Outcome | None:
    """Which of two is better according to the test; None without a test."""
    item = judged.difference(metric, first, second)
    return judge(item, judged.metrics[metric]) if item else None


def by_outcome(items: Iterable[Item], outcome_of: Callable[[Item], Outcome | None]) -> dict[Outcome, list[Item]]:
    """The items by the outcome of their tests; items without a test are left out."""
    found: dict[Outcome, list[Item]] = {"first": [], "second": [], "open": []}
    for item in items:
        if side := outcome_of(item):
            found[side].append(item)
    return found


def sides(judged: Judged, metrics: Iterable[str], first: str, second: str) -> dict[Outcome, list[str]]:
    """The metrics by the system that each finds better."""
    return by_outcome(metrics, lambda metric: outcome(judged, metric, first, second))


def are_apart(judged: Judged, metric: str, system: str, floor: str) -> bool:
    """Whether the system is better than the floor, and their own intervals do not overlap."""
    own, other = judged.score(metric, system), judged.score(metric, floor)
    return own is not None and other is not None and apart(own, other, judged.metrics[metric])


def deciding(judged: Judged, primary: str, systems: Collection[str]) -> str:
    """The primary metric; if it is absent one of its family, else the first with a value for any of the systems; ""
    for none."""
    judging = [info.name for info in judged.judges if any(judged.score(info.name, system) for system in systems)]
    family = [name for name in judging if name.split("_")[0] == primary.split("_")[0]]
    return primary if primary in judging else next(iter([*family, *judging]), "")


def compared(judged: Judged, metric: str, first: str, second: str, names: Mapping[str, str], *, truth: str) -> str:
    """A comparison of two systems in one metric, in a sentence or two.

    Args:
        names: names of systems in running text.
        truth: key of the real music, whose score is stated beside theirs.
    """
    info, item = judged.metrics[metric], judged.difference(metric, first, second)
    if item is None:
        return f"The two were not compared in {title(info)}."
    shown = judge(item, info)
    values = {key: score for key in (first, second, truth) if (score := judged.score(metric, key))}
    beside = f"real music: {span(values[truth])}; " if truth in values else ""
    better, other = (first, second) if shown != "second" else (second, first)
    numbers = " against ".join(span(values[key]) for key in (better, other) if key in values)
    numbers = f"{numbers} ({beside}{info.better} is better)"
    if shown == "open":
        return (
            f"No difference between {names[first]} and {names[second]} could be shown in {title(info)}: {numbers}. "
            f"{names[first].capitalize()} minus {names[second]} is {span(item)}, which could be chance{_no_test(item)}."
        )
    return (
        f"{names[better].capitalize()} does better than {names[other]} in {title(info)}: {numbers}. The gap, "
        f"{size_of(item)}, is well outside chance."
    )


def _no_test(item: Difference) -> str:
    if item.low > 0 or item.high < 0:
        return f": its interval excludes zero, but p is {p_value(item.p_holm)} after Holm's correction"
    return ""


def warnings(judged: Judged, metric: str, trained: Mapping[str, str], floors: Mapping[str, str]) -> list[str]:
    """Caveats of a comparison of trained models.

    Args:
        metric: metric of the verdict.
        trained, floors: names of systems by key.
    """
    found = []
    text = best_judge("text", judged.metrics)
    info = judged.metrics.get(text)
    if info and info.chance is not None:
        deaf = {key: score for key in trained if (score := judged.score(text, key)) and score.low <= info.chance}
        if deaf:
            values = _values({trained[key]: score for key, score in deaf.items()})
            who = "No model has" if len(deaf) == len(trained) > 1 else listed([trained[key] for key in deaf]) + " has"
            not_ = "" if who.startswith("No ") else " not"
            found.append(
                f"{who}{not_} been shown to follow its caption yet: {values} in {title(info)}, where chance is "
                f"{info.chance:g}."
            )
    for key, name in trained.items():
        beaten_by = [other for other in floors if _is_no_better(judged, metric, key, other)]
        if beaten_by:
            values = listed([f"{floors[other]} ({scored(judged, metric, other)})" for other in beaten_by])
            found.append(f"{name} ({scored(judged, metric, key)}) is no better than {values}, by {metric}.")
    return found


def _values(scores: Mapping[str, Score]) -> str:
    """Scores by name; for many systems the lowest and the highest."""
    if len(scores) <= MOST_NAMED:
        return listed([f"{name} {span(score)}" for name, score in scores.items()])
    ordered = sorted(scores.values(), key=lambda score: score.value)
    return f"{len(scores)} models between {span(ordered[0])} and {span(ordered[-1])}"


def _is_no_better(judged: Judged, metric: str, system: str, floor: str) -> bool:
    own, other = judged.score(metric, system), judged.score(metric, floor)
    if own is None or other is None:
        return False
    return own.value >= other.value if judged.metrics[metric].better == "lower" else own.value <= other.value


def against_outside(judged: Judged, metric: str, own: Mapping[str, str], outside: Mapping[str, str]) -> list[str]:
    """Comparisons of the study's own systems with outside ones, one point for each of these.

    Args:
        own, outside: names by key.
    """
    points = []
    for other, name in outside.items():
        tests = [(words, judged.difference(metric, key, other)) for key, words in own.items()]
        parts = [
            f"{words} {span(item)} ({WORSE_OR_BETTER[judge(item, judged.metrics[metric])]})"
            for words, item in tests
            if item
        ]
        if parts:
            points.append(f"Minus {name}, in {metric}: {'; '.join(parts)}.")
    return points


def sentences(parts: Iterable[str]) -> list[str]:
    """The non-empty parts."""
    return [part for part in parts if part]


def capital(text: str) -> str:
    """The text with its first letter in upper case."""
    return f"{text[:1].upper()}{text[1:]}"
