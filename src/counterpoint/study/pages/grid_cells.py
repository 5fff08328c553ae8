"""The cells of a grid: their varying settings, their names, and comparisons of two cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Mark, Outcome
from counterpoint.report.marks import DISTINCT, Dash, Fill
from counterpoint.report.numbers import MINUS
from counterpoint.results.schema import Judged, Results
from counterpoint.study.kinds.cells import Axis, Cell
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.words import outcome

PARADIGM = "paradigm"
"""The axis that the question is about, if there is one."""
_LATENTS = {"encodec": "EnCodec", "vae": "VAE", "rvq": "RVQ", "kl": "KL"}
"""Meanings of the labels `enc` and `vae`, by the part of the codec's name that they fill in; the last two are
spectrogram codecs, quantised and variational."""
_NAMES = {"rate": "frame rate", "batch": "batch size", "start": "starting point"}
_UNITS = {"": "", "hz": "Hz", "s": "s"}
FROM_SCRATCH = "trained from scratch"
_NUMBER = re.compile(r"([a-z]*)(\d+(?:\.\d+)?)([a-z]*)", re.IGNORECASE)
_INITIALS = 2
"""Letters before a number that only name its quantity, as in `b8`; longer ones are words, as in `euler10`."""
_VARIANTS: Sequence[tuple[Fill, Dash]] = (
    ("solid", "solid"),
    ("hollow", "dashed"),
    ("half", "dotted"),
    ("dotted", "mixed"),
)
"""Fillings and dashes that distinguish lines of one paradigm."""


@dataclass(frozen=True)
class Varied:
    """One dimension along which cells differ.

    Attributes:
        key: its key in the configuration.
        name: its name in text.
        labels: names of the labels in text, by label, in order.
        sets: keys of the configuration that it changes.
        numbers: the number in each label, if all count the same quantity.
    """

    key: str
    name: str
    labels: Mapping[str, str]
    sets: Sequence[str]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Contrast:
    """Two cells that differ in only one axis.

    Attributes:
        place: their place on the other axes.
    """

    axis: Varied
    first: Cell
    second: Cell
    place: Mapping[str, str]


class Grid:
    """All cells with their results.

    Attributes:
        axes: the axes along which cells differ.
        x: key of the axis of curves; "" if no varying axis is one.
    """

    def __init__(self, study: GridStudy, results: Results, judged: Judged):
        self.study, self.results, self.judged = study, results, judged
        self.cells = study.cells()
        self.axes = varied_axes(study, self.cells)
        wanted = study.x or [*study.axes][-1]
        self.x = wanted if self.axis(wanted) and wanted != PARADIGM else ""

    def axis(self, key: str) -> Varied | None:
        """A varying axis, by its key."""
        return next((axis for axis in self.axes if axis.key == key), None)

    @cached_property
    def durations(self) -> dict[str, float]:
        """Durations of the clips in seconds, by label."""
        return {cell.duration: cell.study.prompts.duration_s for cell in self.cells}

    @cached_property
    def models(self) -> dict[str, list[Cell]]:
        """The cells of each model."""
        found: dict[str, list[Cell]] = {}
        for cell in self.cells:
            found.setdefault(cell.model, []).append(cell)
        return found

    def runs(self, model: str) -> list[str]:
        """The steps that trained a model, one for each seed."""
        step = f"train_{model}"
        return [step, *sorted(name for name in self.results.models if name.startswith(f"{step}@"))]

    def place(self, labels: Mapping[str, str], *, without: Sequence[str] = ()) -> str:
        """The place of a cell in text: `AR, 25 Hz`; "" if nothing varies."""
        return ", ".join(phrase(axis, labels[axis.key]) for axis in self.axes if axis.key not in without)

    def name(self, cell: Cell) -> str:
        """The name of a cell's system: its place; in a grid of paradigms alone, the paradigm's name."""
        if [axis.key for axis in self.axes] in ([], [PARADIGM]):
            return cell.paradigm.label
        return self.place(cell.labels)

    def model_name(self, cells: Sequence[Cell]) -> str:
        """The common place of the cells of a model."""
        shared = [axis.key for axis in self.axes if len({cell.labels[axis.key] for cell in cells}) > 1]
        return self.place(cells[0].labels, without=shared) or cells[0].paradigm.label

    def codec_place(self, codec: str) -> str:
        """The place of a codec on the axes that choose one: `EnCodec, 25 Hz`; "" if there is only one."""
        cell = next(cell for cell in self.cells if cell.codec == codec)
        return self.place(cell.labels, without=[axis.key for axis in self.axes if "codec" not in axis.sets])

    def lines(self) -> dict[tuple[str, ...], list[Cell]]:
        """Cells that differ only along the axis of curves, by their labels on the others."""
        found: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            key = tuple(cell.labels[axis.key] for axis in self.axes if axis.key != self.x)
            found.setdefault(key, []).append(cell)
        return found

    def mark(self, cell: Cell) -> Mark:
        """The mark of a cell's line: a paradigm determines colour and shape, and other axes determine fill and dash; if
        the paradigm does not vary, every line has its own colour, shape and dash."""
        without = (self.x, PARADIGM) if self.axis(PARADIGM) else (self.x,)

        def rest(item: Cell) -> tuple[str, ...]:
            return tuple(item.labels[axis.key] for axis in self.axes if axis.key not in without)

        kinds = list(dict.fromkeys(map(rest, self.cells)))
        index = kinds.index(rest(cell))
        if PARADIGM in without or len(kinds) == 1:
            fill, dash = _VARIANTS[index % len(_VARIANTS)]
            return replace(of_paradigm(cell.study.paradigm), fill=fill, dash=dash)
        return DISTINCT[index % len(DISTINCT)]

    def contrasts(self, axis: Varied, *, metric: str) -> list[Contrast]:
        """Pairs along an axis whose difference was tested in the metric, by labels and then by place."""
        found = []
        for first, second in combinations(axis.labels, 2):
            for one in self.cells:
                place = {key: label for key, label in one.labels.items() if key != axis.key}
                other = next((cell for cell in self.cells if cell.labels == {**place, axis.key: second}), None)
                if one.labels[axis.key] != first or other is None:
                    continue
                if self.judged.difference(metric, one.system, other.system):
                    found.append(Contrast(axis, one, other, place))
        return found

    def minus(self, item: Contrast) -> str:
        """First minus second, and where they lie."""
        first, second = (item.axis.labels[cell.labels[item.axis.key]] for cell in (item.first, item.second))
        place = self.place(item.first.labels, without=[item.axis.key])
        return f"{first} {MINUS} {second}" + (f" ({place})" if place else "")

    def outcome(self, metric: str, first: Cell, second: Cell) -> Outcome | None:
        """The outcome of a test; None without a test."""
        return outcome(self.judged, metric, first.system, second.system)

    def truth(self, duration: str) -> str:
        """The key of the ground truth for clips of one length."""
        return self.known("ground_truth", duration)

    def known(self, key: str, duration: str) -> str:
        """The key of a system without a model of this study, for clips of one length."""
        own = f"{key}_{duration}"
        return own if own in self.judged.systems else key


def varied_axes(study: GridStudy, cells: Sequence[Cell]) -> list[Varied]:
    """The axes along which the cells differ, with the labels that occur, in the order of the configuration."""
    axes = []
    for key, axis in study.axes.items():
        labels = [label for label in axis.values if any(cell.labels[key] == label for cell in cells)]
        if len(labels) > 1:
            name = _NAMES.get(key) or key.replace("_", " ")
            shown = {label: _shown(label, axis.values[label]) for label in labels}
            axes.append(Varied(key, name, shown, _sets(axis), _numbers(labels)))
    return axes


def _sets(axis: Axis) -> list[str]:
    """Keys of the configuration that an axis changes; without any it is part of the codec's name."""
    if axis.keys:
        return list(axis.keys)
    keys = (value if isinstance(value, dict) else ["codec"] for value in axis.values.values())
    return list(dict.fromkeys(key for own in keys for key in own))


def _numbers(labels: Sequence[str]) -> dict[str, float]:
    """The number in each label; empty if they do not all count the same quantity."""
    matches = [match for label in labels if (match := _NUMBER.fullmatch(label)) and match[3].lower() in _UNITS]
    kinds = {(match[1].lower(), match[3].lower()) for match in matches}
    return {match[0]: float(match[2]) for match in matches} if len(matches) == len(labels) and len(kinds) == 1 else {}


def _shown(label: str, value: Any) -> str:
    if isinstance(value, dict) and "start" in value:
        return "fine-tuned" if value["start"] else FROM_SCRATCH
    if label.lower() in ("enc", "vae"):
        return _LATENTS.get(str(value).lower(), label)
    match = _NUMBER.fullmatch(label)
    if match and (unit := _UNITS.get(match[3].lower())) is not None:
        word = match[1].capitalize() if len(match[1]) > _INITIALS else ""
        return " ".join(filter(None, (word, match[2], unit)))
    short = {name.lower(): PARADIGMS[name].short for name in PARADIGMS}
    short |= {text.lower(): text for text in short.values()}
    return short.get(label.lower(), label)


def phrase(axis: Varied, label: str) -> str:
    """A label in running text, where a bare number needs the name of its quantity."""
    text = axis.labels[label]
    return f"{axis.name} {text}" if text.replace(".", "").isdigit() else text
