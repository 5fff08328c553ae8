"""Every metric of every system, with intervals, floors and tests between systems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.config import UserError
from counterpoint.config.base import check_seed
from counterpoint.config.device import find_device
from counterpoint.config.workers import Workers
from counterpoint.metrics import features
from counterpoint.metrics.ahead import analyze_ahead
from counterpoint.metrics.analyzer import ClipAnalyzer, Progress
from counterpoint.metrics.base import Clip, Difference, Features, Functional, Metric, NotApplicableError, Score
from counterpoint.metrics.reference import ReferencePool, reference_pool, shuffled, without
from counterpoint.metrics.registry import absent, judges, metrics
from counterpoint.metrics.result import GROUND_TRUTH, Evaluation
from counterpoint.metrics.scoring import Scorer, common_prompts, corrected
from counterpoint.metrics.statistics import MIN_CLIPS, RESAMPLES, pair_runs
from counterpoint.metrics.systems import JudgedSystems, check_silence, groups_of, runs_note, same_prompts


def evaluate(
    systems: Mapping[str, Sequence[Clip]],
    *,
    reference: Sequence[Clip],
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
    device: str = "auto",
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge each system's clips against a reference.

    Distances are between equally many clips on both sides: as many as the smallest system has, or the reference.
    Reference clips longer than the systems' are cut to their length; where the reference has few but long tracks,
    several windows of each are taken. A file that is judged is taken out of the reference as long as enough others
    remain.

    Holm's correction covers all pairs and all metrics of the table for which a direction is better, and separately the
    metrics that only describe.

    Args:
        systems: clips by system name. Clips of two systems with one id answer the same prompt; without ids, clips with
            one caption do; see `same_prompts`. A system may hold clips of several training runs, which differ in
            `Clip.seed`: see `statistics`.
        reference: real music, preferably not the prompts' own clips.
        pairs: (first, second) systems to test for a difference.
        seed: seed of every resampling and selection.
        resamples: number of draws for each interval and each p-value.
        device: the device of the judges, as for `find_device`.
        workers: processes that analyse clips in advance; by default this process alone, on all its cores.
        progress: called with (clips analysed, total clips).

    Raises:
        UserError: a side has fewer than 8 clips, a pair names no system, a file cannot be read, a system has only
            silent clips, MusiCNN is not installed, or there is no such device.
    """
    check_seed(seed)
    if not reference:
        raise UserError("The reference has no clips; name another dataset or split.")
    notes: list[str] = []
    judged = JudgedSystems.of(same_prompts(systems, notes=notes), pairs)
    where = find_device(device)
    analyze = partial(features.features_of, judges=judges(), device=where)
    # Thousands of small matrices: threads would wait for each other longer than they work, 20 times on busy cores.
    with threadpool_limits(1, user_api="blas"):
        analyzed = _listen(
            judged,
            reference,
            analyze=analyze,
            pairs=len(pairs),
            seed=seed,
            resamples=resamples,
            ahead=partial(analyze_ahead, workers=workers or Workers(), device=where),
            progress=progress,
            notes=notes,
        )
        scores = analyzed.scores(notes=notes)
        floors = {GROUND_TRUTH: analyzed.ground_truth(notes=notes)}
        differences = [
            difference
            for first, second in pairs
            for difference in analyzed.compare(
                first, second, metrics=analyzed.shared(scores, first, second), notes=notes
            )
        ]
    infos = tuple(metric.info for metric in analyzed.metrics)
    return Evaluation(
        n=analyzed.n,
        seed=seed,
        metrics=infos,
        scores=scores,
        floors=floors,
        differences=corrected(differences, infos),
        ids=judged.ids,
        notes=tuple(dict.fromkeys([*notes, *absent()])),
        absent=tuple(absent()),
    )


@dataclass(frozen=True)
class _Analyzed:
    """The features of all systems and of the reference.

    Attributes:
        systems: by system name and seed of the training run, the features of each clip by its key, in the order given.
        order: by system name, the keys in an order that systems with the same prompts share; distances take the
            first n.
        reference: features of the windows in `pool`.
        n: number of clips on each side of a distance.
        scorer: computes intervals and tests.
        metrics: the metrics to compute.
    """

    systems: Mapping[str, Mapping[str, Mapping[str, Features]]]
    order: Mapping[str, Sequence[str]]
    pool: ReferencePool
    reference: Sequence[Features]
    n: int
    scorer: Scorer
    metrics: Sequence[Metric]

    def scores(self, *, notes: list[str]) -> dict[str, dict[str, Score]]:
        """Every metric that applies to each system."""
        scores: dict[str, dict[str, Score]] = {name: {} for name in self.systems}
        left_out: dict[tuple[str, str], list[str]] = defaultdict(list)
        for name, runs in self.systems.items():
            for metric in self.metrics:
                keys = self.order[name][: self.n] if metric.equal_n else list(next(iter(runs.values())))
                clips = [[own[key] for key in keys] for own in runs.values()]
                try:
                    functionals = [self._prepared(metric, of_run, n=self.n) for of_run in clips]
                except NotApplicableError as reason:
                    left_out[metric.info.name, str(reason)].append(name)
                    continue
                scores[name][metric.info.name] = self.scorer.score(
                    functionals, n=len(keys), info=metric.info, keys=keys
                )
        for (metric_name, reason), names in left_out.items():
            whom = "every system" if len(names) == len(self.systems) > 1 else ", ".join(names)
            notes.append(f"{metric_name} is left out for {whom}: {reason}.")
        return scores

    def ground_truth(self, *, notes: list[str]) -> dict[str, Score]:
        """The scores of real music: distances between two halves of the reference, other metrics of all of it."""
        first, second = ([self.reference[i] for i in half] for half in self.pool.halves)
        size = min(len(first), len(second), self.n)
        if size < MIN_CLIPS:
            notes.append(
                f"The reference is too small to be halved ({2 * MIN_CLIPS} tracks), so distances have no floor."
            )
        elif size < self.n:
            notes.append(
                f"The {GROUND_TRUTH} floor of the distances has {size} clips a side where the systems have {self.n}, "
                f"so the floor of a biased distance is too high; use a reference of {2 * self.n} clips."
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
            scores[metric.info.name] = self.scorer.score([functional], n=len(clips), info=metric.info)
        return scores

    def compare(self, first: str, second: str, *, metrics: Sequence[Metric], notes: list[str]) -> list[Difference]:
        """Each metric's difference between two systems, prompt by prompt if they answered the same prompts."""
        sides = [list(self.systems[name].values()) for name in (first, second)]
        runs = pair_runs(list(self.systems[first]), list(self.systems[second]))
        orders, paired = common_prompts((first, second), (self.order[first], self.order[second]), notes=notes)
        differences = []
        for metric in metrics:
            size = min(self.n, *map(len, orders))
            left, right = (order[:size] if metric.equal_n else order for order in orders)
            clips = [[*(sides[0][a][key] for key in left), *(sides[1][b][key] for key in right)] for a, b in runs.turns]
            try:
                functionals = [self._prepared(metric, of_turn, n=size, split=len(left)) for of_turn in clips]
            except NotApplicableError as reason:
                notes.append(f"{first} and {second} are not compared in {metric.info.name}: {reason}.")
                continue
            differences.append(
                self.scorer.difference(
                    functionals, pair=(first, second), keys=(left, right), info=metric.info, paired=paired, runs=runs
                )
            )
        return differences

    def shared(self, scores: Mapping[str, Mapping[str, Score]], first: str, second: str) -> list[Metric]:
        """The metrics that both systems have; an extrapolated value has no test, but the distance at equal n has
        one."""
        both = scores[first].keys() & scores[second].keys()
        return [
            metric
            for metric in self.metrics
            if metric.info.name in both and scores[first][metric.info.name].fit is None
        ]

    def _prepared(self, metric: Metric, clips: Sequence[Features], *, n: int, split: int | None = None) -> Functional:
        """The statistic of the clips of one run, or of two, the second of which starts at `split`.

        Raises:
            NotApplicableError: see `Metric.prepare`; or too few clips of a run have a value.
        """
        functional = metric.prepare(clips, reference=self._against(metric, n))
        if functional.per_clip is not None:
            sides = np.split(np.isfinite(functional.per_clip), [] if split is None else [split])
            known = min(int(side.sum()) for side in sides)
            if known < MIN_CLIPS:
                raise NotApplicableError(f"only {known} of its clips have a value, and at least {MIN_CLIPS} are needed")
        return functional

    def _against(self, metric: Metric, n: int) -> Sequence[Features]:
        return self.reference[:n] if metric.equal_n else self.reference


def _listen(
    judged: JudgedSystems,
    reference: Sequence[Clip],
    *,
    analyze: Callable[[Clip], Features],
    pairs: int,
    seed: int,
    resamples: int,
    ahead: Callable[[Iterable[Clip]], None],
    progress: Progress | None,
    notes: list[str],
) -> _Analyzed:
    """Analyse the systems, then as much of the reference as their number and length need."""
    fewest = judged.n
    total = judged.count + min(len(reference), 2 * fewest)
    analyze_clips = ClipAnalyzer(analyze, total=total, progress=progress)
    ahead(clip for runs in judged.runs.values() for clips in runs.values() for clip in clips)
    analyzed = {
        name: {run: _captioned(clips, analyze_clips) for run, clips in runs.items()}
        for name, runs in judged.runs.items()
    }
    flat = {name: [clip for own in runs.values() for clip in own.values()] for name, runs in analyzed.items()}
    for name, clips in flat.items():
        check_silence(name, [clip.silent for clip in clips], notes=notes)
    notes += runs_note(judged) + _length_notes(flat)
    longest = max(clip.seconds for clips in flat.values() for clip in clips)
    reference = _undisputed(judged, reference, least=fewest, notes=notes)
    pool = reference_pool(reference, duration_s=longest, count=2 * fewest, seed=seed)
    if len(pool.clips) < MIN_CLIPS:
        raise UserError(
            f"The reference has {len(pool.clips)} clips of {longest:g} s; a distance needs "
            f"at least {MIN_CLIPS}, so name a larger dataset or split."
        )
    n = min(fewest, len(pool.clips))
    if pool.cut:
        notes.append(f"Reference clips were cut to {longest:g} s, the length of the longest clip judged.")
    keys = judged.ids
    if any(len(of_system) > n for of_system in keys.values()):
        notes.append(f"Distances use {n} clips on each side, the same prompts for every system.")
    order = {
        name: [clip.key for clip in shuffled(next(iter(runs.values())), seed=seed)]
        for name, runs in judged.runs.items()
    }
    ahead(pool.clips)
    real = analyze_clips(pool.clips)
    notes += _rank_notes(real[:n])
    table = metrics()
    infos = [metric.info for metric in table]
    scorer = Scorer(groups_of(judged, notes=notes), seed=seed, resamples=resamples, pairs=pairs, infos=infos)
    return _Analyzed(analyzed, order, pool, real, n, scorer, table)


def _captioned(clips: Sequence[Clip], analyze_clips: ClipAnalyzer[Features]) -> dict[str, Features]:
    """Features by key, with each clip's own caption, since several clips may share one stretch of a file."""
    analyzed = analyze_clips.by_key(clips)
    return {clip.key: replace(analyzed[clip.key], caption=clip.caption) for clip in clips}


def _length_notes(systems: Mapping[str, Sequence[Features]]) -> list[str]:
    """A note on clips that differ in length."""
    lengths = {name: sorted(clip.seconds for clip in clips) for name, clips in systems.items()}
    if max(each[-1] for each in lengths.values()) <= 1.05 * min(each[0] for each in lengths.values()):
        return []
    said = [f"{name} {_span(*each[:: len(each) - 1])} s" for name, each in lengths.items()]
    return [
        f"Clips differ in length ({', '.join(said)}): a long clip has more weight than a short one in a Frechet "
        "distance, and equal weight in every other metric."
    ]


def _span(low: float, high: float) -> str:
    return f"{low:.3g}" if f"{low:.3g}" == f"{high:.3g}" else f"{low:.3g} to {high:.3g}"


def _rank_notes(reference: Sequence[Features]) -> list[str]:
    """A note on the effect of few clips on a Frechet distance."""
    notes = []
    for judge, analyzed in reference[0].outputs.items():
        if "embeddings" not in analyzed:
            continue
        patches, channels = (
            sum(len(clip.outputs[judge]["embeddings"]) for clip in reference),
            analyzed["embeddings"].shape[1],
        )
        if patches <= channels:
            notes.append(
                f"{len(reference)} clips give {patches} embeddings of {judge}, which has {channels} dimensions: their "
                f"covariance has at most rank {patches - 1}, so Frechet distances are far higher than with more clips; "
                "compare them only at this n, together with their floor and the kernel distance, which is unbiased."
            )
    return notes


def _undisputed(judged: JudgedSystems, reference: Sequence[Clip], *, least: int, notes: list[str]) -> Sequence[Clip]:
    """The reference without the files that are judged, if at least `least` others remain."""
    clips = [clip for runs in judged.runs.values() for of_run in runs.values() for clip in of_run]
    others = without(reference, clips)
    if len(others) == len(reference):
        return reference
    if len(others) >= max(least, MIN_CLIPS):
        notes.append(f"{len(reference) - len(others)} files that are judged were taken out of the reference.")
        return others
    notes.append(
        f"{len(reference) - len(others)} judged files are also in the reference, which has too few others: the "
        "distances of their system are too low."
    )
    return reference
