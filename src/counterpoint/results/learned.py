"""The part written by a step that examines a trained model."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.examine import Examination
from counterpoint.results.parts import Part

EXAMINES = "examine_"
"""Prefix of the step that examines a model, before the name of the step that trained it."""


class Learned(Part):
    """A model's held-out loss compared with those of trivial predictors, and its caption selection.

    Attributes:
        paradigm: the model's paradigm, whose registry entry names the predictors.
    """

    FILE: ClassVar[str] = "examination.json"
    paradigm: str
    examination: Examination
