"""Zero-shot inpainting by a flow-matching model that was not trained for it (5.3, App. J).

Every method steers the Euler integration of the same velocity in `sampling.steps` steps, so that known frames are exact
at t = 1 and the others fit them. The paper uses only `inversion`, finds it unstable and suggests "a better sampling
strategy"; the others are such strategies from work on images, applied to the straight path of flow matching,
z_t = s_t z_0 + t z_1 with s_t = 1 - (1 - s) t (Eq. 2). On it a velocity determines the expected start and end:
    E[z_1 | z_t] = z_t + (1 - t) v(t, z_t)

Shapes: B batch, T latent frames, D latent channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from counterpoint.config import InpaintingMethod, UserError
from counterpoint.paradigm.solvers import Field


@dataclass(frozen=True)
class Task:
    """One inpainting task.

    Attributes:
        velocity: v(t, z), guided.
        z_1: [B, T, D] the music in the network's scale; zero inside the spans.
        known: [B, T, 1] bool, False inside the spans.
        times: the time grid from 0 to 1.
        noise: draws [B, T, D] standard normal noise, new at every call; sample b's from its own generator.
        sigma_min: s of the probability path (Eq. 2).
    """

    velocity: Field
    z_1: Tensor
    known: Tensor
    times: Sequence[float]
    noise: Callable[[], Tensor]
    sigma_min: float

    def noise_level(self, t: float) -> float:
        """s_t = 1 - (1 - s) t."""
        return 1 - (1 - self.sigma_min) * t

    def path(self, t: float, z_1: Tensor, z_0: Tensor) -> Tensor:
        """Eq. 2: z_t = s_t z_0 + t z_1."""
        return self.noise_level(t) * z_0 + t * z_1


def inversion(task: Task) -> Tensor:
    """Algorithm 1: integrate the music back to noise, then noise forward to music, replacing known frames at every step
    by their values on the way back. 2 N evaluations.

    The span starts from z_1, which is zero there; the original music, unlike in the paper's evaluation, is not read.
    """
    z, trajectory = task.z_1, [task.z_1]
    for after, t in pairwise(reversed(task.times)):
        z = z - (after - t) * task.velocity(after, z)
        trajectory.append(z)
    z = task.noise()
    for (t, after), recorded in zip(pairwise(task.times), reversed(trajectory[1:]), strict=True):
        z = recorded.where(task.known, z)
        z = z + (after - t) * task.velocity(t, z)
    return z


def repaint(task: Task) -> Tensor:
    """RePaint (Lugmayr et al., 2022): at every step replace known frames by noisy versions of them, and take every step
    twice, so that the span can adapt to its context. 2 N - 1 evaluations.

    Between the two a step is undone with new noise, which keeps the span on the path, since
    s_t^2 = (t / t')^2 s_t'^2 + d^2:

        z_t = (t / t') z_t' + d e,  e ~ N(0, 1)

    At t = 0 this would erase everything, so the first step is taken once. RePaint has 250 steps and jumps back ten
    steps ten times at each place, which is impossible with 2 N evaluations.
    """
    z = task.noise()
    for t, after in pairwise(task.times):
        for again in (True, False) if t > 0 else (False,):
            z = task.path(t, task.z_1, task.noise()).where(task.known, z)
            z = z + (after - t) * task.velocity(t, z)
            if again:
                d = math.sqrt(task.noise_level(t) ** 2 - (t / after * task.noise_level(after)) ** 2)
                z = t / after * z + d * task.noise()
    return z


def projection(task: Task) -> Tensor:
    """PnP-Flow (Martin et al., 2025) in the form of Flower (Pourya et al., 2026): at every step estimate the music,
    insert known frames into the estimate, and continue at the next time between it and new noise. N evaluations.

        z_1 ~ N(z_t + (1 - t) v(t, z_t), r_t^2),  r_t^2 = (1 - t)^2 / (t^2 + (1 - t)^2);  known frames as they are
        z_t' = s_t' e + t' z_1,  e ~ N(0, 1)

    r_t^2, the variance of z_1 given z_t for standard normal data, is Flower's. PnP-Flow uses 0 and continues from the
    mean, which loses variance at every step: half of it for independent standard normal frames.
    """
    z = task.noise()
    for t, after in pairwise(task.times):
        r = (1 - t) / math.hypot(t, 1 - t)
        z_1 = z + (1 - t) * task.velocity(t, z) + r * task.noise()
        z = task.path(after, task.z_1.where(task.known, z_1), task.noise())
    return z


def gradient(task: Task) -> Tensor:
    """OT-ODE (Pokle et al., 2024) with the likelihood of PiGDM (Song et al., 2023): add to the velocity a gradient
    through the network that moves the estimate of the music towards known frames. N evaluations, each with a backward
    pass.

        v' = v + (1 - t) / (t r_t^2) * d/dz_t [-1/2 |known (y - (z_t + (1 - t) v(t, z_t)))|^2]

    with y the known music and r_t^2 as in `projection`. As in MCG (Chung et al., 2022), known frames are also placed on
    the path at every step, always with the same noise; without this some fills became too loud, because the weight
    assumes standard normal music, and steps are few. At t = 0 the estimate is the mean of all music, and no correction
    is made.

    Raises:
        UserError: the network's weights are packed for inference (`kernels.pack`).
    """
    z = z_0 = task.noise()
    for t, after in pairwise(task.times):
        z = task.path(t, task.z_1, z_0).where(task.known, z)
        with torch.enable_grad():
            z.requires_grad_()
            v = task.velocity(t, z)
            if not v.requires_grad:
                raise UserError(
                    "The weights of this model are packed without support for gradients: "
                    "load it in fp32, or use another method than 'gradient'."
                )
            error = (task.z_1 - (z + (1 - t) * v)).masked_fill(~task.known, 0.0)
            (nearer,) = torch.autograd.grad(-error.square().sum() / 2, z)
        weight = (t**2 + (1 - t) ** 2) / (t * (1 - t)) if t > 0 else 0.0
        z = z.detach() + (after - t) * (v.detach() + weight * nearer)
    return z


@dataclass(frozen=True)
class ZeroShot:
    """A method of inpainting without training.

    Attributes:
        fill: a `Task` to [B, T, D] at t = 1, whose known frames the caller replaces once more.
        evaluations: number of evaluations of the velocity, by the number of steps.
    """

    fill: Callable[[Task], Tensor]
    evaluations: Callable[[int], int]


ZERO_SHOT: dict[InpaintingMethod, ZeroShot] = {
    "gradient": ZeroShot(gradient, lambda steps: steps),
    "projection": ZeroShot(projection, lambda steps: steps),
    "inversion": ZeroShot(inversion, lambda steps: 2 * steps),
    "repaint": ZeroShot(repaint, lambda steps: 2 * steps - 1),
}
"""The methods by name, the best first.

On held-out music of a pocket model the seams of `gradient` are the best by far; the others do not differ significantly,
and `projection` is the cheapest."""
