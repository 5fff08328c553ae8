"""Lines over a size, both axes logarithmic: what was measured, what the limits are, what the paper says; inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from counterpoint.report.numbers import number
from counterpoint.study.report.charts import LOSS_WIDTH, Axis, mark
from counterpoint.study.report.content import Panel, Series

_LEFT, _TOP, _RIGHT, _FOOT = 46, 14, 66, 38
_GAP = 13.0
"""Between the names at the lines' ends."""


def lines(panel: Panel, *, width: float = LOSS_WIDTH, height: float = 330) -> str:
    """Marks with quartiles joined by lines, limits as dotted lines, named at their ends; crosses for the paper."""
    xs = [point.x for series in panel.series for point in series.points] + [note.x for note in panel.notes]
    ys = [value for series in panel.series for point in series.points for value in (point.low, point.high)]
    ys += [note.y for note in panel.notes]
    if not xs:
        return ""
    across = Axis(min(xs) / 1.12, max(xs) * 1.12, _LEFT, width - _RIGHT, log=True)
    up = Axis(min(ys) / 1.3, max(ys) * 1.3, height - _FOOT, _TOP, log=True)
    parts = [_grid(across, up, panel, width=width, height=height)]
    parts += [_line(series, across, up) for series in panel.series]
    parts += [names_at_ends(panel.series, across, up)]
    for note in panel.notes:
        x, y = across(note.x), up(note.y)
        parts.append(
            f'<g class="cross"><title>{escape(note.text)}</title>'
            f'<path d="M{x - 5:.1f} {y - 5:.1f}l10 10m0 -10l-10 10"/>'
            f'<text class="tick named" x="{x - 9:.1f}" y="{y + 4:.1f}" text-anchor="end">{escape(note.name)}</text></g>'
        )
    label = "; ".join(
        f"{series.name}{' limit' if series.is_limit else ''}: "
        + ", ".join(f"{number(point.y)} at {point.x:g}" for point in series.points)
        for series in panel.series
    )
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(f"{panel.title}: {label}", quote=True)}">{"".join(parts)}</svg>'
    )


def _grid(across: Axis, up: Axis, panel: Panel, *, width: float, height: float) -> str:
    parts, bottom = [], height - _FOOT
    for tick in up.ticks():
        y = up(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{width - _RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in sorted({point.x for series in panel.series for point in series.points}):
        parts.append(
            f'<text class="tick" x="{across(tick):.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{tick:g}</text>'
        )
    middle = (_LEFT + width - _RIGHT) / 2
    parts.append(f'<text class="tick" x="{middle:.1f}" y="{height - 4:.1f}" text-anchor="middle">{panel.x_name}</text>')
    return "".join(parts)


def _line(series: Series, across: Axis, up: Axis) -> str:
    places = " ".join(f"{across(point.x):.1f},{up(point.y):.1f}" for point in series.points)
    kind = "limit" if series.is_limit else "joined"
    parts = [f'<polyline class="{kind}" points="{places}"/>']
    for point in () if series.is_limit else series.points:
        x = across(point.x)
        parts.append(
            f'<g><title>{escape(point.text)}</title><line class="whisker thin" x1="{x:.1f}" x2="{x:.1f}" '
            f'y1="{up(point.low):.1f}" y2="{up(point.high):.1f}"/>{mark(series.system, x, up(point.y))}</g>'
        )
    return f'<g class="mark s-{series.system}">{"".join(parts)}</g>'


def names_at_ends(all_series: Sequence[Series], across: Callable[[float], float], up: Axis) -> str:
    """At the right end of each line that has a name, moved apart where they would overlap."""
    named = [series for series in all_series if series.name and series.points]
    wanted = sorted((up(series.points[-1].y) + 4, index) for index, series in enumerate(named))
    places: dict[int, float] = {}
    lowest = -_GAP
    for y, index in wanted:
        lowest = max(y, lowest + _GAP)
        places[index] = lowest
    return "".join(
        f'<g class="mark s-{series.system}"><text class="tick end" x="{across(series.points[-1].x) + 10:.1f}" '
        f'y="{places[index]:.1f}">{escape(series.name)}</text></g>'
        for index, series in enumerate(named)
    )
