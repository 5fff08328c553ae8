"""A cost against a quality: one mark a setting, as inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from counterpoint.report.numbers import decimals, interval, number
from counterpoint.study.report.charts import LOSS_WIDTH, Axis, mark
from counterpoint.study.report.content import Score

_LEFT, _TOP, _BOTTOM, _HEIGHT = 44, 12, 300, 340


@dataclass(frozen=True)
class Point:
    """A mark.

    Attributes:
        system: key, for shape and colour.
        name: for people.
        x: its cost or speed.
        y: its score.
        series: points of one are joined by a line; "" stands alone.
        named: its name stands beside it.
    """

    system: str
    name: str
    x: float
    y: Score
    series: str = ""
    named: bool = False


@dataclass(frozen=True)
class Level:
    """A score across the whole chart."""

    system: str
    name: str
    y: Score


def scatter(points: Sequence[Point], *, x_name: str, levels: Sequence[Level] = (), budget: float | None = None) -> str:
    """Marks with their 95% intervals; the x axis is logarithmic, and so is the y axis where scores span much.

    Args:
        levels: scores to compare with, as lines.
        budget: a dashed line at this x.
    """
    xs = [point.x for point in points] + ([budget] if budget else [])
    bounds = [bound for item in (*points, *levels) for bound in (item.y.low, item.y.high, item.y.value)]
    across = Axis(min(xs) / 1.25, max(xs) * 1.25, _LEFT, LOSS_WIDTH - 14, log=True)
    log = min(bounds) > 0 and max(bounds) / min(bounds) > 8
    margin = 0.06 * (max(bounds) - min(bounds) or 1.0)
    up = (
        Axis(min(bounds) / 1.1, max(bounds) * 1.1, _BOTTOM, _TOP, log=True)
        if log
        else Axis(min(bounds) - margin, max(bounds) + margin, _BOTTOM, _TOP)
    )
    parts = [_grid(across, up, x_name=x_name)]
    if budget:
        x = across(budget)
        parts.append(f'<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{_BOTTOM}"/>')
    parts += [_level(level, up) for level in levels]
    parts += [_series(name, points, across, up) for name in dict.fromkeys(p.series for p in points) if name]
    parts += [_point(point, across, up, x_name=x_name) for point in points]
    label = "; ".join(f"{p.name}: {number(p.x)} {x_name}, {interval(p.y.value, p.y.low, p.y.high)}" for p in points)
    return (
        f'<svg class="chart" viewBox="0 0 {LOSS_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(label, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )


def _grid(across: Axis, up: Axis, *, x_name: str) -> str:
    parts = []
    ticks = up.ticks()
    places = decimals(ticks[1] - ticks[0], digits=1) if len(ticks) > 1 else 2
    for tick in ticks:
        y = up(tick)
        text = f"{tick:g}" if up.log else number(tick, places=places)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{LOSS_WIDTH - 14}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for tick in across.ticks():
        parts.append(
            f'<text class="tick" x="{across(tick):.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{tick:g}</text>'
        )
    parts.append(
        f'<text class="tick" x="{LOSS_WIDTH - 14}" y="{_HEIGHT - 4}" text-anchor="end">{escape(x_name)}</text>'
    )
    return "".join(parts)


def _level(level: Level, up: Axis) -> str:
    y, high, low = up(level.y.value), up(level.y.high), up(level.y.low)
    title = f"{level.name}: {interval(level.y.value, level.y.low, level.y.high)}, n = {level.y.n}"
    right = LOSS_WIDTH - 14
    return (
        f'<g class="mark s-{level.system}"><title>{escape(title)}</title>'
        f'<rect class="band" x="{_LEFT}" width="{right - _LEFT}" y="{high:.1f}" height="{max(0.0, low - high):.1f}"/>'
        f'<line class="level" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="tick named" x="{right}" y="{y - 5:.1f}" text-anchor="end">{escape(level.name)}</text></g>'
    )


def _series(name: str, points: Sequence[Point], across: Axis, up: Axis) -> str:
    own = sorted((point for point in points if point.series == name), key=lambda point: point.x)
    places = " ".join(f"{across(point.x):.1f},{up(point.y.value):.1f}" for point in own)
    return f'<g class="curve s-{own[0].system}"><polyline class="joined" points="{places}"/></g>'


def _point(point: Point, across: Axis, up: Axis, *, x_name: str) -> str:
    x, y, low, high = across(point.x), up(point.y.value), up(point.y.low), up(point.y.high)
    span = interval(point.y.value, point.y.low, point.y.high)
    title = f"{point.name}: {number(point.x)} {x_name}, {span}, n = {point.y.n}"
    side, anchor = (9, "start") if x < 0.6 * LOSS_WIDTH else (-9, "end")
    place = f'x="{x + side:.1f}" y="{y + 16:.1f}" text-anchor="{anchor}"'
    name = f'<text class="tick named" {place}>{escape(point.name)}</text>' if point.named else ""
    return (
        f'<g class="mark s-{point.system}"><title>{escape(title)}</title>'
        f'<line class="whisker thin" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
        f"{mark(point.system, x, y)}{name}</g>"
    )
