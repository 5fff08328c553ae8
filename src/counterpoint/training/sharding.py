"""A training divided among processes by FSDP2: each keeps a part of the gradients, moments and averages.

The weights of the whole model are one unit: they are gathered for each forward and backward pass, so that nothing in
the model needs to know. Of the 20 bytes that AdamW in float32 and the average take for a weight, N processes hold
20 / N each, and 4 more during a pass. Checkpoints hold whole tensors, as ever, so a run is gone on with by any number
of processes, divided or not.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import torch
import torch.distributed
from torch import Tensor, nn

if TYPE_CHECKING:  # importing them takes a second, which most trainings have no use for
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor
    from typing_extensions import TypeIs


def shard(model: nn.Module) -> None:
    """Divide the trainable weights of a model among the processes of the group, in place; before its optimiser."""
    from torch.distributed.fsdp import FSDPModule, fully_shard

    frozen = {parameter for parameter in model.parameters() if not parameter.requires_grad}
    # Resharded after every pass, so that what is put in place of the weights in between is what the next one gathers.
    fully_shard(model, reshard_after_forward=True, ignored_params=frozen)
    assert isinstance(model, FSDPModule)
    if next(model.parameters()).device.type == "cpu":
        model.set_force_sum_reduction_for_comms(True)  # gloo has no mean


def is_sharded(model: nn.Module) -> bool:
    """Whether `shard` has divided it."""
    module = sys.modules.get("torch.distributed.fsdp")
    return module is not None and isinstance(model, module.FSDPModule)


def sync_gradients(model: nn.Module, *, sync: bool) -> None:
    """Set whether a divided model sums its gradients over the processes in its next backward pass; else nothing."""
    if is_sharded(model):
        cast("FSDPModule", model).set_requires_gradient_sync(sync)


def _is_divided(tensor: Tensor) -> TypeIs[DTensor]:
    """Whether each process has a part of the tensor. None is divided before the module that does so is imported."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """A tensor in full; where it is divided, all processes must request it.

    By a plain all-gather: `DTensor.full_tensor` goes through collectives that have crashed over gloo.
    """
    if not _is_divided(tensor):
        return tensor
    local, group = tensor.to_local(), tensor.device_mesh.get_group()
    rows = -(-tensor.shape[0] // group.size())  # the last parts are smaller, or empty
    padded = local.new_zeros(rows, *local.shape[1:])
    padded[: len(local)] = local
    parts = [torch.empty_like(padded) for _ in range(group.size())]
    torch.distributed.all_gather(parts, padded, group=group)
    return torch.cat(parts)[: tensor.shape[0]]


def clip_gradients(parameters: Sequence[nn.Parameter], *, norm: float) -> Tensor:
    """Scale all gradients so that their norm together is at most `norm`; returns what it was."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    divided = next((gradient for gradient in gradients if _is_divided(gradient)), None)
    if divided is None:
        return torch.nn.utils.clip_grad_norm_(parameters, norm)
    parts = [gradient.to_local() for gradient in gradients if _is_divided(gradient)]
    square = torch.stack([part.float().square().sum() for part in parts]).sum()
    torch.distributed.all_reduce(square, group=divided.device_mesh.get_group())
    found = square.sqrt()
    torch._foreach_mul_(parts, (norm / (found + 1e-6)).clamp(max=1.0))
    return found


def whole_all(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Every tensor in full, by name."""
    return {name: whole(tensor) for name, tensor in tensors.items()}


def like(tensor: Tensor, model: Tensor) -> Tensor:
    """A whole tensor on the device of another, and divided as that one is."""
    placed = tensor.to(device=model.device, copy=True)
    if not _is_divided(model):
        return placed
    from torch.distributed.tensor import distribute_tensor

    return distribute_tensor(placed, model.device_mesh, model.placements, src_data_rank=None)


@torch.no_grad()
def load_whole(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put a `state_dict` of whole tensors into a model, divided or not."""
    if not is_sharded(model):
        model.load_state_dict(tensors)
        return
    own = model.state_dict()
    assert own.keys() == tensors.keys(), "the state is of another model"
    for name, value in own.items():
        value.copy_(like(tensors[name], value))
