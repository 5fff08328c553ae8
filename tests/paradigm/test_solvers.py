"""Solvers on fields with closed forms."""

import math

import pytest
import torch

from counterpoint.paradigm.solvers import sample_norm, solve


def rotating(t, z):
    """dz/dt = (1 + t) z, so z(1) = e^1.5 z(0)."""
    return (1 + t) * z


def start(batch=2):
    return torch.randn(batch, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def error(solver, steps):
    solution = solve(rotating, start(), solver=solver, steps=steps, tolerance=1e-5)
    return (solution.z - math.exp(1.5) * start()).abs().max().item()


@pytest.mark.parametrize("solver, order", [("euler", 1), ("midpoint", 2)])
def test_order_of_convergence(solver, order):
    measured = math.log2(error(solver, 64) / error(solver, 128))
    assert measured == pytest.approx(order, abs=0.1)


def test_euler_is_eq_5_step_by_step():
    z = start()
    expected = z
    for step in range(4):
        expected = expected + 0.25 * rotating(step * 0.25, expected)
    torch.testing.assert_close(solve(rotating, z, solver="euler", steps=4, tolerance=1.0).z, expected)


def test_a_straight_field_takes_one_euler_step():
    end = start() + 5
    solution = solve(lambda t, z: end - start(), start(), solver="euler", steps=1, tolerance=1.0)
    torch.testing.assert_close(solution.z, end)
    assert solution.evaluations == 1


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_dopri5_meets_its_tolerance(tolerance):
    solution = solve(rotating, start(), solver="dopri5", steps=1, tolerance=tolerance)
    assert (solution.z - math.exp(1.5) * start()).abs().max() < 20 * tolerance


def test_dopri5_never_leaves_the_unit_interval_and_counts():
    times = []

    def field(t, z):
        times.append(float(t))
        return rotating(t, z)

    solution = solve(field, start(), solver="dopri5", steps=1, tolerance=1e-5)
    assert min(times) == 0
    assert max(times) <= 1
    assert solution.evaluations == len(times)


def stiff_and_easy(stiffness):
    """Row b obeys dz/dt = rate_b (cos(9 t) - z)."""

    def field(t, z):
        return stiffness[:, None, None] * (torch.cos(9 * t) - z)

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
        out = solve(stiff_and_easy(rates), z, solver="dopri5", steps=1, tolerance=1e-4).z
        return (out[:1] - expected).abs().max().item()

    assert error_of_first(1 + mates) == pytest.approx(error_of_first(1), rel=0.05)


def test_norm_is_the_worst_sample_over_its_valid_frames():
    x = torch.zeros(3, 4, 2)
    x[1, :2] = 3.0
    assert sample_norm(None)(x) == pytest.approx(3 / math.sqrt(2))
    valid = torch.arange(4)[None] < torch.tensor([[4], [2], [4]])
    assert sample_norm(valid)(x) == pytest.approx(3.0)
