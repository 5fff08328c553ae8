"""The steps that come before any model of a study, and how steps of models are named and given to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from counterpoint.config import TrainingConfig
from counterpoint.study.work import Source, Step


@dataclass(frozen=True)
class Groundwork:
    """The steps before any model.

    Attributes:
        data: the dataset of the models.
        encode: its codes and latents.
        captions: the dataset of the prompts and of the reference.
        prompts: held-out windows of it.
        reconstruct: the windows through the codec.
        outside: the clips of outside systems, by step name; they come first, so that errors are found early.
    """

    data: Step | Source
    encode: Step
    captions: Step | Source
    prompts: Step
    reconstruct: Step
    outside: Mapping[str, Step]

    @property
    def steps(self) -> list[Step | Source]:
        """All these steps."""
        return [self.data, self.prompts, *self.outside.values(), self.encode, self.reconstruct]

    @property
    def music(self) -> dict[str, Step | Source]:
        """The music on which every model is trained, as inputs of another step."""
        return {"data": self.data, "encode": self.encode}


def named(*steps: Step) -> dict[str, Step]:
    """Steps by their own names, as inputs of another step."""
    return {step.name: step for step in steps}


def training_step(name: str, config: TrainingConfig, inputs: Mapping[str, Step | Source]) -> Step:
    """The training of a model."""
    from counterpoint.study.steps.train import train_model

    return Step(name, train_model, config, inputs, resumable=True)


def at_seed(name: str, seed: int | None) -> str:
    """The name of a step that belongs to a further training seed."""
    return name if seed is None else f"{name}@{seed}"
