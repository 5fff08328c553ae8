"""What is to be drawn from a model, known before anything is. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.config import InpaintingMethod, SamplingConfig, TrainingConfig


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
