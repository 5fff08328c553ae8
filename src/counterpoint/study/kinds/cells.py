"""The axes and cells of a grid."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from counterpoint.config.schema import Config, ParadigmName
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry
from counterpoint.study.kinds.trained import SampledStudy

Label = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._]+$")]
Setting = str | int | float
Settings = dict[str, Setting | dict[str, Setting]]


class Axis(Config):
    """One dimension of the grid.

    Attributes:
        keys: of the configuration, dotted, that its values are given to: `paradigm`, `codec`, `start`, `training.KEY`,
            `sampling.KEY` (of the cell's paradigm) or `prompts.KEY`. Without any, a value is a mapping of such keys to
            values, or replaces `{AXIS}` in `codec`.
        values: by label, which names the cell.
        unnamed: the label that the names of cells leave out.
    """

    keys: tuple[str, ...] = ()
    values: Annotated[dict[Label, Setting | Settings], Field(min_length=1)]
    unnamed: str = ""


class CellStudy(SampledStudy):
    """The configuration of one cell, or of a grid before its axes are applied."""

    paradigm: ParadigmName = "flow_matching"
    """The paradigm if it is not an axis."""


@dataclass(frozen=True)
class Cell:
    """One combination of values.

    Attributes:
        system: the labels, joined, which name its clips.
        labels: by axis.
        model: the labels of the axes that training depends on, joined; cells that share it share a model.
        study: the configuration of this cell, with its own `paradigm`, `codec`, `training`, `sampling` and `prompts`.
    """

    system: str
    labels: Mapping[str, str]
    model: str
    study: CellStudy

    @property
    def codec(self) -> str:
        """A name of its codec that may be part of a file name."""
        return re.sub(r"[^\w.-]+", "-", Path(self.study.codec).name)

    @property
    def paradigm(self) -> ParadigmEntry:
        return PARADIGMS[self.study.paradigm]

    @property
    def duration(self) -> str:
        return f"{self.study.prompts.duration_s:g}s"


def with_changes(config: Any, changes: Mapping[str, Any], kind: type[Config]) -> Any:
    try:
        return kind.model_validate({**config.model_dump(), **changes})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ValueError(f"an axis gives {key} the value {first['input']!r}: {first['msg']}") from None


def neighbours(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Cells that differ in only one axis, its first value against each other one: unnecessary tests are avoided
    because all tests share one correction."""
    found = []
    for one, other in combinations(cells, 2):
        differing = [axis for axis in one.labels if one.labels[axis] != other.labels[axis]]
        if len(differing) == 1 and one.labels[differing[0]] == _first(cells, differing[0], like=one):
            found.append((one.system, other.system))
    return found


def _first(cells: Sequence[Cell], axis: str, *, like: Cell) -> str:
    """The first label of the axis among the cells that are equal in everything else."""
    rest = {name: label for name, label in like.labels.items() if name != axis}
    return next(
        cell.labels[axis]
        for cell in cells
        if {name: label for name, label in cell.labels.items() if name != axis} == rest
    )
