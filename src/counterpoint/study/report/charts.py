"""Charts as inline SVG: colours come from the page's style sheet, so they follow light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from counterpoint.report.numbers import decimals, interval, number
from counterpoint.study.report.content import Curve, Metric, Score, System

WIDTH = 380
LOSS_WIDTH = 540
_ROW = 25
_LABELS = 128
_PADDING = 14


@dataclass(frozen=True)
class Axis:
    """Values to positions.

    Attributes:
        low, high: the range shown.
        start, end: its positions.
        log: logarithmic, because the values span too much otherwise.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high = self._scaled(self.low), self._scaled(self.high)
        share = (self._scaled(value) - low) / (high - low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.log else value

    def ticks(self) -> list[float]:
        """Three to six round values within the range."""
        if self.log:
            return _log_ticks(self.low, self.high)
        step = 10 ** math.floor(math.log10((self.high - self.low) / 3))
        for factor in (1, 2, 5, 10):
            if (self.high - self.low) / (step * factor) <= 5:
                step *= factor
                break
        first = math.ceil(self.low / step - 1e-9)
        return [index * step for index in range(first, math.floor(self.high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    values = [
        factor * 10.0**power
        for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        for factor in (1, 2, 5)
    ]
    inside = [value for value in values if low <= value <= high]
    powers = [value for value in inside if f"{value:e}".startswith("1.0")]
    return powers if len(powers) >= 3 or len(inside) > 7 else inside


def dots_and_whiskers(metric: Metric, scores: dict[str, Score], systems: Sequence[System]) -> str:
    """One row a system: its value and its 95% interval."""
    rows = [(system, scores[system.key]) for system in systems if system.key in scores]
    rows = [(system, score) for system, score in rows if math.isfinite(score.value)]
    if not rows:
        return ""
    labels = _label_width([system for system, _ in rows])
    axis = _axis([score for _, score in rows], metric.chance, labels=labels)
    bottom = _PADDING + _ROW * len(rows)
    parts = [_grid(axis, top=4, bottom=bottom - 4)]
    if metric.chance is not None:
        x = axis(metric.chance)
        parts.append(f'<line class="chance" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom - 4}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 24}" text-anchor="middle">chance</text>')
    for index, (system, score) in enumerate(rows):
        parts.append(_whisker(system, score, axis, labels=labels, y=_PADDING + _ROW * (index + 0.5) - 4))
    height = bottom + (30 if metric.chance is not None else 16)
    label = f"{metric.key}: " + "; ".join(
        f"{system.name} {interval(score.value, score.low, score.high)}" for system, score in rows
    )
    return svg(height, parts, label=label)


def _label_width(systems: Sequence[System]) -> float:
    """Room for the longest name, in a proportional font."""
    return min(210.0, max(float(_LABELS), 7.2 * max(len(system.short) for system in systems)))


def _axis(scores: Sequence[Score], chance: float | None, *, labels: float) -> Axis:
    values = [value for score in scores for value in (score.value, score.low, score.high) if math.isfinite(value)]
    values += [] if chance is None else [chance]
    low, high = min(values), max(values)
    share = 0.5 < max(score.value for score in scores) <= 1  # best seen from zero
    log = low > 0 and high / low > 15 and not share
    if log:
        low, high = low / 1.25, high * 1.25
    else:
        margin = (high - low or abs(high) or 1.0) * 0.06
        low, high = (0.0 if 0 <= low < 0.35 * high else low - margin), high + margin
    return Axis(low, high, labels + 8, WIDTH - 12, log=log)


def _grid(axis: Axis, *, top: float, bottom: float) -> str:
    parts = []
    ticks = axis.ticks()
    places = _tick_places(ticks)
    for tick in ticks:
        x = axis(tick)
        text = f"{tick:g}" if axis.log else number(tick, places=places)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 13}" text-anchor="middle">{text}</text>')
    return "".join(parts)


def _tick_places(ticks: Sequence[float]) -> int:
    """Decimals that just tell neighbouring ticks apart."""
    return decimals(ticks[1] - ticks[0], digits=1) if len(ticks) > 1 else 2


def _whisker(system: System, score: Score, axis: Axis, *, labels: float, y: float) -> str:
    left, right, x = axis(score.low), axis(score.high), axis(score.value)
    line = f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
    title = f"{system.name}: {interval(score.value, score.low, score.high)}, n = {score.n}"
    return (
        f'<g class="mark s-{system.look}"><title>{escape(title)}</title>'
        f'<text class="row" x="{labels:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape(system.short)}</text>'
        f"{line}{mark(system.look, x, y)}</g>"
    )


def mark(key: str, x: float, y: float) -> str:
    """A shape of its own for each kind of system, so that colour is never the only sign."""
    if key.startswith("line-"):
        return _shape(int(key.removeprefix("line-")), x, y)
    if key == "outside":
        return _polygon((x - 5, y - 5), (x + 5, y - 5), (x - 5, y + 5), (x + 5, y + 5))
    if any(kind in key for kind in ("flow", "adams")) or key.startswith("fm"):
        return _polygon((x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y))
    if any(kind in key for kind in ("truth", "reference", "midpoint")):
        return _polygon((x, y - 5.8), (x + 5.8, y + 4.2), (x - 5.8, y + 4.2))
    if "dopri5" in key:
        return _polygon((x, y + 5.8), (x + 5.8, y - 4.2), (x - 5.8, y - 4.2))
    if key in ("silence", "other_clip"):
        return _polygon((x - 5.4, y - 2), (x + 5.4, y - 2), (x + 5.4, y + 2), (x - 5.4, y + 2))
    if any(kind in key for kind in ("reconstruction", "heun")):
        return _polygon((x - 4.3, y - 4.3), (x + 4.3, y - 4.3), (x + 4.3, y + 4.3), (x - 4.3, y + 4.3))
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _shape(index: int, x: float, y: float) -> str:
    """One of six, for lines of which none is more than the others."""
    keys = ("ar", "reconstruction", "truth", "fm", "dopri5", "silence")
    return mark(keys[index % len(keys)], x, y)


def _polygon(*points: tuple[float, float]) -> str:
    return f'<polygon class="dot" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def difference_axis(low: float, value: float, high: float, *, extent: float) -> str:
    """A difference with its interval around zero, for a table cell; `extent` is the farthest bound from zero."""
    axis = Axis(-extent or -1.0, extent or 1.0, 6, 174)
    zero, left, right, x = axis(0), axis(low), axis(high), axis(value)
    parts = [
        f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="1" y2="21"/>',
        f'<line class="whisker" x1="{left:.1f}" x2="{right:.1f}" y1="11" y2="11"/>',
        f'<circle class="dot" cx="{x:.1f}" cy="11" r="4.4"/>',
    ]
    return f'<svg class="delta" viewBox="0 0 180 22" aria-hidden="true">{"".join(parts)}</svg>'


def loss_curve(curve: Curve, *, name: str) -> str:
    """Training loss (each update faint, smoothed strong) and validation loss (dashed, with points)."""
    height, bottom, left = 262, 224, 44
    values = [loss for _, loss in (*curve.train, *curve.valid) if math.isfinite(loss)]
    if not values:
        return ""
    low, high = min(values), _most(values)
    margin = (high - low or abs(high) or 1.0) * 0.08
    last = max(step for step, _ in (*curve.train, *curve.valid)) or 1
    across = Axis(0, last, left, LOSS_WIDTH - 14)
    up = Axis(low - margin, high + margin, bottom, 10)
    parts = [grid_of(across, up, left=left, bottom=bottom)]
    parts.append(f'<polyline class="faint" points="{_points(curve.train, across, up)}"/>')
    parts.append(f'<polyline class="strong" points="{_points(smooth(curve.train), across, up)}"/>')
    parts.append(f'<polyline class="valid" points="{_points(curve.valid, across, up)}"/>')
    parts.extend(
        f'<circle class="valid-dot" cx="{across(step):.1f}" cy="{up(loss):.1f}" r="3.2"/>'
        for step, loss in curve.valid
        if math.isfinite(loss)
    )
    parts.append(f'<text class="tick" x="{LOSS_WIDTH - 14}" y="{height - 2}" text-anchor="end">update</text>')
    label = (
        f"{name}: loss from {number(curve.train[0][1])} to {number(smooth(curve.train)[-1][1])}"
        if curve.train
        else name
    )
    if curve.valid:
        label += f"; validation loss from {number(curve.valid[0][1])} to {number(curve.valid[-1][1])}"
    return svg(height, [f'<g class="curve s-{curve.system}">{"".join(parts)}</g>'], label=label, width=LOSS_WIDTH)


def grid_of(across: Axis, up: Axis, *, left: float, bottom: float) -> str:
    """Lines and numbers of a chart of `LOSS_WIDTH` over steps."""
    ticks = up.ticks()
    places = _tick_places(ticks)
    parts = []
    for tick in ticks:
        y = up(tick)
        parts.append(f'<line class="grid" x1="{left}" x2="{LOSS_WIDTH - 14}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number(tick, places=places)}</text>'
        )
    for tick in across.ticks():
        parts.append(
            f'<text class="tick" x="{across(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{round(tick):,}</text>'
        )
    return "".join(parts)


def _most(values: Sequence[float]) -> float:
    """The largest value, unless a few first ones tower over the rest."""
    ordered = sorted(values)
    typical = ordered[int(0.98 * (len(ordered) - 1))]
    return typical * 1.3 if ordered[-1] > 3 * typical > 0 else ordered[-1]


def _points(curve: Sequence[tuple[int, float]], across: Axis, up: Axis) -> str:
    return " ".join(f"{across(step):.1f},{up(loss):.1f}" for step, loss in curve if math.isfinite(loss))


def smooth(curve: Sequence[tuple[int, float]], *, share: float = 0.04) -> list[tuple[int, float]]:
    """Exponential mean over about `share` of the curve, corrected for its start."""
    keep = 1 - 1 / max(1.0, share * len(curve))
    total = weight = 0.0
    smoothed = []
    for step, loss in curve:
        if math.isfinite(loss):
            total, weight = keep * total + loss, keep * weight + 1
        smoothed.append((step, total / weight if weight else math.nan))
    return smoothed


def svg(height: float, parts: Sequence[str], *, label: str, width: float = WIDTH) -> str:
    """A chart of these parts, and what it says in words."""
    return (
        f'<svg class="chart" viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(label, quote=True)}">'
        f"{''.join(parts)}</svg>"
    )
