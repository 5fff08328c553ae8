"""From statistics of clips to scores with intervals and tests between systems: the same for every kind of judgement.

Shapes: n clips.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from counterpoint.config import UserError
from counterpoint.metrics.base import ByGroup, Clip, Difference, Functional, MetricInfo, Score, WeightedMean
from counterpoint.metrics.statistics import (
    MIN_CLIPS,
    RESAMPLES,
    half_samples,
    holm,
    interval,
    paired_difference,
    unpaired_difference,
    value_of,
)

Values = Mapping[str, Mapping[str, float]]
"""By metric, a value by clip key; NaN where a clip has none."""


@dataclass(frozen=True)
class Scorer:
    """Draws prompts, or the groups they come from.

    Attributes:
        groups: the group of each prompt that shares one with others, by its key.
        seed, resamples: of every draw.
    """

    groups: Mapping[str, str]
    seed: int = 0
    resamples: int = RESAMPLES

    def score(self, functional: Functional, *, n: int, info: MetricInfo, keys: Sequence[str] = ()) -> Score:
        """The statistic of n clips; without their keys, none share a group."""
        value = value_of(functional, n)
        units, count = self._units(functional, keys) if keys else (functional, n)
        rng = np.random.default_rng([self.seed, count])  # one count, one set of halves: systems are resampled alike
        halves = half_samples(count, rng=rng, resamples=self.resamples)
        low, high = interval(value, units(halves), n=count)
        low = low if info.at_least is None else max(low, info.at_least)
        high = high if info.at_most is None else min(high, info.at_most)
        values = functional.per_clip
        per_clip = None if values is None else tuple(float(v) if math.isfinite(v) else None for v in values)
        return Score(info.name, value, low, high, n, info.unit, info.better, per_clip)

    def difference(
        self,
        functional: Functional,
        *,
        pair: tuple[str, str],
        keys: tuple[Sequence[str], Sequence[str]],
        info: MetricInfo,
        paired: bool,
    ) -> Difference:
        """Between two systems: prompt by prompt where they are `paired`, that is where both keys are the same.

        Args:
            functional: of the first system's clips before the second's, in the order of `keys`.
        """
        sizes = (len(keys[0]), len(keys[1]))
        draws = {"seed": self.seed, "resamples": self.resamples}
        if paired:
            units, count = self._units(functional, keys[0], sides=2)
            value, low, high, p = paired_difference(units, n=count, **draws)
        else:
            value, low, high, p = unpaired_difference(functional, n=sizes, **draws)
        return Difference(info.name, *pair, value, low, high, p, p, min(sizes), paired=paired)

    def _units(self, functional: Functional, keys: Sequence[str], *, sides: int = 1) -> tuple[Functional, int]:
        """What is resampled: prompts, or their groups where some share one and they are enough; and how many."""
        groups = [self.groups.get(key, key) for key in keys]
        names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
        if not MIN_CLIPS <= len(names) < len(keys):
            return functional, len(keys)
        labels = np.array([names[group] for group in groups])
        return ByGroup(functional, np.concatenate([labels + side * len(names) for side in range(sides)])), len(names)


def mean_scores(values: Values, *, infos: Sequence[MetricInfo], scorer: Scorer) -> dict[str, Score]:
    """The mean of each metric that enough clips have, over those clips."""
    scores = {}
    for info in infos:
        of_clip = values[info.name]
        known = {key: value for key, value in of_clip.items() if np.isfinite(value)}
        if len(known) >= MIN_CLIPS:
            functional = WeightedMean(np.array([*known.values()]))
            score = scorer.score(functional, n=len(known), info=info, keys=list(known))
            scores[info.name] = replace(score, per_clip=tuple(known.get(key) for key in of_clip))
    return scores


def mean_differences(
    pair: tuple[str, str],
    *,
    sides: tuple[Values, Values],
    infos: Sequence[MetricInfo],
    scorer: Scorer,
    notes: list[str],
) -> list[Difference]:
    """Each metric's difference of means between two systems, over the prompts that have it on both sides."""
    differences = []
    for info in infos:
        left, right = ([key for key, value in side[info.name].items() if np.isfinite(value)] for side in sides)
        if min(len(left), len(right)) < MIN_CLIPS:
            continue
        (left, right), paired = common_prompts(pair, (left, right), notes=notes)
        of_clips = [*(sides[0][info.name][key] for key in left), *(sides[1][info.name][key] for key in right)]
        functional = WeightedMean(np.array(of_clips))
        differences.append(scorer.difference(functional, pair=pair, keys=(left, right), info=info, paired=paired))
    return corrected(differences, infos)


def common_prompts(
    pair: tuple[str, str], orders: tuple[Sequence[str], Sequence[str]], *, notes: list[str]
) -> tuple[tuple[Sequence[str], Sequence[str]], bool]:
    """The keys of two systems that are to be compared, and whether they are the same: so they are where enough are."""
    other = set(orders[1])
    common = [key for key in orders[0] if key in other]
    if len(common) >= MIN_CLIPS:
        return (common, common), True
    notes.append(f"{pair[0]} and {pair[1]} share fewer than {MIN_CLIPS} prompts, so their clips are not paired.")
    return orders, False


def corrected(differences: Sequence[Difference], metrics: Sequence[MetricInfo]) -> list[Difference]:
    """With Holm's correction within the metrics that judge, and within those that describe."""
    judging = {info.name: info.better != "neither" for info in metrics}
    adjusted: dict[str, float] = {}
    for kind in (True, False):
        adjusted |= holm({each.metric: each.p for each in differences if judging[each.metric] is kind})
    return [replace(each, p_holm=adjusted[each.metric]) for each in differences]


def groups_of(systems: Mapping[str, Sequence[Clip]], *, notes: list[str]) -> dict[str, str]:
    """The group of each prompt that has one, by its key; says what that means for the intervals."""
    groups = {clip.key: clip.group for clips in systems.values() for clip in clips if clip.group}
    prompts, count = len(groups), len(set(groups.values()))
    if MIN_CLIPS <= count < prompts:
        notes.append(f"The {prompts} prompts come from {count} tracks; intervals and paired tests draw whole tracks.")
    elif count < prompts:
        notes.append(
            f"The {prompts} prompts come from only {count} tracks, too few to be drawn: intervals and tests draw "
            "prompts, and speak of these tracks alone, not of other music."
        )
    return groups


def unique_keys(clips: Sequence[Clip]) -> list[Clip]:
    """Several clips of one prompt become prompt, prompt#2, ...; the same in every system, so they pair up."""
    seen: Counter[str] = Counter()
    unique = []
    for clip in clips:
        seen[clip.key] += 1
        unique.append(clip if seen[clip.key] == 1 else replace(clip, id=f"{clip.key}#{seen[clip.key]}"))
    return unique


def check_systems(systems: Mapping[str, Sequence[Clip]], pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse what gives no score.

    Raises:
        UserError: no system, one of fewer than 8 clips, or a pair that names none.
    """
    if not systems:
        raise UserError("There is no system to evaluate; name a folder of generated clips.")
    for name, clips in systems.items():
        if len(clips) < MIN_CLIPS:
            raise UserError(
                f"{name} has {len(clips)} clips; {MIN_CLIPS} is the least that gives an interval, so generate more."
            )
    for name in {name for pair in pairs for name in pair} - set(systems):
        raise UserError(f"Cannot compare {name!r}; the systems are {', '.join(systems)}.")


def check_silence(system: str, silent: Sequence[bool], *, notes: list[str]) -> None:
    """Note the silent clips of a system.

    Raises:
        UserError: all of them are.
    """
    if all(silent):
        raise UserError(f"Every clip of {system} is silent, so there is nothing to evaluate; generate it again.")
    if any(silent):
        notes.append(f"{sum(silent)} of the {len(silent)} clips of {system} are silent; they are judged like the rest.")
