"""The cells of a grid: what varies between them, what they are called, and how two of them compare."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from counterpoint.study.report.content import Difference, GridAxis, GridCell, Judgement, Metric, Score
from counterpoint.study.report.following import NAMES, Findings
from counterpoint.study.report.verdict import judge

PARADIGM = "paradigm"
"""The axis that the question is about, where there is one."""
_WORDS = {"ar": "AR", "fm": "FM", "autoregressive": "AR", "flow_matching": "FM", "enc": "EnCodec", "vae": "VAE"}
_UNITS = {"": "", "hz": "Hz", "s": "s"}
_NUMBER = re.compile(r"([a-z]{0,2})_?(\d+)_?([a-z]*)", re.IGNORECASE)
_STYLES = {"autoregressive": "ar", "flow_matching": "fm"}
_VARIANTS, _LINES = 4, 6
"""As many as the style sheet tells apart."""


@dataclass(frozen=True)
class Contrast:
    """Two cells that differ along one axis alone.

    Attributes:
        place: where they lie on the other axes.
    """

    axis: GridAxis
    first: GridCell
    second: GridCell
    place: Mapping[str, str]


@dataclass(frozen=True)
class Cells:
    """All cells and all that is known of them.

    Attributes:
        axes: those that vary.
        x: key of the axis of curves; "" where none of those that vary is.
        found: scores and tests.
    """

    axes: Sequence[GridAxis]
    cells: Sequence[GridCell]
    x: str
    found: Findings

    def axis(self, key: str) -> GridAxis | None:
        return next((axis for axis in self.axes if axis.key == key), None)

    def place(self, labels: Mapping[str, str], *, without: Sequence[str] = ()) -> str:
        """Where a cell lies, for people: `AR, 25 Hz`; "" where nothing is left to say."""
        return ", ".join(told(axis, labels[axis.key]) for axis in self.axes if axis.key not in without)

    def lines(self) -> dict[tuple[str, ...], list[GridCell]]:
        """Cells that differ along the axis of curves alone, by their labels on the others."""
        found: dict[tuple[str, ...], list[GridCell]] = {}
        for cell in self.cells:
            key = tuple(cell.labels[axis.key] for axis in self.axes if axis.key != self.x)
            found.setdefault(key, []).append(cell)
        return found

    def style(self, cell: GridCell) -> str:
        """Of its line: a paradigm has its colour and shape, and what else varies tells fill and dash; where the
        paradigm does not vary, every line has a colour, a shape and a dash of its own."""
        without = (self.x, PARADIGM) if self.axis(PARADIGM) and self.x != PARADIGM else (self.x,)

        def rest(item: GridCell) -> tuple[str, ...]:
            return tuple(item.labels[axis.key] for axis in self.axes if axis.key not in without)

        kinds = list(dict.fromkeys(map(rest, self.cells)))
        index = kinds.index(rest(cell))
        if PARADIGM in without or len(kinds) == 1:
            return f"{_STYLES[cell.paradigm]}-{index % _VARIANTS}"
        return f"line-{index % _LINES}"

    def contrasts(self, axis: GridAxis, *, metric: str) -> list[Contrast]:
        """Pairs along an axis that the metric's differences were tested of, by labels and then by place."""
        found = []
        for first, second in combinations(axis.labels, 2):
            for one in self.cells:
                place = {key: label for key, label in one.labels.items() if key != axis.key}
                other = self._at({**place, axis.key: second})
                if one.labels[axis.key] == first and other and self.difference(metric, one.system, other.system):
                    found.append(Contrast(axis, one, other, place))
        return found

    def _at(self, labels: Mapping[str, str]) -> GridCell | None:
        return next((cell for cell in self.cells if cell.labels == labels), None)

    def difference(self, metric: str, first: str, second: str) -> Difference | None:
        """As it was tested, or turned round."""
        own = self.found.difference(metric, first, second)
        other = self.found.difference(metric, second, first)
        if own or other is None:
            return own
        turned = {"value": -other.value, "low": -other.high, "high": -other.low}
        effect = None if other.effect is None else -other.effect
        return replace(other, first=first, second=second, effect=effect, **turned)

    def outcome(self, metric: str, first: str, second: str) -> Judgement | None:
        """None where there was no test."""
        item = self.difference(metric, first, second)
        return judge(item, self.found.metrics[metric]) if item else None

    def score(self, metric: str, system: str) -> Score | None:
        return self.found.score(metric, system)

    def metrics(self) -> list[Metric]:
        """That judge any of the cells."""
        return [
            metric
            for metric in self.found.metrics.values()
            if metric.better != "neither" and any(self.score(metric.key, cell.system) for cell in self.cells)
        ]

    def deciding(self, primary: str) -> str:
        """The primary metric; where it is absent one of its family, else the first that judges the cells; "" for
        none."""
        judging = [metric.key for metric in self.metrics()]
        family = [key for key in judging if key.split("_")[0] == primary.split("_")[0]]
        return primary if primary in judging else next(iter([*family, *judging]), "")


def read_axes(study: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> list[GridAxis]:
    """The axes along which the cells differ, with the labels that occur, in the order of the configuration."""
    axes = []
    for key, axis in study["axes"].items():
        labels = [label for label in axis["values"] if any(cell["labels"][key] == label for cell in cells)]
        if len(labels) > 1:
            matches = {label: _NUMBER.fullmatch(label) for label in labels}
            numbers = {label: float(match[2]) for label, match in matches.items() if match and _unit(match) is not None}
            numbers = numbers if len(numbers) == len(labels) else {}
            axes.append(GridAxis(key, key.replace("_", " "), {label: _shown(label) for label in labels}, numbers))
    return axes


def _unit(match: re.Match[str]) -> str | None:
    """Of a label that is a number; None of one that only holds one."""
    return _UNITS.get(match[3].lower())


def _shown(label: str) -> str:
    match = _NUMBER.fullmatch(label)
    if match and (unit := _unit(match)) is not None:
        return f"{match[2]} {unit}".strip()
    return _WORDS.get(label.lower(), label.replace("_", " "))


def told(axis: GridAxis, label: str) -> str:
    """In running text, where a bare number needs the name of what it counts."""
    text = axis.labels.get(label) or _shown(label)
    return f"{axis.name} {text}" if text.replace(".", "").isdigit() else text


def named(paradigm: str) -> str:
    """In running text."""
    return NAMES[paradigm].lower()
