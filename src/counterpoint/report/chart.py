"""Charts of one quantity over another: losses over updates, scores over a size, costs against quality; inline SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from typing import Any, ClassVar, Literal

from counterpoint.metrics.base import Better, MetricInfo
from counterpoint.report.axis import Axis, fit, line, svg, text
from counterpoint.report.marks import Mark
from counterpoint.report.numbers import Estimated, number, span
from counterpoint.report.tables import to_csv

WIDTH, HEIGHT = 480, 310
_LEFT, _TOP, _FOOT = 50, 12, 42
_LETTER, _LONGEST_NAME = 6.8, 26
_GAP = 15.0
"""Vertical distance between the names at the ends of lines."""
_DODGE = 7.0
"""Distance between marks of different lines at one place, which keeps their intervals apart."""
SMOOTHED = 0.04
"""Share of a curve over which it is smoothed."""
LineKind = Literal["marks", "plain", "strong", "faint", "dots", "band", "level", "limit"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A point of a line.

    Attributes:
        low, high: the interval of `y`, if there is one.
        text: its tooltip.
        name: a label beside it.
        is_ringed: whether it is highlighted by a ring.
        is_stopped: whether a cross replaces the mark.
    """

    x: float
    y: float
    low: float | None = None
    high: float | None = None
    text: str = ""
    name: str = ""
    is_ringed: bool = False
    is_stopped: bool = False

    @classmethod
    def of(cls, x: float, found: Estimated, *, name: str, n: int | None = None) -> Point:
        """A value with its interval, and a tooltip that states both after a name."""
        counted = "" if n is None else f", n = {n}"
        text = f"{name} {span(found)}{counted}".strip()
        return cls(x=x, y=found.value, low=found.low, high=found.high, text=text)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Points that belong together.

    Attributes:
        name: label at its end if `is_named`, and its name for screen readers.
        kind: `marks` with intervals, joined; `plain` the same, not joined; `strong` a curve; `faint` raw values behind
            a smooth curve; `dots` a dashed line with points; `band` a curve with its interval; `level` a dashed line
            from edge to edge; `limit` a dotted line.
    """

    name: str
    mark: Mark
    points: Sequence[Point]
    kind: LineKind = "marks"
    is_named: bool = True

    @property
    def finite(self) -> list[Point]:
        return [point for point in self.points if math.isfinite(point.x) and math.isfinite(point.y)]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Attributes:
        title: heading.
        exact: the exact name of the quantity, in small print.
        what: a sentence or two below the title.
        x_name: label of the x axis.
        ticks: values of the x axis with their labels; by default round ones.
        log: whether the axes (x, y) are logarithmic; None decides by the values.
        upright: position of a vertical dashed line.
        with_zero: whether the value zero is included and marked.
        is_dodged: whether marks of different lines at one place are set slightly apart.
        bounds: range of the y axis, for charts with a common scale; by default that of the values.
        mark: a mark before the title, if the whole chart shows one system.
    """

    title: str
    x_name: str
    lines: Sequence[Line]
    exact: str = ""
    unit: str = ""
    better: Better = "neither"
    what: str = ""
    ticks: Sequence[tuple[float, str]] = ()
    log: tuple[bool | None, bool | None] = (False, None)
    upright: float | None = None
    with_zero: bool = False
    is_dodged: bool = False
    bounds: tuple[float, float] | None = None
    mark: Mark | None = None

    @classmethod
    def of(cls, metric: MetricInfo, *, title: str = "", **own: Any) -> Chart:
        """A chart of a metric, with its names, its unit and its better direction; by default under its plain title."""
        return cls(title=title or metric.label, exact=metric.exact, unit=metric.unit, better=metric.better, **own)

    def svg(self) -> str:
        """The drawing; "" if there is nothing to show."""
        return _Drawing(self).svg() if any(each.finite for each in self.lines) else ""


@dataclass(frozen=True, kw_only=True)
class Charts:
    """Several charts side by side.

    Attributes:
        name: name of a CSV file with all points; "" for none.
        legend: marks with their meanings.
        is_small: whether the charts are small multiples.
        note: text below them.
    """

    kind: ClassVar[str] = "charts"

    charts: Sequence[Chart]
    name: str = ""
    legend: Sequence[tuple[Mark, str]] = ()
    is_small: bool = False
    note: str = ""

    def to_csv(self) -> str:
        """One line per point, in full precision."""
        rows: list[list[object]] = [["chart", "line", "kind", "x", "y", "low", "high"]]
        for chart in self.charts:
            for each in chart.lines:
                own = [chart.exact or chart.title, each.name, each.kind]
                rows += [[*own, point.x, point.y, point.low, point.high] for point in each.points]
        return to_csv(rows)


def loss_chart(name: str, mark: Mark, *, train: Sequence[tuple[int, float]], valid: Sequence[tuple[int, float]],
               unit: str) -> Chart:  # fmt: skip
    """Training loss (each update faint, smoothed strong) and validation loss (dashed, with points).

    Args:
        train, valid: (update, loss).
        unit: the loss with its unit; losses of different paradigms cannot be compared.
    """

    def points(curve: Sequence[tuple[int, float]]) -> list[Point]:
        return [Point(x=step, y=loss) for step, loss in curve]

    lines = [
        Line(name="each update", mark=mark, points=points(train), kind="faint", is_named=False),
        Line(name="training loss", mark=mark, points=points(smooth(train)), kind="strong", is_named=False),
        Line(name="validation loss", mark=mark, points=points(valid), kind="dots", is_named=False),
    ]
    finite = [loss for _, loss in (*train, *valid) if math.isfinite(loss)]
    bounds = (min(finite), _most(finite)) if finite else None
    return Chart(title=name, what=unit, x_name="update", lines=lines, mark=mark, bounds=bounds, log=(False, False))


def smooth(curve: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Exponential mean over about `SMOOTHED` of the curve, corrected for its start."""
    keep = 1 - 1 / max(1.0, SMOOTHED * len(curve))
    total = weight = 0.0
    smoothed = []
    for step, loss in curve:
        if math.isfinite(loss):
            total, weight = keep * total + loss, keep * weight + 1
        smoothed.append((step, total / weight if weight else math.nan))
    return smoothed


def _most(values: Sequence[float]) -> float:
    """The largest value, without a few much larger ones at the start."""
    ordered = sorted(values)
    typical = ordered[int(0.98 * (len(ordered) - 1))]
    return typical * 1.3 if ordered[-1] > 3 * typical > 0 else ordered[-1]


class _Drawing:
    """A chart with its axes."""

    def __init__(self, chart: Chart):
        self.chart = chart
        names = [len(each.name) for each in chart.lines if each.is_named and each.finite]
        self.right = WIDTH - 16 - _LETTER * min(_LONGEST_NAME, max(names, default=0))
        self.bottom = HEIGHT - _FOOT
        self.across, self.up = self._across(), self._up()

    def _across(self) -> Axis:
        values = [point.x for each in self.chart.lines for point in each.finite]
        values += [place for place, _ in self.chart.ticks]
        values += [] if self.chart.upright is None else [self.chart.upright]
        start, end, margin = float(_LEFT), self.right, 0.0
        if any(each.kind in ("marks", "plain") for each in self.chart.lines):
            start, end, margin = start + 24, end - 20, 0.01
        axis = fit(values, start, end, log=self.chart.log[0], margin=margin)
        return replace(axis, low=min(values)) if margin == 0.0 and not axis.log else axis

    def _up(self) -> Axis:
        points = [point for each in self.chart.lines for point in each.finite]
        values = [value for point in points for value in (point.y, point.low, point.high) if value is not None]
        if self.chart.bounds is not None:
            values = [*self.chart.bounds]
        return fit([*values, *[0.0] * self.chart.with_zero], self.bottom, _TOP, log=self.chart.log[1])

    def svg(self) -> str:
        chart = self.chart
        parts = [self._grid()]
        if chart.upright is not None:
            x = self.across(chart.upright)
            parts.append(line("chance", x, _TOP, x, self.bottom))
        if chart.with_zero:
            parts.append(line("zero", _LEFT, self.up(0), self.right, self.up(0)))
        parts += [each.mark.group(self._line(each, shift)) for each, shift in self._shifts()]
        parts += [self._names()]
        title = " ".join(filter(None, (chart.title.rstrip("."), chart.exact and f"({chart.exact})")))
        label = f"{title}, by {chart.x_name}: {'; '.join(map(_line_in_words, chart.lines))}"
        return svg(WIDTH, HEIGHT, parts, label=label)

    def _grid(self) -> str:
        parts = []
        for value, name in self.up.ticks():
            y = self.up(value)
            parts += [line("grid", _LEFT, y, self.right, y), text(name, _LEFT - 7, y + 4.5, anchor="end")]
        for value, name in self.chart.ticks or self.across.ticks():
            parts.append(text(name, self.across(value), self.bottom + 18))
        parts.append(text(self.chart.x_name, (_LEFT + self.right) / 2, HEIGHT - 5))
        return "".join(parts)

    def _shifts(self) -> list[tuple[Line, float]]:
        """Lines, those without marks first, each with the horizontal shift of its marks."""
        own = [each for each in self.chart.lines if each.kind in ("marks", "plain") and each.finite]
        at = sorted({self.across(point.x) for each in own for point in each.finite})
        nearest = min((second - first for first, second in pairwise(at)), default=100.0)
        step = min(_DODGE, 0.6 * nearest / max(1, len(own) - 1)) if self.chart.is_dodged else 0.0
        shifts = [(each, (place - (len(own) - 1) / 2) * step) for place, each in enumerate(own)]
        return [*((each, 0.0) for each in self.chart.lines if each not in own and each.finite), *shifts]

    def _line(self, each: Line, shift: float) -> str:
        at = [(self.across(point.x) + shift, self.up(point.y)) for point in each.finite]
        if each.kind == "level":
            at = [(float(_LEFT), at[0][1]), *at, (self.right, at[-1][1])]
        path = _path(_CLASSES[each.kind], at)
        if each.kind == "band":
            path = self._band(each) + path
        if each.kind == "level" and len(each.finite) == 1:
            path += self._belt(each.finite[0])
        if each.kind == "dots":
            path += "".join(f'<circle class="valid-dot" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in at)
        if each.kind not in ("marks", "plain"):
            return path
        marks = [self._point(point, each.mark, x, y) for point, (x, y) in zip(each.finite, at, strict=True)]
        return ("" if each.kind == "plain" else path) + "".join(marks)

    def _band(self, each: Line) -> str:
        spans = [(self.across(point.x), *span) for point in each.finite if (span := _span(point))]
        around = [(x, self.up(high)) for x, _, high in spans] + [(x, self.up(low)) for x, low, _ in reversed(spans)]
        return f'<polygon class="spread" points="{_places(around)}"/>' if around else ""

    def _belt(self, point: Point) -> str:
        """The interval of a level, across the whole chart."""
        if (span := _span(point)) is None:
            return ""
        low, high, wide = self.up(span[0]), self.up(span[1]), self.right - _LEFT
        return f'<rect class="band" x="{_LEFT}" y="{high:.1f}" width="{wide:.1f}" height="{low - high:.1f}"/>'

    def _point(self, point: Point, mark: Mark, x: float, y: float) -> str:
        parts = [f"<title>{escape(point.text)}</title>"] if point.text else []
        if span := _span(point):
            parts.append(line("whisker thin", x, self.up(span[0]), x, self.up(span[1])))
        parts.append(replace(mark, shape="cross").at(x, y) if point.is_stopped else mark.at(x, y))
        if point.is_ringed:
            parts.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="9.5"/>')
        if point.name:
            side, anchor = (10, "start") if x < 0.55 * WIDTH else (-10, "end")
            parts.append(text(point.name, x + side, y + 19, anchor=anchor, kind="tick named"))
        return f"<g>{''.join(parts)}</g>"

    def _names(self) -> str:
        """Names at the right ends of lines, moved apart if they overlap."""
        named = [each for each in self.chart.lines if each.is_named and each.name and each.finite]
        parts, lowest = [], -_GAP
        for y, place in sorted((self.up(each.finite[-1].y) + 4, place) for place, each in enumerate(named)):
            lowest = max(y, lowest + _GAP)
            name = named[place].name
            name = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
            parts.append(named[place].mark.group(text(name, self.right + 8, lowest, anchor="start", kind="tick end")))
        return "".join(parts)


_CLASSES: Mapping[LineKind, str] = {
    "marks": "joined",
    "plain": "joined",
    "strong": "strong",
    "faint": "faint",
    "dots": "valid",
    "band": "strong",
    "level": "level",
    "limit": "limit",
}


def _span(point: Point) -> tuple[float, float] | None:
    if point.low is None or point.high is None or not (math.isfinite(point.low) and math.isfinite(point.high)):
        return None
    return point.low, point.high


def _path(kind: str, at: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="{kind}" points="{_places(at)}"/>'


def _places(at: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in at)


def _line_in_words(each: Line) -> str:
    """A description of a line: the texts of its points if they have any, else its ends."""
    points = each.finite
    if not points:
        return f"{each.name}: nothing"
    if each.kind in ("marks", "plain", "limit", "level"):
        return (
            f"{each.name or 'all'}: {', '.join(point.text or f'{number(point.y)} at {point.x:g}' for point in points)}"
        )
    return f"{each.name} from {number(points[0].y)} to {number(points[-1].y)}"
