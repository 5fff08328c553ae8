"""What a step that examines a trained model writes into its folder."""

from __future__ import annotations

from typing import ClassVar

from counterpoint.examine import Examination
from counterpoint.results.parts import Part

EXAMINES = "examine_"
"""Before the name of the step that trained a model: the step that examines it."""


class Learned(Part):
    """A model's held-out loss beside those of trivial predictors, and the captions that it picks.

    Attributes:
        paradigm: of the model, whose registry entry names the predictors.
    """

    FILE: ClassVar[str] = "examination.json"
    paradigm: str
    examination: Examination
