"""Inpainting by any flow-matching model, though it was never trained to: zero-shot (5.3, App. J).

Every method steers the Euler integration of the same velocity, `sampling.steps` steps long, so that what is known comes
out at t = 1 and what is not fits it.

Shapes: B batch, T latent frames, D latent channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor

from counterpoint.config import InpaintingMethod
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


ZERO_SHOT: dict[InpaintingMethod, Callable[[Task], Tensor]] = {"inversion": inversion}
"""By name, the best first: a `Task` to [B, T, D] at t = 1, whose known frames the caller replaces a last time."""
