"""Solvers of dz/dt = v(t, z) from t = 0 (noise) to t = 1 (data) (Eq. 5).

Shapes: B batch, T latent frames, D latent channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]
"""v: (t scalar, z [B, T, D]) to the velocity [B, T, D]."""


@dataclass(frozen=True)
class Solution:
    """Attributes:
    z: [B, T, D] at t = 1.
    evaluations: how often the field was evaluated.
    """

    z: Tensor
    evaluations: int


def solve(
    field: Field,
    z: Tensor,
    *,
    solver: Literal["euler", "midpoint", "dopri5"],
    steps: int,
    tolerance: float,
    valid: Tensor | None = None,
) -> Solution:
    """Integrate `field` from `z` at t = 0 to t = 1.

    Args:
        z: [B, T, D] noise.
        steps: of the fixed grid of euler (one evaluation each) and midpoint (two each).
        tolerance: absolute and relative, of dopri5.
        valid: [B, T] bool, frames that count in dopri5's error; None counts all.
    """
    if solver == "dopri5":
        return _dopri5(field, z, tolerance=tolerance, valid=valid)
    advance = {"euler": _euler, "midpoint": _midpoint}[solver]
    times = torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)
    for start, stop in zip(times[:-1].tolist(), times[1:].tolist(), strict=True):
        z = advance(field, z, start, stop - start)
    return Solution(z=z, evaluations=steps * {"euler": 1, "midpoint": 2}[solver])


def sample_norm(valid: Tensor | None) -> Callable[[Tensor], Tensor]:
    """The largest root mean square of any sample.

    torchdiffeq's own norm averages over the batch, which lets easy batch mates hide the error of a hard sample.
    """

    def norm(error: Tensor) -> Tensor:
        squares = error.abs().square().flatten(2).mean(dim=2)
        if valid is None:
            return squares.mean(dim=1).sqrt().max()
        return ((squares * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)).sqrt().max()

    return norm


def _euler(field: Field, z: Tensor, t: float, dt: float) -> Tensor:
    return z + dt * field(z.new_tensor(t), z)


def _midpoint(field: Field, z: Tensor, t: float, dt: float) -> Tensor:
    middle = z + dt / 2 * field(z.new_tensor(t), z)
    return z + dt * field(z.new_tensor(t + dt / 2), middle)


def _dopri5(field: Field, z: Tensor, *, tolerance: float, valid: Tensor | None) -> Solution:
    from torchdiffeq import odeint

    evaluations = 0

    def counted(t: Tensor, z: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return field(t.to(z.dtype), z)

    # step_t ends a step on t = 1 exactly: the field is never asked beyond the times it was trained on.
    times = torch.tensor([0.0, 1.0], dtype=torch.float64, device=z.device)
    options = {"norm": sample_norm(valid), "step_t": times[1:]}
    path = odeint(counted, z, times, rtol=tolerance, atol=tolerance, method="dopri5", options=options)
    assert isinstance(path, Tensor)
    return Solution(z=path[-1], evaluations=evaluations)
