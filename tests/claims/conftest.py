"""Results of finished studies, made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from counterpoint.bench.limits import Limits
from counterpoint.bench.point import Point
from counterpoint.bench.sweep import Measured
from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.results.costs import Speed
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.schema import Results, System

FAD = "fad_musicnn"
Values = Mapping[str, Mapping[str, float | tuple[float, float]]]
"""By metric, then system, a value, or a value and how far its interval reaches."""


def made(
    study: str, scores: Values, *, scale: str = "quick", differences: Sequence[Difference] = (), **parts: Any
) -> Results:
    """Of lower metrics those that begin with `fad`; an interval reaches half of a unit if nothing is said."""
    infos = {name: MetricInfo(name, name, "", "lower" if name.startswith("fad") else "higher") for name in scores}
    systems = dict.fromkeys(system for of_metric in scores.values() for system in of_metric)
    rows: dict[str, dict[str, Score]] = {system: {} for system in systems}
    for name, of_metric in scores.items():
        for system, given in of_metric.items():
            value, reach = given if isinstance(given, tuple) else (given, 0.5)
            rows[system][name] = Score(name, value, value - reach, value + reach, 48, "", infos[name].better)
    evaluation = Evaluation(48, 0, tuple(infos.values()), rows, {}, tuple(differences), {})
    return Results(
        study=StudyInfo(name=study, kind="grid", shipped=study, scale=scale, config={"kind": "grid"}),
        provenance=Provenance(steps={}),
        systems={key: System(key=key, name=key, short=key.upper()) for key in systems},
        evaluations={"evaluate": evaluation} if scores else {},
        **parts,
    )


@pytest.fixture
def finish() -> Callable[..., Results]:
    """A function that makes the results of a finished study; see `made`."""
    return made


@pytest.fixture
def quick() -> Callable[..., Results]:
    """A function that makes the results of `quick`, in which auto-regression is `ahead` of flow matching."""

    def results(*, ahead: float = 10.0, scale: str = "quick", **more: Mapping[str, float]) -> Results:
        tested = Difference(
            FAD, "autoregressive", "flow_matching", -ahead, -ahead - 1, -ahead + 1, 0.002, 0.002, 48, True
        )
        scores = {FAD: {"ground_truth": 10.0, "autoregressive": 50.0, "flow_matching": 50.0 + ahead}}
        return made("quick", {**scores, **more}, scale=scale, differences=[tested])

    return results


@pytest.fixture
def speed() -> Callable[[Mapping[tuple[str, int, float], float]], Results]:
    """A function that makes the results of `fig5`, from latencies by (what draws, clips, seconds each)."""

    def results(latencies: Mapping[tuple[str, int, float], float]) -> Results:
        points = tuple(
            Measured(
                Point(paradigm="autoregressive" if draws == "AR" else "flow_matching", batch=batch, duration_s=seconds),
                "a device",
                latency_s=value,
                low_s=0.9 * value,
                high_s=1.1 * value,
                runs=3,
            )
            for (draws, batch, seconds), value in latencies.items()
        )
        limits = Limits(name="a device", kind="cpu", flops={"fp32": 1e9}, bandwidth=1e9)
        return made("fig5", {}, scale="paper", speed={"measure": Speed(points=points, limits=limits)})

    return results
