"""The look of a system: shape, colour, filling and line style, so that colour is never the only sign."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

PALETTE = ("red", "blue", "ink", "ochre", "green", "purple", "slate", "grey")
"""Colours of the style sheet, each with a value for light and for dark pages."""
Corners = Sequence[tuple[float, float]]
Fill = Literal["solid", "half", "hollow", "dotted"]
Dash = Literal["solid", "dashed", "dotted", "mixed", "long"]

_POLYGONS: dict[str, Corners] = {
    "diamond": ((0, -6), (6, 0), (0, 6), (-6, 0)),
    "triangle": ((0, -5.8), (5.8, 4.2), (-5.8, 4.2)),
    "triangle-down": ((0, 5.8), (5.8, -4.2), (-5.8, -4.2)),
    "square": ((-4.3, -4.3), (4.3, -4.3), (4.3, 4.3), (-4.3, 4.3)),
    "star": (
        (0, -6.2),
        (1.7, -2.2),
        (6, -1.9),
        (2.7, 0.9),
        (3.8, 5.2),
        (0, 2.8),
        (-3.8, 5.2),
        (-2.7, 0.9),
        (-6, -1.9),
        (-1.7, -2.2),
    ),
    "bar": ((-5.4, -2), (5.4, -2), (5.4, 2), (-5.4, 2)),
    "hourglass": ((-5, -5), (5, -5), (-5, 5), (5, 5)),
}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """The look of a system in every chart, table and player of a report.

    Attributes:
        shape: a name of `SHAPES`.
        colour: a name of `PALETTE`, or any CSS colour.
        fill: filling of the shape; hollow and half-filled shapes distinguish variants of one system.
        dash: style of its lines.
        shade: from -1 (the colour of the paper) over 0 (its own) to 1 (the colour of the ink).
    """

    shape: str = "circle"
    colour: str = "grey"
    fill: Fill = "solid"
    dash: Dash = "solid"
    shade: float = 0.0

    @property
    def classes(self) -> str:
        return f"mark fill-{self.fill} dash-{self.dash}"

    @property
    def style(self) -> str:
        """The CSS custom property `--c`, from which everything inside takes its colour."""
        base = f"var(--{self.colour})" if self.colour in PALETTE else self.colour
        if self.shade:
            other, share = ("paper", -self.shade) if self.shade < 0 else ("ink", self.shade)
            base = f"color-mix(in oklab, {base} {100 * (1 - share):.0f}%, var(--{other}))"
        return f"--c: {escape(base, quote=True)}"

    def group(self, content: str, *, title: str = "") -> str:
        """An SVG group in the system's look."""
        tooltip = f"<title>{escape(title)}</title>" if title else ""
        return f'<g class="{self.classes}" style="{self.style}">{tooltip}{content}</g>'

    def at(self, x: float, y: float) -> str:
        """The bare shape, for use inside `group`."""
        return SHAPES[self.shape](x, y)

    def swatch(self) -> str:
        """A small picture of the mark, to be placed beside a name."""
        return f'<svg class="swatch" viewBox="0 0 14 14" aria-hidden="true">{self.group(self.at(7, 7))}</svg>'


def _polygon(corners: Corners) -> Callable[[float, float], str]:
    def draw(x: float, y: float) -> str:
        return f'<polygon class="dot" points="{" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)}"/>'

    return draw


def _circle(x: float, y: float) -> str:
    return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="5"/>'


def _cross(x: float, y: float) -> str:
    return f'<path class="cross" d="M{x - 4.5:.1f} {y - 4.5:.1f}l9 9m0 -9l-9 9"/>'


SHAPES: dict[str, Callable[[float, float], str]] = {
    "circle": _circle,
    "cross": _cross,
    **{name: _polygon(corners) for name, corners in _POLYGONS.items()},
}

DISTINCT = (
    Mark(shape="circle", colour="blue", dash="solid"),
    Mark(shape="square", colour="red", dash="dashed"),
    Mark(shape="triangle", colour="ochre", dash="dotted"),
    Mark(shape="diamond", colour="purple", dash="mixed"),
    Mark(shape="triangle-down", colour="green", dash="long"),
    Mark(shape="bar", colour="slate", dash="solid"),
)
"""Marks for lines of equal importance."""
