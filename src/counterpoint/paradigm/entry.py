"""What the rest of the system knows of a paradigm: one entry each, from the package itself or from another one.

Imports no torch, so that names, plans and lists need none.
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
    """A predictor without a network, which a paradigm's models must beat.

    Attributes:
        name: in keys of systems and names of steps.
        label: in reports, at the begin of a sentence.
        model: its `TrivialPredictor`, MODULE:CLASS.
        what: what it does, a clause.
    """

    name: str
    label: str
    model: str
    what: str


@dataclass(frozen=True, kw_only=True)
class ParadigmEntry:
    """A paradigm, as tables, plans, benchmarks and reports need it.

    Attributes:
        name: in configurations, file names and keys of systems.
        label: in reports, at the begin of a sentence: "Flow matching".
        short: in tables: "FM".
        mark, colour, colour_dark: of its points and lines in charts, on light and on dark paper; `#rrggbb`.
        model: its `Paradigm`, MODULE:CLASS, imported when a model is built.
        view: what it needs of a codec: codes, which a codec without codebooks cannot give, or latents.
        sampling: the class of its sampling settings.
        network: the class of those settings of its network that no other paradigm reads.
        cost: what its network takes.
        draws: how it makes music, in a clause: "carries noise to the latents of all frames at once".
        objective: the loss that is reported, in words.
        zero_shot: methods of inpainting for which a model needs no training.
        compiles: `Paradigm.lay_out` can compile its network.
        trivial: predictors without a network, in the units of its loss. Without any it cannot be told whether its
            models have learned something, so no report draws a conclusion from them.
        loss_draws: draws that are averaged wherever the losses of single examples are compared; more than one where the
            loss of an example depends on times or noise.
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
    compiles: bool = False
    trivial: tuple[TrivialEntry, ...] = ()
    loss_draws: int = 1


PARADIGMS: Registry[ParadigmEntry] = Registry("counterpoint.paradigms", noun="paradigm", kind=ParadigmEntry)
"""All paradigms that are installed: `PARADIGMS["flow_matching"].label`."""
