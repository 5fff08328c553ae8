"""Axes of charts: values to positions, and ticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from counterpoint.report.numbers import decimals, number


@dataclass(frozen=True)
class Axis:
    """A range of values on a range of positions.

    Attributes:
        low, high: the range of values; values outside are drawn at the edge.
        start, end: their positions.
        log: whether the scale is logarithmic.
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

    def ticks(self) -> list[tuple[float, str]]:
        """Three to six round values in the range, with their labels."""
        if self.log:
            return [(value, f"{value:g}") for value in _log_ticks(self.low, self.high)]
        step = 10 ** math.floor(math.log10((self.high - self.low) / 3))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= 5)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        places = decimals(step, digits=1)
        return [(index * step, number(index * step, places=places)) for index in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside = [value for power in powers for factor in (1, 2, 5) if low <= (value := factor * 10.0**power) <= high]
    round_ones = [value for value in inside if f"{value:e}".startswith("1.0")]
    return round_ones if len(round_ones) >= 3 or len(inside) > 7 else inside


def fit(values: Iterable[float], start: float, end: float, *, log: bool | None = None, margin: float = 0.06) -> Axis:
    """An axis that includes all values, with a margin so that no mark touches the edge.

    Args:
        values: finite values; others are ignored.
        log: whether the scale is logarithmic; by default it is if positive values span more than a factor of 15.
        margin: share of the range on either side.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if log if log is not None else (low > 0 and high / low > 15):
        room = 1.0 + 4 * margin
        return Axis(low / room, high * room, start, end, log=True)
    room = (high - low or abs(high) or 1.0) * margin
    return Axis(0.0 if 0 < low < 0.35 * high else low - room, high + room, start, end)


def svg(width: float, height: float, parts: Sequence[str], *, label: str, kind: str = "chart") -> str:
    """A chart from SVG parts, with a description for screen readers."""
    return (
        f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
    )


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(content: str, x: float, y: float, *, anchor: str = "middle", kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'
