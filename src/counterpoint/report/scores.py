"""Scores and paired differences: their outcomes, and tables of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import ClassVar, Literal

from counterpoint.metrics.base import Difference, MetricInfo, Score
from counterpoint.report.axis import Axis, line
from counterpoint.report.blocks import System
from counterpoint.report.marks import Mark
from counterpoint.report.numbers import MINUS, p_value, shared_places
from counterpoint.report.tables import Cell, Column, Row, Table, effect_text, place_of

LEVEL = 0.05
"""Level of the corrected tests, which matches the 95% intervals."""
Outcome = Literal["first", "second", "open"]
_WIDE, _HIGH = 180, 22


def is_clear(difference: Difference) -> bool:
    """Whether the interval excludes zero and the corrected p-value is below 5%."""
    return (difference.low > 0 or difference.high < 0) and difference.p_holm < LEVEL


def judge(difference: Difference, metric: MetricInfo) -> Outcome:
    """Which of the two is better; `open` if the difference is not clear or the metric only describes."""
    if metric.better == "neither" or not is_clear(difference):
        return "open"
    return "first" if (difference.value < 0) == (metric.better == "lower") else "second"


def apart(score: Score, floor: Score, metric: MetricInfo) -> bool:
    """Whether the score is better than the floor and the two intervals do not overlap."""
    return score.high < floor.low if metric.better == "lower" else score.low > floor.high


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A table with one row per system and one column per metric.

    Attributes:
        name: name of its files.
        scores: by metric, then system.
        subjects: keys of the systems that the report compares.
        csv_metrics: metrics of the CSV file, which may contain more than the table; by default the same.
    """

    kind: ClassVar[str] = "table"

    name: str
    systems: Sequence[System]
    metrics: Sequence[MetricInfo]
    scores: Mapping[str, Mapping[str, Score]]
    subjects: Sequence[str] = ()
    csv_metrics: Sequence[MetricInfo] = ()

    def table(self) -> Table:
        metrics = [metric for metric in self.metrics if self.scores.get(metric.name)]
        places = {metric.name: shared_places(self.scores[metric.name].values()) for metric in metrics}
        rows = []
        for system in self.systems:
            found = [self.scores[metric.name].get(system.key) for metric in metrics]
            if any(found):
                cells = [
                    place_of(each, places=places[metric.name]) for metric, each in zip(metrics, found, strict=True)
                ]
                counts = "/".join(str(n) for n in sorted({each.n for each in found if each}))
                tone = "subject" if system.key in self.subjects else ""
                row = Row(label=system.name, places=[*cells, [Cell(text=counts)]], mark=system.mark, tone=tone)
                rows.append(row)
        return Table(
            name=self.name,
            label="Table of scores",
            corner="System",
            columns=[*map(Column.of, metrics), Column(title="n")],
            rows=rows,
            caption="Values with 95% intervals; arrows show which direction is better; n is the number of clips.",
            csv=self._csv(),
        )

    def _csv(self) -> list[dict[str, object]]:
        """One line per score, in full precision."""
        lines = []
        for system, metric in product(self.systems, self.csv_metrics or self.metrics):
            if each := self.scores.get(metric.name, {}).get(system.key):
                own: dict[str, object] = {"system": system.key, "metric": metric.name, "better": metric.better}
                lines.append({**own, "value": each.value, "low_95": each.low, "high_95": each.high, "n": each.n})
        return lines


@dataclass(frozen=True, kw_only=True)
class Differences:
    """A table with one row per paired difference, drawn around zero.

    Attributes:
        name: name of its files.
        systems: systems of the differences.
    """

    kind: ClassVar[str] = "table"

    name: str
    systems: Sequence[System]
    metrics: Sequence[MetricInfo]
    differences: Sequence[Difference]

    def table(self) -> Table:
        several = any(each.seeds > 1 for each in self.differences)
        effects = any(each.effect is not None for each in self.differences)
        columns = [
            Column(title="Difference", kind="text"),
            Column(title="Around zero", kind="picture"),
            Column(title="Value"),
            Column(title="p"),
            Column(title="p (Holm)"),
            *[Column(title="Effect")] * effects,
            Column(title="n"),
            *[Column(title="Runs")] * several,
            Column(title="Outcome", kind="text"),
        ]
        caption = (
            "First minus second on the same prompts, with 95% intervals; p-values are two-sided; p (Holm) is corrected "
            "for all comparisons of their table."
        )
        if effects:
            caption += " Effects are in standard deviations of the difference between prompts."
        return Table(
            name=self.name,
            label="Table of paired differences",
            corner="Metric",
            columns=columns,
            rows=[self._row(each, effects=effects, several=several) for each in self.differences],
            caption=caption,
            is_narrow=True,
            csv=self._csv(),
        )

    def _row(self, each: Difference, *, effects: bool, several: bool) -> Row:
        by_key = {system.key: system for system in self.systems}
        metric = next(metric for metric in self.metrics if metric.name == each.metric)
        same = [other for other in self.differences if other.metric == each.metric]
        outcome = judge(each, metric)
        better = {"first": by_key[each.first], "second": by_key[each.second]}.get(outcome)
        pair = f"{by_key[each.first].label} {MINUS} {by_key[each.second].label}"
        cells = [
            Cell(text=pair),
            Cell(text="", picture=around_zero(each, same, mark=better.mark if better else Mark())),
            Cell.of(each, places=shared_places(same)),
            Cell(text=p_value(each.p)),
            Cell(text=p_value(each.p_holm)),
            *[Cell(text=effect_text(each.effect))] * effects,
            Cell(text=str(each.n)),
            *[Cell(text=str(each.seeds))] * several,
            Cell(text=f"{better.label} is better", mark=better.mark)
            if better
            else Cell(
                text="describes, does not judge" if metric.better == "neither" else "could be chance", state="open"
            ),
        ]
        return Row(
            label=metric.label,
            note=metric.exact,
            places=[[cell] for cell in cells],
        )

    def _csv(self) -> list[dict[str, object]]:
        """One line per difference, in full precision."""
        return [
            {"metric": each.metric, "first": each.first, "second": each.second, "difference": each.value,
             "low_95": each.low, "high_95": each.high, "p": each.p, "p_holm": each.p_holm,
             "effect": "" if each.effect is None else each.effect, "n": each.n, "seeds": each.seeds}
            for each in self.differences
        ]  # fmt: skip


def around_zero(each: Difference, same: Sequence[Difference], *, mark: Mark) -> str:
    """A difference with its interval around zero, on a scale common to the `same` metric's differences."""
    bounds = [abs(bound) for other in same for bound in (other.value, other.low, other.high) if math.isfinite(bound)]
    if not math.isfinite(each.value):
        return ""
    extent = 1.08 * max(bounds, default=1.0) or 1.0
    axis = Axis(-extent, extent, 6, _WIDE - 6)
    middle = _HIGH / 2
    drawn = (
        line("whisker", axis(each.low), middle, axis(each.high), middle)
        + f'<circle class="dot" cx="{axis(each.value):.1f}" cy="{middle:g}" r="4.4"/>'
    )
    return (
        f'<svg class="delta" viewBox="0 0 {_WIDE} {_HIGH}" aria-hidden="true">'
        f"{line('zero', axis(0), 1, axis(0), _HIGH - 1)}{mark.group(drawn)}</svg>"
    )
