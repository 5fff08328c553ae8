"""AdamW, Muon, their schedule and the moving average of weights (4.4)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from counterpoint.config import OptimizerConfig
from counterpoint.training.sharding import like


def learning_rate(step: int, *, config: OptimizerConfig, steps: int) -> float:
    """Linear warm-up, then half a cosine to zero at `steps`.

    Args:
        step: the update, counted from 0. The first update already learns, and the last warm-up update has the full
            rate.
        steps: total number of updates.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def build_optimizer(
    model: nn.Module, *, config: OptimizerConfig, without: Sequence[nn.Parameter] = ()
) -> torch.optim.AdamW:
    """AdamW with weight decay only on matrices: not on norms, biases, embedding tables or single vectors.

    Args:
        without: parameters that belong to another optimiser.
    """
    tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    others = {id(parameter) for parameter in without}
    decayed, kept = [], []
    for parameter in model.parameters():
        if parameter.requires_grad and id(parameter) not in others:
            (kept if parameter.ndim < 2 or id(parameter) in tables else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]], lr=config.learning_rate, betas=config.betas, fused=True
    )


def build_optimizers(
    model: nn.Module, *, hidden: nn.Module, config: OptimizerConfig
) -> tuple[torch.optim.Optimizer, ...]:
    """All optimisers that `config.name` needs; every trainable parameter belongs to one.

    Muon has the matrices of `hidden`, a part of `model`. It treats a fused projection of queries, keys and values as
    the single matrix that it is. Its steps have the root mean square of AdamW's (0.2; Liu et al., 2025), so that one
    learning rate and one decay serve both. It is not in the paper, which uses only AdamW.
    """
    if config.name == "adamw":
        return (build_optimizer(model, config=config),)
    matrices = [parameter for parameter in hidden.parameters() if parameter.requires_grad and parameter.ndim == 2]
    muon = torch.optim.Muon(
        matrices,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        ns_steps=config.orthogonalisation_steps,
        adjust_lr_fn="match_rms_adamw",
    )
    return (muon, build_optimizer(model, config=config, without=matrices))


class Ema:
    """A moving average of a module's trainable weights; the rest of its state is copied.

    The decay of update n (counted from 0) is min(decay, (1 + n) / (10 + n)), so that the initialisation does not
    dominate a short training.
    """

    def __init__(self, module: nn.Module, *, decay: float):
        self._module = module
        self._decay = decay
        self._live = {name: p for name, p in module.named_parameters() if p.requires_grad}
        self._mean = {name: p.detach().float().clone() for name, p in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Update the averages after update `step`, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        live = [parameter.detach().float() for parameter in self._live.values()]
        torch._foreach_lerp_(list(self._mean.values()), live, 1.0 - decay)

    def state_dict(self) -> dict[str, Tensor]:
        """The module's `state_dict` with the averaged weights."""
        return {**self._module.state_dict(), **self._mean}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore the averages of `state_dict`, which are whole tensors."""
        for name, mean in self._mean.items():
            mean.copy_(like(tensors[name], mean))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The module with the averages as its weights; afterwards with its own, bit by bit."""
        kept = [parameter.detach().clone() for parameter in self._live.values()]
        with torch.no_grad():
            for parameter, mean in zip(self._live.values(), self._mean.values(), strict=True):
                parameter.copy_(mean)
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, own in zip(self._live.values(), kept, strict=True):
                    parameter.copy_(own)
