"""How well systems follow chords, beats and melodies given to them in time (paper 4.3, Table 3).

Two rows frame the systems. `ground truth` is the reference audio itself against the exact truth, and so measures the
accuracy of the extractors (against its own labels it would score 1). `another clip` is the audio of each reference
against the target of another one: the score of a system that follows nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.confidence import Confidence
from counterpoint.config import UserError
from counterpoint.config.device import find_device
from counterpoint.metrics.adherence_features import ClipAnalysis, analyze_clip
from counterpoint.metrics.adherence_registry import Measure, measures
from counterpoint.metrics.analyzer import ClipAnalyzer, Progress
from counterpoint.metrics.base import Clip
from counterpoint.metrics.result import ANOTHER_CLIP, GROUND_TRUTH, Evaluation
from counterpoint.metrics.scoring import Scorer, Values, mean_differences, mean_scores
from counterpoint.metrics.statistics import MIN_CLIPS, RESAMPLES
from counterpoint.metrics.systems import JudgedSystems, check_silence, groups_of, runs_note


@dataclass(frozen=True)
class Target:
    """The controls that a clip should follow, as far as they are known.

    Attributes:
        exact: chords, notes and beats; an empty part is unknown.
        reference: real music that follows them, whose labels are extracted.
    """

    exact: Annotation | None = None
    reference: Clip | None = None


def evaluate_adherence(
    systems: Mapping[str, Sequence[Clip]],
    *,
    targets: Mapping[str, Target],
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
    device: str = "auto",
    progress: Progress | None = None,
) -> Evaluation:
    """Judge how well each system's clips follow their targets.

    A clip and its target are compared over the length of the shorter one. Silence counts as no chord, no beats and no
    pitch class.

    Args:
        systems: clips by system name.
        targets: by `Clip.key`; several clips of one prompt share theirs.
        pairs: (first, second) systems to test for a difference.
        seed: seed of every resampling and of the order of `another clip`.
        resamples: number of draws for each interval and each p-value.
        device: the device of beat_this, as for `find_device`.
        progress: called with (clips analysed, total clips).

    Raises:
        UserError: a system has fewer than 8 clips or only silent ones, a pair names no system, a clip has no target, or
            a file cannot be read.
    """
    analyzed = analyze_systems(systems, targets=targets, pairs=pairs, device=device, progress=progress)
    return judge_adherence(analyzed, pairs=pairs, seed=seed, resamples=resamples)


@dataclass(frozen=True)
class AnalyzedSystems:
    """The analysed clips of all systems.

    Attributes:
        systems: by system name and seed of the training run, the analysis of each clip by its key; several clips of a
            prompt are prompt, prompt#2, ...
        prompts: the prompt of each key of `systems`.
        references: the analysis of the reference audio, by prompt.
        exact: the exact annotation, by prompt.
        groups: the group of each key that has one.
        notes: remarks that a reader of the scores must know.
    """

    systems: Mapping[str, Mapping[str, Mapping[str, ClipAnalysis]]]
    prompts: Mapping[str, str]
    references: Mapping[str, ClipAnalysis]
    exact: Mapping[str, ClipAnalysis]
    groups: Mapping[str, str]
    notes: tuple[str, ...]

    def values(self, answers: Mapping[str, ClipAnalysis]) -> Values:
        """Every measure of each of `answers`, by key."""
        truths = {"pseudo": self.references, "exact": self.exact}
        return {
            measure.info.name: {
                key: _value(measure, truths[measure.truth].get(self.prompts[key]), analyzed)
                for key, analyzed in answers.items()
            }
            for measure in measures()
        }


def analyze_systems(
    systems: Mapping[str, Sequence[Clip]],
    *,
    targets: Mapping[str, Target],
    pairs: Sequence[tuple[str, str]] = (),
    device: str = "auto",
    progress: Progress | None = None,
) -> AnalyzedSystems:
    """Analyse the systems' clips and the references of their prompts; see `evaluate_adherence`."""
    judged = JudgedSystems.of(systems, pairs)
    prompts = judged.prompts
    for prompt in prompts.values():
        if prompt not in targets:
            some = ", ".join(list(targets)[:3]) or "none"
            raise UserError(
                f"There is no target for the clip {prompt!r}; name the clip after one of the targets: {some}, ..."
            )
    wanted = {prompt: targets[prompt] for prompt in dict.fromkeys(prompts.values())}
    references = {prompt: target.reference for prompt, target in wanted.items() if target.reference is not None}
    notes = runs_note(judged)
    analyze = partial(analyze_clip, device=find_device(device))
    analyze_clips = ClipAnalyzer(analyze, total=len(references) + judged.count, progress=progress)
    with threadpool_limits(1, user_api="blas"):  # one core per clip
        real = dict(zip(references, analyze_clips(list(references.values())), strict=True))
        analyzed = {
            name: {seed: analyze_clips.by_key(clips) for seed, clips in runs.items()}
            for name, runs in judged.runs.items()
        }
    for name, runs in analyzed.items():
        check_silence(name, [analysis.silent for of_run in runs.values() for analysis in of_run.values()], notes=notes)
    notes += _low_confidence(list(real.values()))
    return AnalyzedSystems(
        systems=analyzed,
        prompts=prompts,
        references=real,
        exact={
            prompt: ClipAnalysis.of_exact(target.exact) for prompt, target in wanted.items() if target.exact is not None
        },
        groups=groups_of(judged, notes=notes),
        notes=tuple(notes),
    )


def _low_confidence(references: Sequence[ClipAnalysis]) -> list[str]:
    """A note on pseudo-labels of low confidence, if there are any."""
    mean = Confidence.mean((1.0, analysis.confidence) for analysis in references)
    return [
        f"The mean confidence of the {name} detected in the references is low ({mean.known()[name]:.2f}): agreement "
        f"with the detected {name} means less than agreement with the exact ones."
        for name in mean.low
    ]


def judge_adherence(
    analyzed: AnalyzedSystems, *, pairs: Sequence[tuple[str, str]] = (), seed: int = 0, resamples: int = RESAMPLES
) -> Evaluation:
    """Score clips that have been analysed; see `evaluate_adherence`."""
    notes = list(analyzed.notes)
    infos = tuple(measure.info for measure in measures())
    scorer = Scorer(analyzed.groups, seed=seed, resamples=resamples, pairs=len(pairs), infos=infos)
    values = {
        name: {run: analyzed.values(answers) for run, answers in runs.items()}
        for name, runs in analyzed.systems.items()
    }
    floors = {
        GROUND_TRUTH: replace(analyzed, references={}).values(analyzed.references),
        ANOTHER_CLIP: analyzed.values(another_clip(analyzed, seed=seed)),
    }
    scores = {name: mean_scores(of_system, infos=infos, scorer=scorer) for name, of_system in values.items()}
    for info in infos:
        if not any(info.name in of_system for of_system in scores.values()):
            notes.append(f"{info.name} is left out: fewer than {MIN_CLIPS} clips have a target for it.")
    return Evaluation(
        n=min(len(answers) for runs in analyzed.systems.values() for answers in runs.values()),
        seed=seed,
        metrics=infos,
        scores=scores,
        floors={row: mean_scores({"": of_row}, infos=infos, scorer=scorer) for row, of_row in floors.items()},
        differences=mean_differences(pairs, systems=values, infos=infos, scorer=scorer, notes=notes),
        ids={name: tuple(next(iter(runs.values()))) for name, runs in analyzed.systems.items()},
        notes=tuple(dict.fromkeys(notes)),
    )


def another_clip(analyzed: AnalyzedSystems, *, seed: int) -> dict[str, ClipAnalysis]:
    """For each prompt the reference audio of another one, from another track unless one track has most of them."""
    tracks = {prompt: analyzed.groups.get(prompt, prompt) for prompt in analyzed.references}
    names = sorted(set(tracks.values()))
    place = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
    order = sorted(tracks, key=lambda prompt: (place[tracks[prompt]], prompt))
    largest = max(Counter(tracks.values()).values(), default=1)
    shift = largest if 2 * largest <= len(order) else 1
    return {prompt: analyzed.references[order[(at + shift) % len(order)]] for at, prompt in enumerate(order)}


def _value(measure: Measure, truth: ClipAnalysis | None, analyzed: ClipAnalysis) -> float:
    if truth is None:
        return np.nan
    shorter = min(truth.annotation.duration_s, analyzed.annotation.duration_s)
    return measure.compare(truth.first(shorter), analyzed.first(shorter))
