"""Zero-shot inpainting: on Gaussian fields, whose fills are known exactly, and on a small network."""

import pytest
import torch

from counterpoint.paradigm.solvers import grid
from counterpoint.paradigm.zero_shot import ZERO_SHOT, Task

METHODS = sorted(ZERO_SHOT)
NEW = sorted({*ZERO_SHOT} - {"inversion"})
T, START, STOP = 12, 4, 8


class Gaussian:
    """Music of T frames that is N(0, C), each of whose channels is a sample: its velocity is known exactly.

    E[z_1 | z_t] = t C (t^2 C + (1 - t)^2)^-1 z_t.
    """

    def __init__(self, covariance, *, samples=4000, seed=0):
        generator = torch.Generator().manual_seed(seed)
        self.covariance = covariance.double()
        root = torch.linalg.cholesky(self.covariance + 1e-9 * torch.eye(T))
        self.music = root @ torch.randn(T, samples, generator=generator, dtype=torch.float64)
        self.known = torch.ones(T, dtype=torch.bool)
        self.known[START:STOP] = False
        self.generator = generator

    def velocity(self, t, z):
        t = min(t, 1 - 1e-4)
        level = t**2 * self.covariance + (1 - t) ** 2 * torch.eye(T)
        return (t * self.covariance @ torch.linalg.solve(level, z) - z) / (1 - t)

    def fill(self, method, *, steps=50):
        """[STOP - START, samples] of what the method fills in."""
        task = Task(
            velocity=self.velocity,
            z_1=(self.music * self.known[:, None])[None],
            known=self.known[None, :, None],
            times=grid(steps),
            noise=lambda: torch.randn(1, *self.music.shape, generator=self.generator, dtype=torch.float64),
            sigma_min=1e-5,
        )
        with torch.no_grad():
            return ZERO_SHOT[method](task)[0, START:STOP]

    def expected(self):
        """The mean of the gap given the rest [STOP - START, samples], and its covariance."""
        known, gap = self.known, ~self.known
        gain = self.covariance[gap][:, known] @ torch.linalg.pinv(self.covariance[known][:, known], rtol=1e-9)
        return gain @ self.music[known], self.covariance[gap][:, gap] - gain @ self.covariance[known][:, gap]


@pytest.mark.parametrize("method", METHODS)
def test_independent_frames_leave_the_gap_standard(method):
    fill = Gaussian(torch.eye(T)).fill(method)
    assert fill.mean().abs() < 0.03
    assert 0.85 < fill.var() < 1.1


@pytest.mark.parametrize("method", NEW)
def test_equal_frames_are_copied_into_the_gap(method):
    field = Gaussian(torch.ones(T, T))
    error = field.fill(method) - field.music[START:STOP]
    assert error.square().mean().sqrt() < 0.05
