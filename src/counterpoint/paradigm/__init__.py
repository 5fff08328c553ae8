"""Two ways to learn and draw music in a codec's latent space, behind one protocol."""

from __future__ import annotations

import torch

from counterpoint.config import LatentSpec, ModelConfig
from counterpoint.paradigm.autoregressive import Autoregressive
from counterpoint.paradigm.base import LossOutput, Paradigm, Sample, parameter_count
from counterpoint.paradigm.flow_matching import FlowMatching

PARADIGMS: dict[str, type[Paradigm]] = {"autoregressive": Autoregressive, "flow_matching": FlowMatching}


def build_paradigm(config: ModelConfig, latent: LatentSpec, *, seed: int = 0) -> Paradigm:
    """The paradigm a configuration names, for the latents of one codec, with weights drawn from `seed`.

    One seed gives both paradigms the same blocks and the same text encoder.
    """
    paradigm = PARADIGMS[config.paradigm](config, latent)
    paradigm.initialise(torch.Generator().manual_seed(seed))
    return paradigm


__all__ = [
    "PARADIGMS",
    "Autoregressive",
    "FlowMatching",
    "LossOutput",
    "Paradigm",
    "Sample",
    "build_paradigm",
    "parameter_count",
]
