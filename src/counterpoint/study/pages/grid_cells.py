"""The cells of a grid: what varies between them, what they are called, and how two of them compare."""

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
from counterpoint.results.schema import Judged, Results
from counterpoint.study.kinds.cells import Axis, Cell
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.words import outcome

PARADIGM = "paradigm"
"""The axis that the question is about, where there is one."""
_LATENTS = {"encodec": "EnCodec", "vae": "VAE", "rvq": "RVQ", "kl": "KL"}
"""What the labels `enc` and `vae` stand for, by the part of the codec's name that they fill in; the last two are
spectrogram codecs, quantised and variational."""
_NAMES = {"rate": "frame rate", "batch": "batch size"}
_UNITS = {"": "", "hz": "Hz", "s": "s"}
_NUMBER = re.compile(r"([a-z]*)(\d+(?:\.\d+)?)([a-z]*)", re.IGNORECASE)
_INITIALS = 2
"""Letters before a number that only tell what it counts, as in `b8`; more are a word, as in `euler10`."""
_VARIANTS: Sequence[tuple[Fill, Dash]] = (
    ("solid", "solid"),
    ("hollow", "dashed"),
    ("half", "dotted"),
    ("dotted", "mixed"),
)
"""Fillings and dashes that tell lines of one paradigm apart."""


@dataclass(frozen=True)
class Varied:
    """One dimension along which cells differ.

    Attributes:
        key: as in the configuration.
        name: for people.
        labels: the same for people, by label, in order.
        sets: keys of the configuration that it changes.
        numbers: by label, where every label counts the same.
    """

    key: str
    name: str
    labels: Mapping[str, str]
    sets: Sequence[str]
    numbers: Mapping[str, float]


@dataclass(frozen=True)
class Contrast:
    """Two cells that differ along one axis alone.

    Attributes:
        place: where they lie on the other axes.
    """

    axis: Varied
    first: Cell
    second: Cell
    place: Mapping[str, str]


class Grid:
    """All cells and all that is known of them.

    Attributes:
        axes: those along which cells differ.
        x: key of the axis of curves; "" where none of those that vary is.
    """

    def __init__(self, study: GridStudy, results: Results, judged: Judged):
        self.study, self.results, self.judged = study, results, judged
        self.cells = study.cells()
        self.axes = varied_axes(study, self.cells)
        wanted = study.x or [*study.axes][-1]
        self.x = wanted if self.axis(wanted) and wanted != PARADIGM else ""

    def axis(self, key: str) -> Varied | None:
        """An axis that varies."""
        return next((axis for axis in self.axes if axis.key == key), None)

    @cached_property
    def durations(self) -> dict[str, float]:
        """By label, seconds of the clips."""
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
        """Where a cell lies, for people: `AR, 25 Hz`; "" where nothing is left to say."""
        return ", ".join(told(axis, labels[axis.key]) for axis in self.axes if axis.key not in without)

    def name(self, cell: Cell) -> str:
        """Of its system: where it lies; of a grid of paradigms alone, the paradigm's name."""
        if [axis.key for axis in self.axes] in ([], [PARADIGM]):
            return PARADIGMS[cell.study.paradigm].label
        return self.place(cell.labels)

    def model_name(self, cells: Sequence[Cell]) -> str:
        """What the cells of a model have in common."""
        shared = [axis.key for axis in self.axes if len({cell.labels[axis.key] for cell in cells}) > 1]
        return self.place(cells[0].labels, without=shared) or PARADIGMS[cells[0].study.paradigm].label

    def codec_place(self, codec: str) -> str:
        """Of all codecs, by the axes that choose one: `EnCodec, 25 Hz`; "" where there is but one."""
        cell = next(cell for cell in self.cells if cell.codec == codec)
        return self.place(cell.labels, without=[axis.key for axis in self.axes if "codec" not in axis.sets])

    def lines(self) -> dict[tuple[str, ...], list[Cell]]:
        """Cells that differ along the axis of curves alone, by their labels on the others."""
        found: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            key = tuple(cell.labels[axis.key] for axis in self.axes if axis.key != self.x)
            found.setdefault(key, []).append(cell)
        return found

    def mark(self, cell: Cell) -> Mark:
        """Of its line: a paradigm has its colour and shape, and what else varies tells fill and dash; where the
        paradigm does not vary, every line has a colour, a shape and a dash of its own."""
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
        """Pairs along an axis that the metric's differences were tested of, by labels and then by place."""
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

    def outcome(self, metric: str, first: Cell, second: Cell) -> Outcome | None:
        """None where there was no test."""
        return outcome(self.judged, metric, first.system, second.system)

    def truth(self, duration: str) -> str:
        """The key of the ground truth of clips of one length."""
        return self.known("ground_truth", duration)

    def known(self, key: str, duration: str) -> str:
        """The key of a system that no model of this study made, among clips of one length."""
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
    """Keys of the configuration that an axis changes; without any it fills a place in the codec's name."""
    if axis.keys:
        return list(axis.keys)
    keys = (value if isinstance(value, dict) else ["codec"] for value in axis.values.values())
    return list(dict.fromkeys(key for own in keys for key in own))


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
    short = {name.lower(): PARADIGMS[name].short for name in PARADIGMS}
    short |= {text.lower(): text for text in short.values()}
    return short.get(label.lower(), label)


def told(axis: Varied, label: str) -> str:
    """In running text, where a bare number needs the name of what it counts."""
    text = axis.labels[label]
    return f"{axis.name} {text}" if text.replace(".", "").isdigit() else text


def named(cell: Cell) -> str:
    """The paradigm of a cell in running text."""
    return PARADIGMS[cell.study.paradigm].label.lower()
