"""Inpainting by any flow-matching model, though it was never trained to: zero-shot (5.3, App. J).

Every method steers the Euler integration of the same velocity, `sampling.steps` steps long, so that what is known comes
out at t = 1 and what is not fits it. The paper has `inversion` alone, finds it unstable and asks for "a better sampling
strategy"; the others are such strategies from work on images, carried over to the straight path of flow matching,
z_t = s_t z_0 + t z_1 with s_t = 1 - (1 - s) t (Eq. 2). On it a velocity says where a point comes from and goes to:

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
    """What is to be filled in.

    Attributes:
        velocity: v(t, z), guided.
        z_1: [B, T, D] the music in the network's scale; inside the spans it means nothing and is zero.
        known: [B, T, 1] bool, False inside the spans.
        times: from 0 to 1.
        noise: draws [B, T, D] standard normal noise, anew at every call; sample b's from its own generator.
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
    """Algorithm 1: integrate the music back to noise, then noise forward to music, replacing at every step what is
    known by where it was on the way back. 2 N evaluations.

    The span goes back as z_1 has it; its old music, unlike in the paper's evaluation, is not there to be read.
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
    """RePaint (Lugmayr et al., 2022): replace at every step what is known by a noisy version of it, and take every step
    twice, so that the span can answer to what is around it. 2 N - 1 evaluations.

    Between the two a step is undone with noise of its own, which leaves the span on the path, since
    s_t^2 = (t / t')^2 s_t'^2 + d^2:

        z_t = (t / t') z_t' + d e,  e ~ N(0, 1)

    At t = 0 this would forget everything, and the first step is taken once. RePaint has 250 steps and jumps back ten of
    them at a time, ten times at each place; 2 N evaluations have no room for that.
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
    """PnP-Flow (Martin et al., 2025) as Flower has it (Pourya et al., 2026): at every step guess the music, put what is
    known into the guess, and go on to the next time's place between it and fresh noise. N evaluations.

        z_1 ~ N(z_t + (1 - t) v(t, z_t), r_t^2),  r_t^2 = (1 - t)^2 / (t^2 + (1 - t)^2);  known frames as they are
        z_t' = s_t' e + t' z_1,  e ~ N(0, 1)

    r_t^2, the variance of z_1 given z_t for data that is standard normal, is Flower's. PnP-Flow has 0 and goes on from
    the mean, which loses variance at every step: of independent standard normal frames half of it.
    """
    z = task.noise()
    for t, after in pairwise(task.times):
        r = (1 - t) / math.hypot(t, 1 - t)
        z_1 = z + (1 - t) * task.velocity(t, z) + r * task.noise()
        z = task.path(after, task.z_1.where(task.known, z_1), task.noise())
    return z


def gradient(task: Task) -> Tensor:
    """OT-ODE (Pokle et al., 2024), by the likelihood of PiGDM (Song et al., 2023): add to the velocity what brings the
    guess of the music nearer to what is known, by a gradient through the network. N evaluations, each with a backward
    pass.

        v' = v + (1 - t) / (t r_t^2) * d/dz_t [-1/2 |known (y - (z_t + (1 - t) v(t, z_t)))|^2]

    with y the known music and r_t^2 as in `projection`. As in MCG (Chung et al., 2022), known frames are besides put on
    the path at every step, always with the same noise; without this some fills grew too loud, since the weight takes
    music for standard normal, and steps are few. At t = 0 the guess is the mean of all music, and nothing corrects it.

    Raises:
        UserError: the network's weights are packed for drawing alone (`kernels.pack`).
    """
    z = z_0 = task.noise()
    for t, after in pairwise(task.times):
        z = task.path(t, task.z_1, z_0).where(task.known, z)
        with torch.enable_grad():
            z.requires_grad_()
            v = task.velocity(t, z)
            if not v.requires_grad:
                raise UserError(
                    "The weights of this model are packed in a precision that lets no gradient through: "
                    "load it in fp32, or inpaint by another method than 'gradient'."
                )
            error = (task.z_1 - (z + (1 - t) * v)).masked_fill(~task.known, 0.0)
            (nearer,) = torch.autograd.grad(-error.square().sum() / 2, z)
        weight = (t**2 + (1 - t) ** 2) / (t * (1 - t)) if t > 0 else 0.0
        z = z.detach() + (after - t) * (v.detach() + weight * nearer)
    return z


@dataclass(frozen=True)
class ZeroShot:
    """A method that needs no training.

    Attributes:
        fill: a `Task` to [B, T, D] at t = 1, whose known frames the caller replaces a last time.
        evaluations: of the velocity, by the number of steps.
    """

    fill: Callable[[Task], Tensor]
    evaluations: Callable[[int], int]


ZERO_SHOT: dict[InpaintingMethod, ZeroShot] = {
    "gradient": ZeroShot(gradient, lambda steps: steps),
    "projection": ZeroShot(projection, lambda steps: steps),
    "inversion": ZeroShot(inversion, lambda steps: 2 * steps),
    "repaint": ZeroShot(repaint, lambda steps: 2 * steps - 1),
}
"""By name, the best first.

On held-out music of a pocket model the seams of `gradient` are the best by far; the others do not differ beyond chance,
and `projection` is the cheapest."""
