"""Generative paradigms: models of music in a codec's latent space, with one protocol and an open registry.

Importing this package does not import torch; the model classes do, when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.lazy import lazily
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry, TrivialEntry

if TYPE_CHECKING:
    from counterpoint.paradigm.autoregressive import Autoregressive
    from counterpoint.paradigm.base import LossOutput, Paradigm, Sample, build_paradigm, parameter_count
    from counterpoint.paradigm.flow_matching import FlowMatching

__all__ = [
    "PARADIGMS",
    "Autoregressive",
    "FlowMatching",
    "LossOutput",
    "Paradigm",
    "ParadigmEntry",
    "Sample",
    "TrivialEntry",
    "build_paradigm",
    "parameter_count",
]

__getattr__ = lazily(
    __name__,
    {
        "Autoregressive": "autoregressive",
        "FlowMatching": "flow_matching",
        **dict.fromkeys(("LossOutput", "Paradigm", "Sample", "build_paradigm", "parameter_count"), "base"),
    },
)
