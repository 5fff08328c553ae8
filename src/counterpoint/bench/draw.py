"""The clips that a study will draw from a model, for estimates. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from counterpoint.config import InpaintingMethod, SamplingConfig, TrainingConfig


@dataclass(frozen=True)
class Draw:
    """The clips of one system.

    Attributes:
        model: the run of the model.
        clips: number of clips, each of `duration_s`.
        batch_size: number of clips at once.
        method: method of inpainting; None for whole clips.
        steered: whether controls are given.
    """

    model: TrainingConfig
    sampling: SamplingConfig
    clips: int
    duration_s: float
    batch_size: int
    method: InpaintingMethod | None = None
    steered: bool = False
