"""Every metric of every system, with intervals, floors and tests between systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from threadpoolctl import threadpool_limits

from counterpoint.config import UserError
from counterpoint.metrics import features
from counterpoint.metrics.base import Clip, Difference, Features, Metric, NotApplicableError, Score
from counterpoint.metrics.listener import Listener, Progress
from counterpoint.metrics.reference import ReferencePool, reference_pool, shuffled, without
from counterpoint.metrics.registry import judges, metrics
from counterpoint.metrics.result import GROUND_TRUTH, Evaluation
from counterpoint.metrics.scoring import (
    Scorer,
    check_silence,
    check_systems,
    common_prompts,
    corrected,
    groups_of,
    unique_keys,
)
from counterpoint.metrics.statistics import MIN_CLIPS, RESAMPLES


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
    check_systems(systems, pairs)
    if not reference:
        raise UserError("The reference has no clips; name another dataset or split.")
    notes: list[str] = []
    systems = {name: unique_keys(clips) for name, clips in systems.items()}
    # Thousands of small matrices: threads would wait for each other longer than they work, 20 times on busy cores.
    with threadpool_limits(1, user_api="blas"):
        heard = _listen(systems, reference, seed=seed, resamples=resamples, progress=progress, notes=notes)
        scores = {name: heard.scores_of(name, notes=notes) for name in systems}
        floors = {GROUND_TRUTH: heard.ground_truth(notes=notes)}
        differences = [
            difference
            for first, second in pairs
            for difference in heard.compare(first, second, metrics=heard.shared(scores, first, second), notes=notes)
        ]
    return Evaluation(
        n=heard.n,
        seed=seed,
        metrics=tuple(metric.info for metric in heard.metrics),
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
        reference: of the windows in `pool`.
        n: clips on each side of a distance.
        scorer: gives scores their intervals and pairs their tests.
        metrics: to compute.
    """

    systems: Mapping[str, Mapping[str, Features]]
    order: Mapping[str, Sequence[str]]
    pool: ReferencePool
    reference: Sequence[Features]
    n: int
    scorer: Scorer
    metrics: Sequence[Metric]

    def scores_of(self, system: str, *, notes: list[str]) -> dict[str, Score]:
        """Every metric that applies to a system."""
        own = self.systems[system]
        scores = {}
        for metric in self.metrics:
            keys = self.order[system][: self.n] if metric.equal_n else list(own)
            try:
                functional = metric.prepare([own[key] for key in keys], reference=self._against(metric, self.n))
            except NotApplicableError as reason:
                notes.append(f"{metric.info.name} is left out for {system}: {reason}.")
                continue
            scores[metric.info.name] = self.scorer.score(functional, n=len(keys), info=metric.info, keys=keys)
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
        for metric in self.metrics:
            clips = first[:size] if metric.equal_n else self.reference
            against = second[:size] if metric.equal_n else self.reference
            if len(clips) < MIN_CLIPS:
                continue
            try:
                functional = metric.prepare(clips, reference=against)
            except NotApplicableError:
                continue
            scores[metric.info.name] = self.scorer.score(functional, n=len(clips), info=metric.info)
        return scores

    def compare(self, first: str, second: str, *, metrics: Sequence[Metric], notes: list[str]) -> list[Difference]:
        """Each metric's difference between two systems, prompt by prompt where they answered the same ones."""
        orders, paired = common_prompts((first, second), (self.order[first], self.order[second]), notes=notes)
        differences = []
        for metric in metrics:
            size = min(self.n, *map(len, orders))
            left, right = (order[:size] if metric.equal_n else order for order in orders)
            clips = [*(self.systems[first][key] for key in left), *(self.systems[second][key] for key in right)]
            functional = metric.prepare(clips, reference=self._against(metric, size))
            differences.append(
                self.scorer.difference(
                    functional, pair=(first, second), keys=(left, right), info=metric.info, paired=paired
                )
            )
        return corrected(differences, [metric.info for metric in metrics])

    def shared(self, scores: Mapping[str, Mapping[str, Score]], first: str, second: str) -> list[Metric]:
        """The metrics that both systems have."""
        return [metric for metric in self.metrics if metric.info.name in scores[first].keys() & scores[second].keys()]

    def _against(self, metric: Metric, n: int) -> Sequence[Features]:
        return self.reference[:n] if metric.equal_n else self.reference


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
    total = sum(map(len, systems.values())) + min(len(reference), 2 * fewest)
    listen = Listener(partial(features.features_of, judges=judges()), total=total, progress=progress)
    heard = {
        name: {clip.key: replace(found, caption=clip.caption) for clip, found in zip(clips, listen(clips), strict=True)}
        for name, clips in systems.items()
    }
    for name, found in heard.items():
        check_silence(name, [clip.silent for clip in found.values()], notes=notes)
    longest = max(clip.seconds for found in heard.values() for clip in found.values())
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
    scorer = Scorer(groups_of(systems, notes=notes), seed=seed, resamples=resamples)
    return _Heard(heard, order, pool, listen(pool.clips), n, scorer, metrics())


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
