"""Scores with intervals and tests between systems from statistics of clips, for every kind of evaluation.

Shapes: n clips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from counterpoint.metrics.base import ByGroup, Difference, Fit, Functional, MetricInfo, Score, WeightedMean
from counterpoint.metrics.statistics import (
    MIN_CLIPS,
    ONE_RUN,
    RESAMPLES,
    RunPairs,
    between_runs,
    half_samples,
    holm,
    interval,
    of_runs,
    pair_runs,
    paired_difference,
    unpaired_difference,
)

Values = Mapping[str, Mapping[str, float]]
"""The scores of one training run: by metric, a value by clip key; NaN for a clip without one."""
Runs = Mapping[str, Values]
"""The values of each run, by its seed."""


def judges(info: MetricInfo) -> bool:
    """Whether a direction of the metric is better, so that it does not only describe."""
    return info.better != "neither"


@dataclass(frozen=True)
class Scorer:
    """Computes intervals and tests by resampling prompts, or the groups that they come from.

    Attributes:
        groups: the group of each prompt that shares one with others, by its key.
        seed, resamples: seed and number of all draws.
        pairs: the pairs of systems that the table compares; with its metrics they form the family of Holm's correction.
        infos: the metrics of the table.
    """

    groups: Mapping[str, str]
    seed: int = 0
    resamples: int = RESAMPLES
    pairs: int = 1
    infos: Sequence[MetricInfo] = ()

    def score(self, runs: Sequence[Functional], *, n: int, info: MetricInfo, keys: Sequence[str] = ()) -> Score:
        """The mean over training runs of the statistic of their n clips, in the order of `keys`; without keys no two
        clips share a group."""
        of_run = of_runs(runs, np.ones((1, n)))[0]
        value = float(of_run.mean())
        units, count = self._units(runs, keys) if keys else (runs, n)
        rng = np.random.default_rng([self.seed, count])  # one count, one set of halves: systems are resampled alike
        replicates = of_runs(units, half_samples(count, rng=rng, resamples=self.resamples))
        between = between_runs(of_run, replicates, n=count)
        low, high = interval(value, replicates.mean(1), n=count, runs=between)
        low = low if info.at_least is None else max(low, info.at_least)
        high = high if info.at_most is None else min(high, info.at_most)
        return Score(
            info.name, value, low, high, n, info.unit, info.better, _per_clip(runs), seeds=len(runs), fit=_fit(runs)
        )

    def difference(
        self,
        functionals: Sequence[Functional],
        *,
        pair: tuple[str, str],
        keys: tuple[Sequence[str], Sequence[str]],
        info: MetricInfo,
        paired: bool,
        runs: RunPairs = ONE_RUN,
    ) -> Difference:
        """The difference between two systems, prompt by prompt if they are `paired`, that is, have the same keys.

        Args:
            functionals: for each of the turns of `runs`, of the clips of the first system's run before those of the
                second's, in the order of `keys`.
        """
        sizes = (len(keys[0]), len(keys[1]))
        family = self.pairs * sum(judges(other) is judges(info) for other in self.infos)
        draws = {"seed": self.seed, "resamples": self.resamples, "family": family, "runs": runs}
        if paired:
            units, count = self._units(functionals, keys[0], sides=2)
            found = paired_difference(units, n=count, **draws)
        else:
            found = unpaired_difference(functionals, n=sizes, **draws)
        seeds = min(len(set(side)) for side in zip(*runs.turns, strict=True))
        return Difference(
            info.name,
            *pair,
            found.value,
            found.low,
            found.high,
            found.p,
            found.p,
            min(sizes),
            paired=paired,
            effect=found.effect,
            seeds=seeds,
        )

    def _units(
        self, functionals: Sequence[Functional], keys: Sequence[str], *, sides: int = 1
    ) -> tuple[Sequence[Functional], int]:
        """The units of resampling and their number: prompts, or groups of prompts if there are enough groups."""
        groups = [self.groups.get(key, key) for key in keys]
        names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
        if not MIN_CLIPS <= len(names) < len(keys):
            return functionals, len(keys)
        labels = np.array([names[group] for group in groups])
        labels = np.concatenate([labels + side * len(names) for side in range(sides)])
        return [ByGroup(functional, labels) for functional in functionals], len(names)


def _per_clip(runs: Sequence[Functional]) -> tuple[float | None, ...] | None:
    """The mean over the runs with a value, for each clip."""
    values = [functional.per_clip for functional in runs if functional.per_clip is not None]
    if not values:
        return None
    known = [[float(value) for value in of_clip if math.isfinite(value)] for of_clip in zip(*values, strict=True)]
    return tuple(sum(of_clip) / len(of_clip) if of_clip else None for of_clip in known)


def _fit(runs: Sequence[Functional]) -> Fit | None:
    """The mean of the runs' fits."""
    fits = [functional.fit for functional in runs if functional.fit is not None]
    if not fits:
        return None
    points = [tuple(map(float, np.mean(point, axis=0))) for point in zip(*(fit.points for fit in fits), strict=True)]
    slope, residual = (float(np.mean([getattr(fit, name) for fit in fits])) for name in ("slope", "residual"))
    return Fit(tuple((int(n), value) for n, value in points), slope, residual)


def mean_scores(runs: Runs, *, infos: Sequence[MetricInfo], scorer: Scorer) -> dict[str, Score]:
    """The mean of each metric that enough prompts have in every run, over those prompts."""
    scores = {}
    for info in infos:
        known = _known(runs, info)
        if len(known) >= MIN_CLIPS:
            functionals = [
                WeightedMean(np.array([values[info.name][key] for key in known])) for values in runs.values()
            ]
            score = scorer.score(functionals, n=len(known), info=info, keys=known)
            of_clip = dict(zip(known, score.per_clip or (), strict=True))
            everyone = next(iter(runs.values()))[info.name]
            scores[info.name] = replace(score, per_clip=tuple(of_clip.get(key) for key in everyone))
    return scores


def mean_differences(
    pairs: Sequence[tuple[str, str]],
    *,
    systems: Mapping[str, Runs],
    infos: Sequence[MetricInfo],
    scorer: Scorer,
    notes: list[str],
) -> tuple[Difference, ...]:
    """Each metric's difference of means between two systems, over the prompts that have it on both sides."""
    differences = []
    for pair in pairs:
        sides = systems[pair[0]], systems[pair[1]]
        matched = pair_runs(*map(list, sides))
        for info in infos:
            known = _known(sides[0], info), _known(sides[1], info)
            if min(map(len, known)) < MIN_CLIPS:
                continue
            keys, paired = common_prompts(pair, known, notes=notes)
            of_runs = [
                [np.array([values[info.name][key] for key in side_keys]) for values in side.values()]
                for side, side_keys in zip(sides, keys, strict=True)
            ]
            functionals = [WeightedMean(np.concatenate([of_runs[0][a], of_runs[1][b]])) for a, b in matched.turns]
            differences.append(
                scorer.difference(functionals, pair=pair, keys=keys, info=info, paired=paired, runs=matched)
            )
    return corrected(differences, infos)


def _known(runs: Runs, info: MetricInfo) -> list[str]:
    """The prompts that have a value in every run."""
    first, *others = (values[info.name] for values in runs.values())
    return [key for key in first if all(np.isfinite(values[key]) for values in (first, *others))]


def common_prompts(
    pair: tuple[str, str], orders: tuple[Sequence[str], Sequence[str]], *, notes: list[str]
) -> tuple[tuple[Sequence[str], Sequence[str]], bool]:
    """The keys of two systems that are compared, and whether they are the same, as they are if enough are shared."""
    other = set(orders[1])
    common = [key for key in orders[0] if key in other]
    if len(common) >= MIN_CLIPS:
        return (common, common), True
    notes.append(f"{pair[0]} and {pair[1]} share fewer than {MIN_CLIPS} prompts, so their clips are not paired.")
    return orders, False


def corrected(differences: Sequence[Difference], metrics: Sequence[MetricInfo]) -> tuple[Difference, ...]:
    """Differences with Holm's correction over all pairs and judging metrics, and separately over describing ones."""
    judging = {info.name: judges(info) for info in metrics}
    adjusted: dict[int, float] = {}
    for kind in (True, False):
        adjusted |= holm({at: each.p for at, each in enumerate(differences) if judging[each.metric] is kind})
    return tuple(replace(each, p_holm=adjusted[at]) for at, each in enumerate(differences))
