"""The entry of a paradigm in the registry: everything that other modules need to know of it.

This module does not import torch, so that names, plans and lists are fast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from counterpoint.config import InpaintingMethod, SamplingConfig
from counterpoint.config.base import Config
from counterpoint.config.registry import Registry
from counterpoint.paradigm.cost import CostModel

View = Literal["codes", "latents"]
Mark = Literal["circle", "square", "diamond", "triangle", "cross", "star"]


@dataclass(frozen=True, kw_only=True)
class TrivialEntry:
    """A predictor without a network, which a paradigm's models must outperform.

    Attributes:
        name: its name in keys of systems and names of steps.
        label: its name in reports, at the beginning of a sentence.
        model: its `TrivialPredictor`, as MODULE:CLASS.
        what: a description, as a clause.
    """

    name: str
    label: str
    model: str
    what: str


@dataclass(frozen=True, kw_only=True)
class ParadigmEntry:
    """The description of a paradigm for tables, plans, benchmarks and reports.

    Attributes:
        name: its name in configurations, file names and keys of systems.
        label: its name in reports, at the beginning of a sentence: "Flow matching".
        short: its name in tables: "FM".
        mark, colour, colour_dark: its points and lines in charts, on light and on dark paper; `#rrggbb`.
        model: its `Paradigm`, as MODULE:CLASS, imported when a model is built.
        view: the view of the encoding that it models: codes, which a codec without codebooks cannot give, or latents.
        sampling: class of its sampling settings.
        network: class of its own network settings, which no other paradigm reads.
        cost: its cost model.
        draws: how it generates, as a clause: "transforms noise into the latents of all frames at once".
        objective: the reported loss, in words.
        zero_shot: methods of inpainting without training.
        unread_by_zero_shot: sampling settings that these methods do not read.
        compiles: whether `Paradigm.lay_out` can compile its network.
        trivial: predictors without a network, in the units of its loss. Without any, learning cannot be verified, and
            no report draws a conclusion from its models.
        loss_draws: number of draws averaged when losses of single examples are compared; more than one if the loss of
            an example depends on times or noise.
    """

    name: str
    label: str
    short: str
    mark: Mark
    colour: str
    colour_dark: str
    model: str
    view: View
    sampling: type[SamplingConfig]
    cost: CostModel
    draws: str
    objective: str
    network: type[Config] = Config
    zero_shot: tuple[InpaintingMethod, ...] = ()
    unread_by_zero_shot: tuple[str, ...] = ()
    compiles: bool = False
    trivial: tuple[TrivialEntry, ...] = ()
    loss_draws: int = 1

    @property
    def noun(self) -> str:
        """Its name within a sentence: "flow matching"."""
        return self.label.lower()


PARADIGMS: Registry[ParadigmEntry] = Registry("counterpoint.paradigms", noun="paradigm", kind=ParadigmEntry)
"""All installed paradigms: `PARADIGMS["flow_matching"].label`."""
