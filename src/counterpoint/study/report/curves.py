"""A metric along an axis of a grid: a line a combination of the other axes, with 95% intervals; inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from counterpoint.report.numbers import decimals, number
from counterpoint.study.report.charts import LOSS_WIDTH, Axis, mark, svg
from counterpoint.study.report.content import GridPanel, Place, Series
from counterpoint.study.report.lines import names_at_ends

_LEFT, _TOP, _BOTTOM, _HEIGHT = 48, 10, 262, 300
_LETTER, _MOST_LETTERS = 6.4, 26
_DODGE = 7.0
"""Between marks of different lines at one place, so that their intervals can be told apart."""


def curves(panel: GridPanel) -> str:
    """The chart; "" where there is nothing to show."""
    drawn = [*panel.series, *panel.levels]
    bounds = [bound for series in drawn for point in series.points for bound in (point.y, point.low, point.high)]
    if not any(series.points for series in panel.series):
        return ""
    right = LOSS_WIDTH - 18 - _LETTER * min(_MOST_LETTERS, max(len(series.name) for series in drawn))
    across, up = _across(panel, right=right), _up(bounds)
    parts = [_grid(panel, across, up, right=right)]
    parts += [_level(series, across, up, right=right) for series in panel.levels]
    shifts = [(index - (len(panel.series) - 1) / 2) * _dodge(panel, across) for index in range(len(panel.series))]
    parts += [_line(series, across, up, shift=shift) for series, shift in zip(panel.series, shifts, strict=True)]
    parts.append(names_at_ends(drawn, lambda place: right, up))
    label = "; ".join(
        f"{series.name or 'all'}: {', '.join(point.text for point in series.points)}" for series in panel.series
    )
    return svg(_HEIGHT, parts, label=f"{panel.metric} by {panel.x_name}: {label}", width=LOSS_WIDTH)


def _across(panel: GridPanel, *, right: float) -> Axis:
    places = [place for place, _ in panel.ticks]
    low, high = min(places), max(places)
    start, end = _LEFT + 30, right - 26
    if panel.log:
        return Axis(low, high, start, end, log=True)
    return Axis(low, high if high > low else low + 1, start, end)


def _up(bounds: Sequence[float]) -> Axis:
    low, high = min(bounds), max(bounds)
    if low > 0 and high / low > 15:
        return Axis(low / 1.15, high * 1.15, _BOTTOM, _TOP, log=True)
    margin = 0.06 * (high - low or abs(high) or 1.0)
    return Axis(0.0 if 0 <= low < 0.35 * high else low - margin, high + margin, _BOTTOM, _TOP)


def _dodge(panel: GridPanel, across: Axis) -> float:
    """Less where places lie close to each other."""
    at = sorted(across(place) for place, _ in panel.ticks)
    nearest = min((second - first for first, second in pairwise(at)), default=100.0)
    return min(_DODGE, 0.6 * nearest / max(1, len(panel.series) - 1))


def _grid(panel: GridPanel, across: Axis, up: Axis, *, right: float) -> str:
    parts, ticks = [], up.ticks()
    places = decimals(ticks[1] - ticks[0], digits=1) if len(ticks) > 1 else 2
    for tick in ticks:
        y, text = up(tick), f"{tick:g}" if up.log else number(tick, places=places)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for place, name in panel.ticks:
        at = f'x="{across(place):.1f}" y="{_BOTTOM + 17}"'
        parts.append(f'<text class="tick named" {at} text-anchor="middle">{escape(name)}</text>')
    middle = (_LEFT + right) / 2
    name = escape(panel.x_name)
    parts.append(f'<text class="tick" x="{middle:.1f}" y="{_HEIGHT - 4}" text-anchor="middle">{name}</text>')
    return "".join(parts)


def _level(series: Series, across: Axis, up: Axis, *, right: float) -> str:
    """What real music scores: through the places, and on to both edges."""
    points = series.points
    at = [
        (_LEFT, up(points[0].y)),
        *((across(point.x), up(point.y)) for point in points),
        (right, up(points[-1].y)),
    ]
    if not series.name:  # a codec's own limit ends where its models do
        at = [(at[1][0] - 18, at[1][1]), *at[1:-1], (at[-2][0] + 18, at[-2][1])]
    kind = "level" if series.name else "limit"
    title = escape("; ".join(point.text for point in points))
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
    return f'<g class="mark s-{series.system}"><title>{title}</title><polyline class="{kind}" points="{places}"/></g>'


def _line(series: Series, across: Axis, up: Axis, *, shift: float) -> str:
    at = [(across(point.x) + shift, point) for point in series.points]
    places = " ".join(f"{x:.1f},{up(point.y):.1f}" for x, point in at)
    marks = "".join(_mark(series, point, x, up) for x, point in at)
    return f'<g class="mark s-{series.system}"><polyline class="joined" points="{places}"/>{marks}</g>'


def _mark(series: Series, point: Place, x: float, up: Axis) -> str:
    return (
        f'<g><title>{escape(point.text)}</title><line class="whisker thin" x1="{x:.1f}" x2="{x:.1f}" '
        f'y1="{up(point.low):.1f}" y2="{up(point.high):.1f}"/>{mark(series.system, x, up(point.y))}</g>'
    )
