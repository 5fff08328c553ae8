"""Entropies of an auto-regressive model's steps: their means early and late, and what tests say of them (App. I).

Prompts of one track are alike and count once. Intervals and p-values are those of Student's t.

Shapes: n tracks, T steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from counterpoint.metrics.base import Difference, MetricInfo, Score
from counterpoint.metrics.result import Evaluation
from counterpoint.metrics.statistics import holm

EARLY_STEPS = 50
"""The paper's border: "conditioning lowers entropy in the first ~50 steps ... but raises it later"."""
EARLY, LATE = "entropy_early", "entropy_late"


def by_track(curves: np.ndarray, rows: Sequence[str]) -> np.ndarray:
    """[n, T] from one curve a prompt: prompts of one track are alike and count once, by their mean."""
    places = {row: [index for index, other in enumerate(rows) if other == row] for row in dict.fromkeys(rows)}
    return np.stack([curves[chosen].mean(axis=0) for chosen in places.values()])


def evaluate_entropies(
    curves: Mapping[str, np.ndarray], *, pairs: Sequence[tuple[str, str]], names: Sequence[str]
) -> Evaluation:
    """Mean entropies early and late.

    Args:
        curves: by system, [n, T] nats.
        pairs: of systems to test.
        names: of the tracks, with repetition.
    """
    tracks, steps = next(iter(curves.values())).shape
    early = min(EARLY_STEPS, steps)
    infos = [
        MetricInfo(EARLY, f"mean entropy of the first {early} steps", "nats", "neither", title="Entropy, early"),
        MetricInfo(LATE, "mean entropy of all later steps", "nats", "neither", title="Entropy, late"),
    ]
    parts = {EARLY: slice(0, early), **({LATE: slice(early, None)} if steps > early else {})}
    means = {
        metric: {system: curve[:, part].mean(axis=1) for system, curve in curves.items()}
        for metric, part in parts.items()
    }
    return Evaluation(
        n=tracks,
        seed=0,
        metrics=tuple(info for info in infos if info.name in parts),
        scores={system: {metric: _score(metric, own[system]) for metric, own in means.items()} for system in curves},
        floors={},
        differences=tuple(_differences(means, pairs)) if tracks > 1 else (),
        ids=dict.fromkeys(curves, tuple(dict.fromkeys(names))),
    )


def _score(metric: str, values: np.ndarray) -> Score:
    """The mean of [n] with its 95% interval."""
    mean, reach = float(values.mean()), float(reach_of(values))
    return Score(metric, mean, mean - reach, mean + reach, len(values), "nats", "neither", tuple(values.tolist()))


def reach_of(values: np.ndarray) -> np.ndarray:
    """[...] half the widths of the 95% intervals of the means of [n, ...] (Student's t); 0 where n is 1."""
    from scipy.stats import t

    n = len(values)
    return t.ppf(0.975, n - 1) * values.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(values.shape[1:])


def _differences(means: Mapping[str, Mapping[str, np.ndarray]], pairs: Sequence[tuple[str, str]]) -> list[Difference]:
    """Every pair in every metric, track by track."""
    from scipy.stats import ttest_rel

    tested = {
        f"{metric} {first} {second}": (_score(metric, own[first] - own[second]), first, second)
        for first, second in pairs
        for metric, own in means.items()
    }
    p_values = {
        f"{metric} {first} {second}": float(np.asarray(ttest_rel(own[first], own[second]))[1])
        for first, second in pairs
        for metric, own in means.items()
    }
    p_values = {name: p if np.isfinite(p) else 1.0 for name, p in p_values.items()}  # nothing differs anywhere
    adjusted = holm(p_values)
    return [
        Difference(
            own.name, first, second, own.value, own.low, own.high, p_values[name], adjusted[name], own.n, paired=True
        )
        for name, (own, first, second) in tested.items()
    ]
