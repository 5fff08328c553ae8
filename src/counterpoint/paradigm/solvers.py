"""Solvers of dz/dt = v(t, z) from t = 0 (noise) to t = 1 (data) (Eq. 5).

The paper uses Euler and Dopri5; the others need fewer evaluations of v. This module imports torch only to solve.

Shapes: B batch, T latent frames, D latent channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from counterpoint.config import FlowMatchingSampling
from counterpoint.config.device import widest_float
from counterpoint.config.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Field = Callable[[float, "Tensor"], "Tensor"]
"""v: (t, z [B, T, D]) to the velocity [B, T, D]."""


@dataclass(frozen=True)
class Solution:
    """Attributes:
    z: [B, T, D] at t = 1.
    evaluations: number of evaluations of the field.
    """

    z: Tensor
    evaluations: int


@dataclass(frozen=True)
class Solver:
    """A solver's entry in the registry.

    Attributes:
        integrate: (field, z at t = 0, sampling, valid [B, T] bool or None for all) to z at t = 1.
        evaluations_a_step: evaluations per step; None for a solver that chooses its own steps.
    """

    integrate: Callable[[Field, Tensor, FlowMatchingSampling, Tensor | None], Tensor]
    evaluations_a_step: int | None


SOLVERS: Registry[Solver] = Registry("counterpoint.solvers", noun="solver", kind=Solver)
"""All installed solvers, of this package and of others."""


def on_grid(rule: Callable[[Field, Tensor, Sequence[float]], Tensor], *, evaluations_a_step: int) -> Solver:
    """A solver on a fixed grid from its rule: (field, z, times from 0 to 1) to z at the last time."""

    def integrate(field: Field, z: Tensor, sampling: FlowMatchingSampling, valid: Tensor | None) -> Tensor:
        return rule(field, z, grid(sampling.steps, sway=sampling.sway))

    return Solver(integrate, evaluations_a_step)


def solve(field: Field, z: Tensor, *, sampling: FlowMatchingSampling, valid: Tensor | None = None) -> Solution:
    """Integrate `field` from `z` at t = 0 to t = 1.

    Args:
        z: [B, T, D] noise.
        sampling: its `solver`, with the `steps` and `sway` of a fixed grid or the `tolerance` of dopri5.
        valid: [B, T] bool, frames that count in dopri5's error; None counts all.
    """
    evaluations = 0

    def counted(t: float, z: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += 1
        return field(t, z)

    z = SOLVERS[sampling.solver].integrate(counted, z, sampling, valid)
    return Solution(z=z, evaluations=evaluations)


def grid(steps: int, *, sway: float = 0.0) -> list[float]:
    """steps + 1 times from 0 to 1: uniform, or t + s (cos(pi t / 2) - 1 + t) of the uniform t (Chen et al., 2024,
    F5-TTS).

    A negative s takes small steps near the noise and large ones near the data, a positive s the reverse.
    """
    uniform = [step / steps for step in range(steps + 1)]
    inner = [t + sway * (math.cos(math.pi * t / 2) - 1 + t) for t in uniform[1:-1]]
    return [0.0, *inner, 1.0]


def sample_norm(valid: Tensor | None) -> Callable[[Tensor], Tensor]:
    """The largest root mean square of any sample.

    The norm of torchdiffeq averages over the batch, so that other samples can hide the error of a difficult one.
    """

    def norm(error: Tensor) -> Tensor:
        squares = error.abs().square().flatten(2).mean(dim=2)
        if valid is None:
            return squares.mean(dim=1).sqrt().max()
        return ((squares * valid).sum(dim=1) / valid.sum(dim=1).clamp(min=1)).sqrt().max()

    return norm


def _euler(field: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """z += h v(t, z): one evaluation per step, order 1."""
    for t, after in pairwise(times):
        z = z + (after - t) * field(t, z)
    return z


def _midpoint(field: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """z += h v(t + h/2, z + h/2 v(t, z)): two evaluations per step, order 2."""
    for t, after in pairwise(times):
        h = after - t
        z = z + h * field(t + h / 2, z + h / 2 * field(t, z))
    return z


def _heun(field: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """z += h/2 (v + v(t + h, z + h v)), v = v(t, z): two evaluations per step, order 2."""
    for t, after in pairwise(times):
        h, v = after - t, field(t, z)
        z = z + h / 2 * (v + field(after, z + h * v))
    return z


def _adams(field: Field, z: Tensor, times: Sequence[float]) -> Tensor:
    """Adams-Bashforth: z += h (v + r/2 (v - v_before)), r = h / h_before: one evaluation per step, order 2.

    The first step is an Euler step.
    """
    v_before, h_before = None, 1.0
    for t, after in pairwise(times):
        h, v = after - t, field(t, z)
        z = z + h * (v if v_before is None else v + h / h_before / 2 * (v - v_before))
        v_before, h_before = v, h
    return z


def _dopri5(field: Field, z: Tensor, sampling: FlowMatchingSampling, valid: Tensor | None) -> Tensor:
    import torch
    from torchdiffeq import odeint

    # step_t ends a step exactly at t = 1: the field is never evaluated beyond the times of training.
    times = torch.tensor([0.0, 1.0], dtype=widest_float(z.device), device=z.device)
    options = {"norm": sample_norm(valid), "step_t": times[1:]}
    rtol = atol = sampling.tolerance
    path = odeint(lambda t, z: field(float(t), z), z, times, rtol=rtol, atol=atol, method="dopri5", options=options)
    assert isinstance(path, torch.Tensor)
    return path[-1]


EULER = on_grid(_euler, evaluations_a_step=1)
MIDPOINT = on_grid(_midpoint, evaluations_a_step=2)
HEUN = on_grid(_heun, evaluations_a_step=2)
ADAMS = on_grid(_adams, evaluations_a_step=1)
DOPRI5 = Solver(_dopri5, evaluations_a_step=None)
