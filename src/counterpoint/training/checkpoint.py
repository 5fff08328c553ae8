"""What a checkpoint of a training holds, as named tensors; the folder format itself is `config.checkpoints`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from counterpoint.config.checkpoints import Checkpoint
from counterpoint.runs.layout import BEST


@dataclass(frozen=True)
class Best:
    """The averaged weights of the validation with the lowest loss so far, of equal ones the first.

    Attributes:
        step: updates made then.
        valid_loss: what was found.
        weights: on the CPU.
    """

    step: int
    valid_loss: float
    weights: Mapping[str, Tensor]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Best | None:
        """What a checkpoint holds of it; None before any validation, and in runs from before the best were kept."""
        found = checkpoint.state.get(BEST)
        return None if found is None else cls(**found, weights=checkpoint.tensors(BEST))

    def state(self) -> dict[str, float]:
        """What a checkpoint must hold of it besides the weights."""
        return {"step": self.step, "valid_loss": self.valid_loss}


def better(best: Best | None, *, step: int, valid_loss: float, weights: Mapping[str, Tensor]) -> Best | None:
    """The better of `best` and a validation, whose weights are copied if it is the one."""
    if not math.isfinite(valid_loss) or (best is not None and valid_loss >= best.valid_loss):
        return best
    copied = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
    return Best(step=step, valid_loss=valid_loss, weights=copied)


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """The optimiser's state as FIELD/PARAMETER tensors (`exp_avg/blocks.0.norm.weight`), by name and not by position.

    Args:
        optimizer: over parameters of `module`, with tensors alone in its state (Adam, AdamW and Muon are so).
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for field, value in optimizer.state.get(parameter, {}).items():
            assert isinstance(value, Tensor), f"{field} of {name} is no tensor"
            tensors[f"{field}/{name}"] = value
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put `optimizer_tensors` back, bit by bit; moments go to their parameter's device, step counts stay on the CPU.

    Tensors of parameters that are another optimiser's are left to it.
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
        placed = value.clone() if field == "step" else value.to(device=parameter.device, copy=True)
        optimizer.state[parameter][field] = placed
