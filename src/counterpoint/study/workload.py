"""What a study would compute, known before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from counterpoint.config import InpaintingMethod, SamplingConfig, TrainingConfig

if TYPE_CHECKING:
    from counterpoint.bench.point import Point


@dataclass(frozen=True)
class Draw:
    """The clips of one system.

    Attributes:
        model: the run they are drawn from.
        clips: how many, each of `duration_s`.
        batch_size: at once.
        method: by which a span of each is filled in; None where whole clips are drawn.
        steered: controls are given.
    """

    model: TrainingConfig
    sampling: SamplingConfig
    clips: int
    duration_s: float
    batch_size: int
    method: InpaintingMethod | None = None
    steered: bool = False


@dataclass(frozen=True)
class Workload:
    """The costly part of a study: training runs, and clips drawn from them. Equal runs are one run.

    Attributes:
        codecs: that music goes through besides those of the runs.
        timed: points of sampling that are timed, with random weights; `repeats` of each.
        heard: clips that judges hear where no model draws any.
    """

    trainings: Sequence[TrainingConfig] = ()
    draws: Sequence[Draw] = ()
    codecs: Sequence[str] = ()
    timed: Sequence[Point] = ()
    repeats: int = 1
    heard: int = 0
