"""What a checkpoint of a training holds, as named tensors; the folder format itself is `config.checkpoints`."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def optimizer_tensors(optimizer: torch.optim.Optimizer, module: nn.Module) -> dict[str, Tensor]:
    """The optimiser's state as FIELD/PARAMETER tensors (`exp_avg/blocks.0.norm.weight`), by name and not by position.

    Args:
        optimizer: over parameters of `module`, with tensors alone in its state (Adam and AdamW are so).
    """
    tensors: dict[str, Tensor] = {}
    for name, parameter in module.named_parameters():
        for field, value in optimizer.state.get(parameter, {}).items():
            assert isinstance(value, Tensor), f"{field} of {name} is no tensor"
            tensors[f"{field}/{name}"] = value
    return tensors


def restore_optimizer(optimizer: torch.optim.Optimizer, module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put `optimizer_tensors` back, bit by bit; moments go to their parameter's device, step counts stay on the CPU."""
    parameters = dict(module.named_parameters())
    for parameter in parameters.values():
        optimizer.state.pop(parameter, None)
    for key, value in tensors.items():
        field, name = key.split("/", 1)
        parameter = parameters[name]
        placed = value.clone() if field == "step" else value.to(device=parameter.device, copy=True)
        optimizer.state[parameter][field] = placed
