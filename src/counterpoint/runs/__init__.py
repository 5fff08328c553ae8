"""Folders of trained models and codecs: their content, quality and location. Imports no torch."""

from counterpoint.runs.card import Card, Figure, add_figures, read_card
from counterpoint.runs.find import RUNS, SHIPPED_MODELS, find_run, known_models, shipped_models
from counterpoint.runs.load import load_run, read_description

__all__ = [
    "RUNS",
    "SHIPPED_MODELS",
    "Card",
    "Figure",
    "add_figures",
    "find_run",
    "known_models",
    "load_run",
    "read_card",
    "read_description",
    "shipped_models",
]
