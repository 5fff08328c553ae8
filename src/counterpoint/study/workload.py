"""What a study would compute, known before anything is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from counterpoint.config import SamplingConfig, TrainingConfig


@dataclass(frozen=True)
class Draw:
    """The clips of one system.

    Attributes:
        model: the run they are drawn from.
        clips: how many, each of `duration_s`.
        batch_size: at once.
    """

    model: TrainingConfig
    sampling: SamplingConfig
    clips: int
    duration_s: float
    batch_size: int


@dataclass(frozen=True)
class Workload:
    """The costly part of a study: training runs, and clips drawn from them. Equal runs are one run."""

    trainings: Sequence[TrainingConfig] = ()
    draws: Sequence[Draw] = ()
