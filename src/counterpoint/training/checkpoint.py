"""The content of a training checkpoint as named tensors; the folder format is defined in `config.checkpoints`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from counterpoint.config.checkpoints import Checkpoint
from counterpoint.runs.layout import BEST
from counterpoint.training.sharding import like


@dataclass(frozen=True)
class Best:
    """The averaged weights with the lowest validation loss so far; of equal ones, the first.

    Attributes:
        step: number of updates at that time.
        valid_loss: the validation loss.
        weights: the weights, on the CPU.
    """

    step: int
    valid_loss: float
    weights: Mapping[str, Tensor]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Best | None:
        """The best weights in a checkpoint; None before any validation, and in old runs that did not keep them."""
        found = checkpoint.state.get(BEST)
        return None if found is None else cls(**found, weights=checkpoint.tensors(BEST))

    def state(self) -> dict[str, float]:
        """The state that a checkpoint stores besides the weights."""
        return {"step": self.step, "valid_loss": self.valid_loss}


def better(best: Best | None, *, step: int, valid_loss: float, weights: Mapping[str, Tensor]) -> Best | None:
    """The better of `best` and a new validation, whose weights are copied if it is better."""
    if not math.isfinite(valid_loss) or (best is not None and valid_loss >= best.valid_loss):
        return best
    copied = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
    return Best(step=step, valid_loss=valid_loss, weights=copied)


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """The optimiser's state as FIELD/PARAMETER tensors (`exp_avg/blocks.0.norm.weight`), by name, not by position.

    Args:
        optimizer: an optimiser of parameters of `module` whose state contains only tensors (Adam, AdamW and Muon).
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for field, value in optimizer.state.get(parameter, {}).items():
            assert isinstance(value, Tensor), f"{field} of {name} is not a tensor"
            tensors[f"{field}/{name}"] = value
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Restore `optimizer_tensors` exactly; moments are moved to their parameter's device, step counts stay on the CPU.

    Tensors of parameters that belong to another optimiser are skipped.
    """
    own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    parameters = dict(module.named_parameters())
    for parameter in parameters.values():
        optimizer.state.pop(parameter, None)
    for key, value in tensors.items():
        field, name = key.split("/", 1)
        parameter = parameters[name]
        if id(parameter) not in own:
            continue
        placed = value.clone() if field == "step" else like(value, parameter)
        optimizer.state[parameter][field] = placed
