"""Values with intervals, one row per system: the drawing of the block `Dots`; inline SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from counterpoint.metrics.base import MetricInfo, Score
from counterpoint.report.axis import Axis, fit, line, svg, text
from counterpoint.report.blocks import Dots, Spread, System
from counterpoint.report.numbers import number, shared_places, span

WIDTH = 370
_ROW, _SPREAD_ROW = 26, 36
_LABELS, _LONGEST_LABEL, _LETTER = 110.0, 188.0, 7.0
_TOP, _FOOT = 6, 22
_MARGIN = 10
"""Padding on either side of the axis, which keeps marks from covering labels."""


def dots(block: Dots, metric: MetricInfo) -> str:
    """The chart of one metric; "" if there is nothing to show."""
    rows = [(system, score) for system, score in block.rows(metric) if math.isfinite(score.value)]
    if not rows:
        return ""
    spreads = block.spreads.get(metric.name, {})
    labels = min(_LONGEST_LABEL, max(_LABELS, _LETTER * max(len(system.label) for system, _ in rows)))
    axis = _axis(rows, spreads.values(), metric.chance, labels=labels)
    height = _SPREAD_ROW if spreads else _ROW
    bottom = _TOP + height * len(rows)
    parts = [_grid(axis, bottom=bottom)]
    if metric.chance is not None:
        x = axis(metric.chance)
        parts += [line("chance", x, _TOP, x, bottom), text("chance", x, bottom + 31)]
    places = shared_places(score for _, score in rows)
    for place, (system, score) in enumerate(rows):
        y = _TOP + height * (place + 0.5)
        parts.append(_row(system, score, axis, spread=spreads.get(system.key), labels=labels, y=y, places=places))
    values = (f"{system.name} {span(score, places=places)}" for system, score in rows)
    foot = _FOOT + 14 * (metric.chance is not None)
    return svg(WIDTH, bottom + foot, parts, label=f"{metric.label}: {'; '.join(values)}")


def _axis(
    rows: Sequence[tuple[System, Score]], spreads: Iterable[Spread], chance: float | None, *, labels: float
) -> Axis:
    values = [value for _, score in rows for value in (score.value, score.low, score.high)]
    values += [value for spread in spreads for value in spread.clips]
    values += [] if chance is None else [chance]
    is_share = 0.5 < max(score.value for _, score in rows) <= 1  # shown from zero
    return fit(values, labels + 8 + _MARGIN, WIDTH - _MARGIN - 4, log=False if is_share else None)


def _grid(axis: Axis, *, bottom: float) -> str:
    parts = []
    for value, name in axis.ticks():
        x = axis(value)
        parts += [line("grid", x, _TOP, x, bottom), text(name, x, bottom + 16)]
    return "".join(parts)


def _row(
    system: System, score: Score, axis: Axis, *, spread: Spread | None, labels: float, y: float, places: int
) -> str:
    title = f"{system.name}: {span(score, places=places)}, n = {score.n}"
    room = int(_LONGEST_LABEL / _LETTER)
    label = system.label if len(system.label) <= room else f"{system.label[: room - 1]}…"
    parts = [text(label, labels, y + 4.5, anchor="end", kind="row")]
    if spread is not None:
        title += f", deviation between clips {number(spread.deviation)}"
        parts.append(_spread(spread, score.value, axis, y=y))
    parts += [line("whisker", axis(score.low), y, axis(score.high), y), system.mark.at(axis(score.value), y)]
    return system.mark.group("".join(parts), title=title)


def _spread(spread: Spread, mean: float, axis: Axis, *, y: float) -> str:
    """Every clip as a faint mark, and a bar of one standard deviation to either side of the mean."""
    left, right = axis(mean - spread.deviation), axis(mean + spread.deviation)
    # Golden-ratio steps spread the marks over the row without random numbers.
    clips = "".join(
        f'<circle class="clip" cx="{axis(value):.1f}" cy="{y - 9 + 18 * (place * 0.618 % 1):.1f}" r="1.6"/>'
        for place, value in enumerate(spread.clips)
    )
    return f'{clips}<rect class="spread" x="{left:.1f}" y="{y - 10:.1f}" width="{right - left:.1f}" height="20"/>'
