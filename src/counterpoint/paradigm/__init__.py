"""Ways to learn and draw music in a codec's latent space, behind one protocol and in one open registry.

Importing this package imports no torch; the classes of models do, when they are first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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

_WITH_TORCH = {
    "Autoregressive": "autoregressive",
    "FlowMatching": "flow_matching",
    **dict.fromkeys(("LossOutput", "Paradigm", "Sample", "build_paradigm", "parameter_count"), "base"),
}


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WITH_TORCH[name]}"), name)
