"""The answer in a sentence: only what the intervals allow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from counterpoint.report.numbers import interval, p_value
from counterpoint.study.report.content import Difference, Judgement, Metric, Score, System, Verdict

LEVEL = 0.05
"""Of the corrected tests; the intervals are of 95% to match."""


def judge(difference: Difference, metric: Metric) -> Judgement:
    """Which of the two is better; `open` unless the interval leaves zero out and the corrected p-value is below 5%."""
    clear = (difference.low > 0 or difference.high < 0) and difference.p_holm < LEVEL
    if metric.better == "neither" or not clear:
        return "open"
    return "first" if (difference.value < 0) == (metric.better == "lower") else "second"


def apart(score: Score, floor: Score, metric: Metric) -> bool:
    """The score is better than the floor and the two intervals do not meet."""
    return score.high < floor.low if metric.better == "lower" else score.low > floor.high


def verdict(
    differences: Sequence[Difference],
    *,
    scores: Mapping[str, Mapping[str, Score]],
    metrics: Sequence[Metric],
    systems: Sequence[System],
    primary: str,
    pair: tuple[str, str],
    floors: Mapping[str, str],
) -> Verdict:
    """Phrase the comparison of a pair.

    Args:
        differences: of the pair, one a metric.
        primary: the metric that the sentence is about.
        floors: the untrained system of each of the pair.
    """
    names = {system.key: system.name for system in systems}
    by_key = {metric.key: metric for metric in metrics}
    of_pair = [item for item in differences if (item.first, item.second) == pair]
    sentence = _sentence(next((item for item in of_pair if item.metric == primary), None), by_key[primary], names, pair)
    others = [item for item in of_pair if item.metric != primary and by_key[item.metric].better != "neither"]
    points = [
        *_other_metrics(others, by_key, names),
        *(_floor(key, floors[key], scores[primary], by_key[primary], names) for key in pair if key in floors),
    ]
    return Verdict(sentence, [point for point in points if point])


def against_outside(
    differences: Sequence[Difference], outside: Sequence[System], *, metric: Metric, names: Mapping[str, str]
) -> list[str]:
    """How the study's own systems compare with those from outside: a point for each of these."""
    words = {"first": "better", "second": "worse", "open": "no difference shown"}
    points = []
    for system in outside:
        parts = [
            f"{names[item.first].lower()} {interval(item.value, item.low, item.high)} ({words[judge(item, metric)]})"
            for item in differences
            if item.second == system.key and item.metric == metric.key
        ]
        if parts:
            points.append(f"Minus {system.name}, in {metric.key}: {'; '.join(parts)}.")
    return points


def _sentence(difference: Difference | None, metric: Metric, names: Mapping[str, str], pair: tuple[str, str]) -> str:
    first, second = (names[key].lower() for key in pair)
    if difference is None:
        return f"The two could not be compared on {metric.key}."
    outcome = judge(difference, metric)
    if outcome == "open":
        shown = interval(difference.value, difference.low, difference.high)
        tail = ""
        if difference.low > 0 or difference.high < 0:
            tail = f" (the interval leaves out zero, but p is {p_value(difference.p_holm)} after Holm's correction)"
        return (
            f"On this data and budget, no difference between {first} and {second} could be shown on {metric.key}: "
            f"{first} minus {second} is {shown}{tail}."
        )
    better, other = (first, second) if outcome == "first" else (second, first)
    size = interval(abs(difference.value), *sorted((abs(difference.low), abs(difference.high))))
    return f"On this data and budget, {better} does better than {other}: its {metric.key} is {metric.better} by {size}."


def _other_metrics(
    differences: Sequence[Difference], metrics: Mapping[str, Metric], names: Mapping[str, str]
) -> list[str]:
    if not differences:
        return []
    found: dict[Judgement, list[str]] = {"first": [], "second": [], "open": []}
    for item in differences:
        found[judge(item, metrics[item.metric])].append(item.metric)
    sides: dict[Judgement, str] = {"first": differences[0].first, "second": differences[0].second}
    parts = [
        f"{_listed(found[side])} favour{_s(found[side])} {names[key].lower()}"
        for side, key in sides.items()
        if found[side]
    ]
    if found["open"]:
        parts.append(f"{_listed(found['open'])} show{_s(found['open'])} no difference between the two")
    text = "; ".join(parts)
    return [f"Other judges: {text}."]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _s(names: Sequence[str]) -> str:
    """The ending of the verb."""
    return "s" if len(names) == 1 else ""


def _floor(key: str, floor: str, scores: Mapping[str, Score], metric: Metric, names: Mapping[str, str]) -> str:
    if key not in scores or floor not in scores:
        return ""
    own, untrained = scores[key], scores[floor]
    shown = (
        f"{interval(own.value, own.low, own.high)} against {interval(untrained.value, untrained.low, untrained.high)}"
    )
    if apart(own, untrained, metric):
        return f"{names[key]} has learned: {metric.key} {shown} before training, intervals apart."
    return (
        f"{names[key]} has not been shown to beat its untrained floor: {metric.key} {shown} before training. "
        "Read its other scores with that in mind."
    )
