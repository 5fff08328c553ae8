"""Which automatic measure agrees with people: rank correlations with the ratings of a listening test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from counterpoint.metrics import Evaluation, MetricInfo
from counterpoint.results.listening import RATED, ListeningResults

RESAMPLES = 1000
_LEAST_SYSTEMS = 4
"""Systems, of which fewer have no rank correlation worth a number."""


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of a measure with the ratings of one question, signed so that 1 is full agreement.

    Attributes:
        low, high: 95% interval over items; None where the measure has one value a system, of which there are few.
        n: clips, or systems.
        over: what the ranks are of.
    """

    metric: str
    question: str
    value: float
    low: float | None
    high: float | None
    n: int
    over: str


def correlations(evaluations: Mapping[str, Evaluation], found: ListeningResults) -> list[Correlation]:
    """The correlations of every measure that has a better direction with every question; strongest first."""
    pairs = [
        correlation
        for step, evaluation in evaluations.items()
        for info in evaluation.metrics
        if info.better != "neither" and not info.name.startswith(RATED)
        for question in found.questions
        if (correlation := _correlate(evaluation, info, found, question.id)) is not None
    ]
    return sorted(pairs, key=lambda each: -each.value)


def _correlate(evaluation: Evaluation, info: MetricInfo, found: ListeningResults, question: str) -> Correlation | None:
    sign = -1.0 if info.better == "lower" else 1.0
    clips = list(_clips(evaluation, info.name, found, question))
    if clips:
        items, measured, rated = (np.array(column) for column in zip(*clips, strict=True))
        value = spearman(sign * measured, rated)
        if not np.isfinite(value):
            return None
        low, high = _interval(items, sign * measured, rated)
        return Correlation(info.name, question, value, low, high, len(clips), "clips")
    systems = [
        (evaluation.scores[mean.system][info.name].value, mean.value)
        for mean in found.means
        if mean.question == question and info.name in evaluation.scores.get(mean.system, {})
    ]
    if len(systems) < _LEAST_SYSTEMS:
        return None
    measured, rated = (np.array(column) for column in zip(*systems, strict=True))
    value = spearman(sign * measured, rated)
    return Correlation(info.name, question, value, None, None, len(systems), "systems") if np.isfinite(value) else None


def _clips(
    evaluation: Evaluation, metric: str, found: ListeningResults, question: str
) -> Iterator[tuple[str, float, float]]:
    """(item, measured, rated) of every clip that has both."""
    for mean in found.means:
        score = evaluation.scores.get(mean.system, {}).get(metric)
        if mean.question != question or score is None or score.per_clip is None:
            continue
        for item, value in zip(evaluation.ids.get(mean.system, ()), score.per_clip, strict=False):
            if value is not None and np.isfinite(value) and item in mean.per_item:
                yield item, value, mean.per_item[item]


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Rank correlation of two [n] arrays; NaN where one does not vary."""
    from scipy.stats import rankdata

    one, other = rankdata(first), rankdata(second)
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return float("nan")
    return float(np.corrcoef(one, other)[0, 1])


def _interval(items: np.ndarray, measured: np.ndarray, rated: np.ndarray) -> tuple[float | None, float | None]:
    """Percentiles of a bootstrap over items, whose clips stay together."""
    names = np.unique(items)
    places = [np.flatnonzero(items == name) for name in names]
    if len(names) < 3:
        return None, None
    rng = np.random.default_rng(0)
    drawn: list[float] = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([places[number] for number in rng.integers(len(names), size=len(names))])
        drawn.append(spearman(measured[chosen], rated[chosen]))
    kept = [value for value in drawn if np.isfinite(value)]
    return (float(np.quantile(kept, 0.025)), float(np.quantile(kept, 0.975))) if kept else (None, None)


def best_measures(found: Sequence[Correlation]) -> list[Correlation]:
    """The measure that agrees with people most, for each question."""
    seen: dict[str, Correlation] = {}
    for each in found:
        seen.setdefault(each.question, each)
    return list(seen.values())
