"""The points of a search over guidance, a line for each other setting; inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from counterpoint.report.numbers import decimals, interval, number
from counterpoint.results.search import Found, Standing
from counterpoint.study.report.charts import LOSS_WIDTH, Axis, mark, svg

_LEFT, _TOP, _RIGHT, _BOTTOM, _HEIGHT = 44, 14, 128, 300, 340
_GAP = 14.0
"""Between the names at the lines' ends."""
_SWAY = 5.0
"""Between marks of neighbouring lines, which share their guidance."""
LOOKS = 6
"""Of lines, in the style sheet."""


def span(results: Sequence[Found]) -> tuple[float, float]:
    """The lowest and highest bound of the last standings of these points."""
    bounds = [
        bound for point in results for bound in (point.standings[-1].low, point.standings[-1].high) if bound == bound
    ]
    return (min(bounds), max(bounds)) if bounds else (0.0, 1.0)


def guidance_chart(
    lines: Mapping[str, Sequence[Found]], *, title: str, bounds: tuple[float, float], guidance: Sequence[float]
) -> str:
    """One mark a point at its last rung, with the 95% interval; a cross for a point that was stopped.

    Args:
        lines: points by the other settings.
        bounds: of the y axis, the same for all charts that are read together.
        guidance: values of the x axis.
    """
    margin = 0.05 * (bounds[1] - bounds[0] or 1.0)
    across = Axis(min(guidance) - 0.4, max(guidance) + 0.4, _LEFT, LOSS_WIDTH - _RIGHT)
    up = Axis(bounds[0] - margin, bounds[1] + margin, _BOTTOM, _TOP)
    shown = {
        name: [point for point in points if math.isfinite(point.standings[-1].value)] for name, points in lines.items()
    }
    shown = {name: sorted(points, key=lambda point: point.guidance) for name, points in shown.items() if points}
    parts = [_grid(across, up, guidance)]
    for place, (name, points) in enumerate(shown.items()):
        shift = _SWAY * (place - (len(shown) - 1) / 2)
        parts.append(_line(name, points, across, up, look=f"line-{place % LOOKS}", shift=shift))
    parts.append(_names({name: points[-1] for name, points in shown.items()}, across, up))
    label = "; ".join(
        f"{name}: " + ", ".join(f"{number(point.standings[-1].value)} at {point.guidance:g}" for point in points)
        for name, points in shown.items()
    )
    return svg(_HEIGHT, parts, label=f"{title}: {label}", width=LOSS_WIDTH)


def _grid(across: Axis, up: Axis, guidance: Sequence[float]) -> str:
    ticks, parts, right = up.ticks(), [], LOSS_WIDTH - _RIGHT
    places = decimals(ticks[1] - ticks[0], digits=1) if len(ticks) > 1 else 2
    for tick in ticks:
        y = up(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        text = number(tick, places=places)
        parts.append(f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    parts += [
        f'<text class="tick" x="{across(value):.1f}" y="{_BOTTOM + 16}" text-anchor="middle">{value:g}</text>'
        for value in sorted(set(guidance))
    ]
    middle = (_LEFT + right) / 2
    parts.append(f'<text class="tick" x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">guidance</text>')
    return "".join(parts)


def _line(name: str, points: Sequence[Found], across: Axis, up: Axis, *, look: str, shift: float) -> str:
    places = [(across(point.guidance) + shift, up(point.standings[-1].value)) for point in points]
    parts = [f'<polyline class="joined" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}"/>']
    for point, (x, y) in zip(points, places, strict=True):
        last = point.standings[-1]
        title = f"guidance {point.guidance:g}, {name}: {_told(last)}; {point.reason}"
        parts.append(
            f"<g><title>{escape(title)}</title>"
            f'<line class="whisker thin" x1="{x:.1f}" x2="{x:.1f}" y1="{up(last.low):.1f}" y2="{up(last.high):.1f}"/>'
            f"{_shape(point, x, y, look)}</g>"
        )
    return f'<g class="mark s-{look}">{"".join(parts)}</g>'


def _told(standing: Standing) -> str:
    return f"{interval(standing.value, standing.low, standing.high)}, n = {standing.n}"


def _shape(point: Found, x: float, y: float, look: str) -> str:
    """A cross for what was stopped; a ring and a name for the best and for the default."""
    cross = f'<path style="stroke: var(--c); stroke-width: 2" d="M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"/>'
    named = [word for word, holds in (("best", point.outcome == "chosen"), ("default", point.is_default)) if holds]
    ring = ""
    if named:
        ring = (
            f'<circle style="fill: none; stroke: var(--ink)" cx="{x:.1f}" cy="{y:.1f}" r="9.5"/>'
            f'<text class="tick named" x="{x:.1f}" y="{y + 24:.1f}" text-anchor="middle">{", ".join(named)}</text>'
        )
    return (cross if point.outcome == "stopped" else mark(look, x, y)) + ring


def _names(ends: Mapping[str, Found], across: Axis, up: Axis) -> str:
    """To the right of the lines, moved apart where they would overlap."""
    wanted = sorted(
        (up(point.standings[-1].value) + 4, index, name) for index, (name, point) in enumerate(ends.items())
    )
    parts, lowest = [], -_GAP
    for place, index, name in wanted:
        lowest = max(place, lowest + _GAP)
        parts.append(
            f'<g class="mark s-line-{index % LOOKS}"><text class="tick end" x="{LOSS_WIDTH - _RIGHT + 8}" '
            f'y="{lowest:.1f}">{escape(name)}</text></g>'
        )
    return "".join(parts)
