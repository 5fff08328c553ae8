"""Every metric of every system, with intervals, floors and tests between systems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.config import UserError
from counterpoint.metrics.base import (
    ByGroup,
    Clip,
    Difference,
    Features,
    Functional,
    Metric,
    MetricInfo,
    NotApplicableError,
    Score,
)
from counterpoint.metrics.features import Listener, Progress
from counterpoint.metrics.reference import ReferencePool, reference_pool, shuffled, without
from counterpoint.metrics.registry import METRICS
from counterpoint.metrics.result import GROUND_TRUTH, Evaluation
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


def evaluate(
    systems: Mapping[str, Sequence[Clip]],
    *,
    reference: Sequence[Clip],
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge each system's clips against a reference.

    Distances are between equally many clips on both sides: as many as the smallest system has, or the reference.
    Reference clips longer than the systems' are cut to their length; where the reference has few but long tracks,
    several windows of each are taken. A file that is judged is taken out of the reference as long as enough others
    remain.

    Holm's correction is over the metrics of one pair that say better or worse, and apart from them over those that
    only describe.

    Args:
        systems: clips by system name. Clips of two systems with one id answer the same prompt.
        reference: real music, best not the prompts' own clips.
        pairs: (first, second) systems to test for a difference.
        seed: of every resampling and selection.
        resamples: draws behind each interval and each p-value.
        progress: called with (clips listened to, clips in all).

    Raises:
        UserError: fewer than 8 clips on a side, a pair that names no system, a file that cannot be read, a system of
            nothing but silence, or MusiCNN not installed.
    """
    _check(systems, reference, pairs)
    notes: list[str] = []
    systems = {name: _unique_keys(clips) for name, clips in systems.items()}
    # Thousands of small matrices: threads would wait for each other longer than they work, 20 times on busy cores.
    with threadpool_limits(1, user_api="blas"):
        heard = _listen(systems, reference, seed=seed, resamples=resamples, progress=progress, notes=notes)
        scores = {name: heard.scores_of(name, notes=notes) for name in systems}
        floors = {GROUND_TRUTH: heard.ground_truth(notes=notes)}
        differences = [
            difference
            for first, second in pairs
            for difference in heard.compare(first, second, metrics=_shared(scores, first, second), notes=notes)
        ]
    return Evaluation(
        n=heard.n,
        seed=seed,
        metrics=tuple(metric.info for metric in METRICS),
        scores=scores,
        floors=floors,
        differences=tuple(differences),
        ids={name: tuple(clip.key for clip in clips) for name, clips in systems.items()},
        notes=tuple(dict.fromkeys(notes)),
    )


@dataclass(frozen=True)
class _Heard:
    """Everybody's features.

    Attributes:
        systems: by system name, the features of each clip by its key, in the order given.
        order: by system name, the keys in an order that systems with the same prompts share; distances take the
            first n.
        groups: the group of each prompt that shares one with others, by its key.
        reference: of the windows in `pool`.
        n: clips on each side of a distance.
    """

    systems: Mapping[str, Mapping[str, Features]]
    order: Mapping[str, Sequence[str]]
    groups: Mapping[str, str]
    pool: ReferencePool
    reference: Sequence[Features]
    n: int
    seed: int
    resamples: int

    def scores_of(self, system: str, *, notes: list[str]) -> dict[str, Score]:
        """Every metric that applies to a system."""
        own = self.systems[system]
        scores = {}
        for metric in METRICS:
            keys = self.order[system][: self.n] if metric.equal_n else list(own)
            try:
                functional = metric.prepare([own[key] for key in keys], reference=self._against(metric, self.n))
            except NotApplicableError as reason:
                notes.append(f"{metric.info.name} is left out for {system}: {reason}.")
                continue
            scores[metric.info.name] = self._score(functional, n=len(keys), info=metric.info, keys=keys)
        return scores

    def ground_truth(self, *, notes: list[str]) -> dict[str, Score]:
        """What real music scores: distances between two halves of the reference, all else of the reference itself."""
        first, second = ([self.reference[i] for i in half] for half in self.pool.halves)
        size = min(len(first), len(second), self.n)
        if size < MIN_CLIPS:
            notes.append(
                f"The reference is too small to be halved ({2 * MIN_CLIPS} tracks), so distances have no floor."
            )
        elif size < self.n:
            notes.append(
                f"The {GROUND_TRUTH} floor of the distances has {size} clips a side where the systems have {self.n}, "
                f"so that of a biased distance is too high; a reference of {2 * self.n} clips would mend it."
            )
        scores = {}
        for metric in METRICS:
            clips = first[:size] if metric.equal_n else self.reference
            against = second[:size] if metric.equal_n else self.reference
            if len(clips) < MIN_CLIPS:
                continue
            try:
                functional = metric.prepare(clips, reference=against)
            except NotApplicableError:
                continue
            scores[metric.info.name] = self._score(functional, n=len(clips), info=metric.info)
        return scores

    def compare(self, first: str, second: str, *, metrics: Sequence[Metric], notes: list[str]) -> list[Difference]:
        """Each metric's difference between two systems, prompt by prompt where they answered the same ones."""
        orders = [self.order[first], self.order[second]]
        common = [key for key in orders[0] if key in self.systems[second]]
        paired = len(common) >= MIN_CLIPS
        if paired:
            orders = [common, common]
        else:
            notes.append(f"{first} and {second} share fewer than {MIN_CLIPS} prompts, so their clips are not paired.")
        differences = []
        for metric in metrics:
            size = min(self.n, *map(len, orders))
            keys = [order[:size] if metric.equal_n else order for order in orders]
            clips = [self.systems[name][key] for name, side in zip((first, second), keys, strict=True) for key in side]
            functional = metric.prepare(clips, reference=self._against(metric, size))
            sizes = (len(keys[0]), len(keys[1]))
            draws = {"seed": self.seed, "resamples": self.resamples}
            if paired:
                units, count = self._units(functional, keys[0], sides=2)
                value, low, high, p = paired_difference(units, n=count, **draws)
            else:
                value, low, high, p = unpaired_difference(functional, n=sizes, **draws)
            differences.append(
                Difference(metric.info.name, first, second, value, low, high, p, p, min(sizes), paired=paired)
            )
        return _corrected(differences, metrics)

    def _units(self, functional: Functional, keys: Sequence[str], *, sides: int = 1) -> tuple[Functional, int]:
        """What is resampled: prompts, or their groups where some share one and they are enough; and how many."""
        groups = [self.groups.get(key, key) for key in keys]
        names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
        if not MIN_CLIPS <= len(names) < len(keys):
            return functional, len(keys)
        labels = np.array([names[group] for group in groups])
        return ByGroup(functional, np.concatenate([labels + side * len(names) for side in range(sides)])), len(names)

    def _against(self, metric: Metric, n: int) -> Sequence[Features]:
        return self.reference[:n] if metric.equal_n else self.reference

    def _score(self, functional: Functional, *, n: int, info: MetricInfo, keys: Sequence[str] = ()) -> Score:
        value = value_of(functional, n)
        units, count = self._units(functional, keys) if keys else (functional, n)
        rng = np.random.default_rng([self.seed, count])  # one count, one set of halves: systems are resampled alike
        halves = half_samples(count, rng=rng, resamples=self.resamples)
        low, high = interval(value, units(halves), n=count)
        low = low if info.at_least is None else max(low, info.at_least)
        values = functional.per_clip
        per_clip = None if values is None else tuple(float(v) if math.isfinite(v) else None for v in values)
        return Score(info.name, value, low, high, n, info.unit, info.better, per_clip)


def _listen(
    systems: Mapping[str, Sequence[Clip]],
    reference: Sequence[Clip],
    *,
    seed: int,
    resamples: int,
    progress: Progress | None,
    notes: list[str],
) -> _Heard:
    """Listen to the systems, then to as much of the reference as their number and length ask for."""
    fewest = min(map(len, systems.values()))
    listen = Listener(total=sum(map(len, systems.values())) + min(len(reference), 2 * fewest), progress=progress)
    heard = {
        name: dict(zip([clip.key for clip in clips], listen(clips), strict=True)) for name, clips in systems.items()
    }
    for name, features in heard.items():
        _check_silence(name, features.values(), notes=notes)
    longest = max(features.seconds for clips in heard.values() for features in clips.values())
    reference = _undisputed(systems, reference, least=fewest, notes=notes)
    pool = reference_pool(reference, duration_s=longest, count=2 * fewest, seed=seed)
    if len(pool.clips) < MIN_CLIPS:
        raise UserError(
            f"The reference has {len(pool.clips)} clips of {longest:g} s; {MIN_CLIPS} is the least that gives a "
            "distance, so name a larger dataset or split."
        )
    n = min(fewest, len(pool.clips))
    if pool.cut:
        notes.append(f"Reference clips were cut to {longest:g} s, the length of the longest clip judged.")
    if any(len(clips) > n for clips in systems.values()):
        notes.append(f"Distances use {n} clips on each side, the same prompts for every system.")
    order = {name: [clip.key for clip in shuffled(clips, seed=seed)] for name, clips in systems.items()}
    groups = {clip.key: clip.group for clips in systems.values() for clip in clips if clip.group}
    _note_groups(groups, notes=notes)
    return _Heard(heard, order, groups, pool, listen(pool.clips), n, seed, resamples)


def _note_groups(groups: Mapping[str, str], *, notes: list[str]) -> None:
    prompts, count = len(groups), len(set(groups.values()))
    if MIN_CLIPS <= count < prompts:
        notes.append(f"The {prompts} prompts come from {count} tracks; intervals and paired tests draw whole tracks.")
    elif count < prompts:
        notes.append(
            f"The {prompts} prompts come from only {count} tracks, too few to be drawn: intervals and tests draw "
            "prompts, and speak of these tracks alone, not of other music."
        )


def _undisputed(
    systems: Mapping[str, Sequence[Clip]], reference: Sequence[Clip], *, least: int, notes: list[str]
) -> Sequence[Clip]:
    """The reference without the files that are judged, if at least `least` others remain."""
    judged = [clip for clips in systems.values() for clip in clips]
    others = without(reference, judged)
    if len(others) == len(reference):
        return reference
    if len(others) >= max(least, MIN_CLIPS):
        notes.append(f"{len(reference) - len(others)} files that are judged were taken out of the reference.")
        return others
    notes.append(
        f"{len(reference) - len(others)} files are both judged and in the reference, which has too few others: the "
        "distances of the system they belong to are too low."
    )
    return reference


def _check(systems: Mapping[str, Sequence[Clip]], reference: Sequence[Clip], pairs: Sequence[tuple[str, str]]) -> None:
    if not systems:
        raise UserError("There is no system to evaluate; name a folder of generated clips.")
    for name, clips in systems.items():
        if len(clips) < MIN_CLIPS:
            raise UserError(
                f"{name} has {len(clips)} clips; {MIN_CLIPS} is the least that gives an interval, so generate more."
            )
    if not reference:
        raise UserError("The reference has no clips; name another dataset or split.")
    for name in {name for pair in pairs for name in pair} - set(systems):
        raise UserError(f"Cannot compare {name!r}; the systems are {', '.join(systems)}.")


def _check_silence(system: str, heard: Iterable[Features], *, notes: list[str]) -> None:
    silent = [features.silent for features in heard]
    if all(silent):
        raise UserError(f"Every clip of {system} is silent, so there is nothing to evaluate; generate it again.")
    if any(silent):
        notes.append(f"{sum(silent)} of the {len(silent)} clips of {system} are silent; they are judged like the rest.")


def _unique_keys(clips: Sequence[Clip]) -> list[Clip]:
    """Several clips of one prompt become prompt, prompt#2, ...; the same in every system, so they pair up."""
    seen: Counter[str] = Counter()
    unique = []
    for clip in clips:
        seen[clip.key] += 1
        unique.append(clip if seen[clip.key] == 1 else replace(clip, id=f"{clip.key}#{seen[clip.key]}"))
    return unique


def _shared(scores: Mapping[str, Mapping[str, Score]], first: str, second: str) -> list[Metric]:
    return [metric for metric in METRICS if metric.info.name in scores[first] and metric.info.name in scores[second]]


def _corrected(differences: Sequence[Difference], metrics: Sequence[Metric]) -> list[Difference]:
    """With Holm's correction within the metrics that judge, and within those that describe."""
    judging = {metric.info.name: metric.info.better != "neither" for metric in metrics}
    adjusted: dict[str, float] = {}
    for kind in (True, False):
        adjusted |= holm({each.metric: each.p for each in differences if judging[each.metric] is kind})
    return [replace(each, p_holm=adjusted[each.metric]) for each in differences]
