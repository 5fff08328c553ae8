"""Shares of the gradient."""

import pytest
import torch

from counterpoint.training.codec.balancer import Balancer


def test_shares_are_the_weights_whatever_the_scales():
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.nn.functional.normalize(torch.randn(1, 50_000, generator=generator)) for _ in range(2))
    found = Balancer()({"a": 1e4 * first, "b": 1e-4 * second}, {"a": 1.0, "b": 3.0})
    assert float((found * first).sum()) == pytest.approx(0.25, abs=0.02)  # two random directions are almost orthogonal
    assert float((found * second).sum()) == pytest.approx(0.75, abs=0.02)


def test_a_spike_stays_a_spike_and_zero_is_no_division_by_zero():
    balancer = Balancer()
    gradient = torch.ones(2, 8)
    for _ in range(5):
        balancer({"a": gradient}, {"a": 1.0})
    assert balancer({"a": 10 * gradient}, {"a": 1.0}).norm(dim=1).mean() > 5
    assert Balancer()({"a": torch.zeros(2, 8)}, {"a": 1.0}).abs().max() == 0
