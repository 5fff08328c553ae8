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
_WORDS = {"ar": "AR", "fm": "FM", "autoregressive": "AR", "flow_matching": "FM"}
_LATENTS = {"encodec": "EnCodec", "vae": "VAE", "rvq": "RVQ", "kl": "KL"}
"""What the labels `enc` and `vae` stand for, by the part of the codec's name that they fill in; the last two are
spectrogram codecs, quantised and variational."""
_NAMES = {"rate": "frame rate", "batch": "batch size"}
_UNITS = {"": "", "hz": "Hz", "s": "s"}
_NUMBER = re.compile(r"([a-z]*)(\d+(?:\.\d+)?)([a-z]*)", re.IGNORECASE)
_INITIALS = 2
"""Letters before a number that only tell what it counts, as in `b8`; more are a word, as in `euler10`."""
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

    def codec(self, label: str) -> str:
        """Of all codecs, by the axes that choose one: `EnCodec, 25 Hz`; "" where there is but one."""
        cell = next(cell for cell in self.cells if cell.codec == label)
        return self.place(cell.labels, without=[axis.key for axis in self.axes if "codec" not in axis.sets])

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
            name = _NAMES.get(key) or key.replace("_", " ")
            shown = {label: _shown(label, axis["values"][label]) for label in labels}
            axes.append(GridAxis(key, name, shown, _sets(axis), _numbers(labels)))
    return axes


def _sets(axis: Mapping[str, Any]) -> list[str]:
    """Keys of the configuration that an axis changes; without any it fills a place in the codec's name."""
    if axis["keys"]:
        return list(axis["keys"])
    return list(dict.fromkeys(key for value in axis["values"].values() for key in _keys(value)))


def _keys(value: Any) -> Sequence[str]:
    return list(value) if isinstance(value, Mapping) else ["codec"]


def _numbers(labels: Sequence[str]) -> dict[str, float]:
    """What each label counts; empty where not all count the same."""
    matches = [match for label in labels if (match := _NUMBER.fullmatch(label)) and match[3].lower() in _UNITS]
    kinds = {(match[1].lower(), match[3].lower()) for match in matches}
    return {match[0]: float(match[2]) for match in matches} if len(matches) == len(labels) and len(kinds) == 1 else {}


def _shown(label: str, value: Any) -> str:
    if label.lower() in ("enc", "vae"):
        return _LATENTS.get(str(value).lower(), label)
    match = _NUMBER.fullmatch(label)
    if match and (unit := _UNITS.get(match[3].lower())) is not None:
        word = match[1].capitalize() if len(match[1]) > _INITIALS else ""
        return " ".join(filter(None, (word, match[2], unit)))
    return _WORDS.get(label.lower(), label)


def told(axis: GridAxis, label: str) -> str:
    """In running text, where a bare number needs the name of what it counts."""
    text = axis.labels[label]
    return f"{axis.name} {text}" if text.replace(".", "").isdigit() else text


def named(paradigm: str) -> str:
    """In running text."""
    return NAMES[paradigm].lower()
