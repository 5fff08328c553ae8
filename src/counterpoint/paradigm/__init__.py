"""Ways to learn and draw music in a codec's latent space, behind one protocol and in one open registry.

Importing this package imports no torch; the classes of models do, when they are first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.lazy import lazily
from counterpoint.paradigm.entry import PARADIGMS, ParadigmEntry

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
