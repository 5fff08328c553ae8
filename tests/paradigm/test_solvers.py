"""Solvers on fields with closed forms."""

import math
from itertools import pairwise

import pytest
import torch

from counterpoint.config import FlowMatchingSampling
from counterpoint.paradigm import solvers
from counterpoint.paradigm.solvers import grid, sample_norm


def solve(field, z, **settings):
    return solvers.solve(field, z, sampling=FlowMatchingSampling(**settings))


def rotating(t, z):
    """dz/dt = (1 + t) z, so z(1) = e^1.5 z(0)."""
    return (1 + t) * z


def start(batch=2):
    return torch.randn(batch, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def error(solver, steps, sway):
    solution = solve(rotating, start(), solver=solver, steps=steps, sway=sway)
    return (solution.z - math.exp(1.5) * start()).abs().max().item()


@pytest.mark.parametrize("sway", [-1.0, 0.0, 1.0])
@pytest.mark.parametrize("solver, order", [("euler", 1), ("midpoint", 2), ("heun", 2), ("adams", 2)])
def test_order_of_convergence(solver, order, sway):
    """On any smooth grid: one that knows its steps but not their ratio would fall to order 1."""
    measured = math.log2(error(solver, 128, sway) / error(solver, 256, sway))
    assert measured == pytest.approx(order, abs=0.1)


@pytest.mark.parametrize("solver, evaluations", [("euler", 5), ("midpoint", 10), ("heun", 10), ("adams", 5)])
def test_the_field_is_asked_as_often_as_said_and_never_beyond_the_ends(solver, evaluations):
    times = []

    def field(t, z):
        times.append(t)
        return rotating(t, z)

    assert solve(field, start(), solver=solver, steps=5, sway=-0.7).evaluations == len(times) == evaluations
    assert min(times) == 0 and max(times) <= 1


@pytest.mark.parametrize("solver", ["midpoint", "heun", "adams"])
def test_a_field_linear_in_time_is_exact_but_for_a_first_euler_step(solver):
    """dz/dt = 2 t moves z by 1; h^2 is what Euler's first step misses."""
    moved = solve(lambda t, z: torch.full_like(z, 2 * t), start(), solver=solver, steps=4).z - start()
    torch.testing.assert_close(moved, torch.full_like(moved, 1 - (1 / 16 if solver == "adams" else 0)))


def test_sway_is_f5_ttss_and_uniform_at_zero():
    assert grid(10) == [step / 10 for step in range(11)]
    for sway in (-1.0, -0.4, 1.0, 2 / (math.pi - 2)):
        times = grid(8, sway=sway)
        assert times[4] == pytest.approx(0.5 + sway * (math.cos(math.pi / 4) - 0.5))
        assert (times[0], times[-1]) == (0, 1)
        steps = [after - before for before, after in pairwise(times)]
        assert min(steps) > 0
        assert (steps == sorted(steps)) == (sway < 0) and (steps == sorted(steps, reverse=True)) == (sway > 0)


def test_euler_is_eq_5_step_by_step():
    z = start()
    expected = z
    for step in range(4):
        expected = expected + 0.25 * rotating(step * 0.25, expected)
    torch.testing.assert_close(solve(rotating, z, solver="euler", steps=4).z, expected)


def test_a_straight_field_takes_one_euler_step():
    end = start() + 5
    solution = solve(lambda t, z: end - start(), start(), solver="euler", steps=1)
    torch.testing.assert_close(solution.z, end)
    assert solution.evaluations == 1


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_dopri5_meets_its_tolerance(tolerance):
    solution = solve(rotating, start(), solver="dopri5", tolerance=tolerance)
    assert (solution.z - math.exp(1.5) * start()).abs().max() < 20 * tolerance


def test_dopri5_never_leaves_the_unit_interval_and_counts():
    times = []

    def field(t, z):
        times.append(float(t))
        return rotating(t, z)

    solution = solve(field, start(), solver="dopri5", tolerance=1e-5)
    assert min(times) == 0
    assert max(times) <= 1
    assert solution.evaluations == len(times)


def stiff_and_easy(stiffness):
    """Row b obeys dz/dt = rate_b (cos(9 t) - z)."""

    def field(t, z):
        return stiffness[:, None, None] * (math.cos(9 * t) - z)

    return field


def stiff_solution(rate, z0):
    """Of dz/dt = r (cos(w t) - z) at t = 1."""
    w, r = 9.0, rate
    gain = r / (r * r + w * w)

    def forced(t):
        return gain * (r * math.cos(w * t) + w * math.sin(w * t))

    return forced(1) + (z0 - forced(0)) * math.exp(-r)


def test_easy_batch_mates_do_not_hide_a_stiff_sample():
    rate, mates = 40.0, 63
    z0 = start(1)
    expected = stiff_solution(rate, z0)

    def error_of_first(batch):
        rates = torch.full((batch,), 1e-3, dtype=torch.float64)
        rates[0] = rate
        z = z0.expand(batch, -1, -1).clone()
        out = solve(stiff_and_easy(rates), z, solver="dopri5", tolerance=1e-4).z
        return (out[:1] - expected).abs().max().item()

    assert error_of_first(1 + mates) == pytest.approx(error_of_first(1), rel=0.05)


def test_norm_is_the_worst_sample_over_its_valid_frames():
    x = torch.zeros(3, 4, 2)
    x[1, :2] = 3.0
    assert sample_norm(None)(x) == pytest.approx(3 / math.sqrt(2))
    valid = torch.arange(4)[None] < torch.tensor([[4], [2], [4]])
    assert sample_norm(valid)(x) == pytest.approx(3.0)
