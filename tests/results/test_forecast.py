"""A power law through validations: what was drawn from one is found again, and what levels off is told so."""

from __future__ import annotations

import numpy as np
import pytest

from counterpoint.results.forecast import falling, fit_power_law


def curve(level: float, scale: float, exponent: float, *, noise: float = 0.0) -> list[tuple[int, float]]:
    rng = np.random.default_rng(0)
    return [
        (updates, level + scale * updates**-exponent + noise * rng.standard_normal()) for updates in range(50, 450, 50)
    ]


@pytest.mark.parametrize(("level", "scale", "exponent"), [(1.0, 8.0, 0.5), (0.0, 3.0, 0.1), (2.0, 40.0, 1.0)])
def test_the_law_that_made_a_curve_is_found_and_extrapolated(level: float, scale: float, exponent: float) -> None:
    law = fit_power_law(curve(level, scale, exponent))
    assert law is not None and law.points == 8
    assert law.residual < 0.01
    assert law.at(4000) == pytest.approx(level + scale * 4000**-exponent, rel=0.03)
    target = level + scale * 1500**-exponent
    assert law.updates_to(target) == pytest.approx(1500, rel=0.2)


def test_below_the_level_nothing_is_promised() -> None:
    law = fit_power_law(curve(2.0, 5.0, 0.7, noise=0.001))
    assert law is not None
    assert law.updates_to(1.5) is None
    assert law.updates_to(law.level + 1e-12) > 1e6


def test_a_curve_that_rises_or_is_short_gives_no_law() -> None:
    rising = fit_power_law([(updates, 1 + updates / 100) for updates in (50, 100, 150, 200)])
    assert rising is not None and rising.updates_to(1.0) is None
    assert fit_power_law([(0, 5.0), (50, 4.0), (100, 3.5), (150, 3.2)]) is None, "three after the start"


def test_only_what_comes_before_the_lowest_validation_counts() -> None:
    assert falling([(0, 5.0), (50, 4.0), (100, 3.0), (150, 3.5)]) == [(0, 5.0), (50, 4.0), (100, 3.0)]
    assert falling([]) == []
