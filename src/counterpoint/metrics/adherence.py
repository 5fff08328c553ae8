"""How well systems follow chords, beats and melodies given to them in time (paper 4.3, Table 3).

Every measure comes in two versions. Against pseudo-labels, the paper's way: what our extractors hear in the clip and in
the reference audio. Against exact truth, as the embedded corpus knows it, the name ends in `_exact`: a perfect clip
then scores what the extractor is worth, which the `ground truth` row tells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.analysis import chordino
from counterpoint.analysis.annotation import Annotation
from counterpoint.config import UserError
from counterpoint.metrics.adherence_hearing import Hearing, beat_this_is_given, hear_clip
from counterpoint.metrics.adherence_measures import (
    beat_f1,
    chord_classes,
    chord_iou,
    chord_iou_macro,
    chord_majmin,
    pitch_class_agreement,
    triads,
)
from counterpoint.metrics.base import Clip, Difference, MetricInfo, Score, WeightedMean
from counterpoint.metrics.listener import Listener, Progress
from counterpoint.metrics.result import ANOTHER_CLIP, GROUND_TRUTH, Evaluation
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


@dataclass(frozen=True)
class Target:
    """What a clip was asked to follow; whichever is known.

    Attributes:
        exact: what is played when; a part that is empty is not known.
        reference: real music that plays it, whose labels are extracted.
    """

    exact: Annotation | None = None
    reference: Clip | None = None


@dataclass(frozen=True)
class Measure:
    """One measure against one kind of truth.

    Attributes:
        of: (truth, heard), both of one length, to the value of a clip; NaN where the truth says nothing.
    """

    info: MetricInfo
    truth: Literal["pseudo", "exact"]
    of: Callable[[Hearing, Hearing], float]


def _both(name: str, description: str, of: Callable[[Hearing, Hearing], float]) -> tuple[Measure, Measure]:
    return (
        _measure(name, f"{description}, with what is heard in the reference", "pseudo", of),
        _measure(f"{name}_exact", f"{description}, with what is truly played", "exact", of),
    )


def _measure(
    name: str,
    description: str,
    truth: Literal["pseudo", "exact"],
    of: Callable[[Hearing, Hearing], float],
    chance: float | None = None,
) -> Measure:
    info = MetricInfo(name, description, "", better="higher", at_least=0.0, at_most=1.0, chance=chance)
    return Measure(info, truth, of)


Values = Mapping[str, Mapping[str, float]]
"""By measure, a value by clip key; NaN where the truth says nothing."""

MEASURES: tuple[Measure, ...] = (
    *_both(
        "chord_iou_viterbi25",
        "agreement of chords: micro intersection over union m / (2T - m), m of T frames of 20 ms having the same triad",
        lambda truth, heard: chord_iou(triads(truth.annotation), triads(heard.annotation)),
    ),
    *_both(
        "chord_iou_macro_viterbi25",
        "agreement of chords: intersection over union of the frames of a triad, mean over the triads in either",
        lambda truth, heard: chord_iou_macro(triads(truth.annotation), triads(heard.annotation)),
    ),
    *_both(
        "chord_majmin_viterbi25",
        "agreement of chords: mir_eval's accuracy over major and minor chords and no chord",
        lambda truth, heard: chord_majmin(truth.annotation, heard.annotation),
    ),
    *_both(
        "downbeat_f1_librosa",
        "agreement of downbeats: F1 within 50 ms",
        lambda truth, heard: beat_f1(truth.annotation.downbeats_s, heard.annotation.downbeats_s),
    ),
    *_both(
        "beat_f1_librosa",
        "agreement of all beats: F1 within 50 ms",
        lambda truth, heard: beat_f1(*([time for time, _ in each.annotation.beats] for each in (truth, heard))),
    ),
    _measure(
        "melody_similarity",
        "share of chroma frames (0.512 s every 0.128 s) whose strongest pitch class is the reference's, as in MusicGen",
        "pseudo",
        lambda truth, heard: pitch_class_agreement(truth.pitch_classes, heard.pitch_classes),
        chance=0.09,
    ),
    _measure(
        "melody_pitch_class_exact",
        "share of such frames whose strongest pitch class is the melody note's, where one is truly played",
        "exact",
        lambda truth, heard: pitch_class_agreement(truth.pitch_classes, heard.pitch_classes),
    ),
)


_CHORDINO = _both(
    "chord_iou_chordino",
    "agreement of chords as Chordino hears them: micro intersection over union m / (2T - m), m of T frames of 20 ms "
    "having the same one of 193 labels",
    lambda truth, heard: chord_iou(chord_classes(truth.published), chord_classes(heard.published)),
)
_BEAT_THIS = _both(
    "downbeat_f1_beat_this",
    "agreement of downbeats as beat_this hears them: F1 within 50 ms",
    lambda truth, heard: beat_f1(truth.published.downbeats_s, heard.published.downbeats_s),
)


def measures() -> tuple[Measure, ...]:
    """Those that need no weights, and the paper's own where their extractors are there."""
    return MEASURES + _CHORDINO * chordino.is_installed() + _BEAT_THIS * beat_this_is_given()


def evaluate_adherence(
    systems: Mapping[str, Sequence[Clip]],
    *,
    targets: Mapping[str, Target],
    pairs: Sequence[tuple[str, str]] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge how well each system's clips follow their targets.

    A clip and its target are compared over the length of the shorter one. Two rows frame the systems: `ground truth`
    is the reference audio against exact truth (against its own labels it would score 1), `another clip` is each
    reference's audio against another one's target, what following nothing scores. Silence counts as no chord, no beats
    and no pitch class.

    Args:
        systems: clips by system name.
        targets: by `Clip.key`; several clips of one prompt share theirs.
        pairs: (first, second) systems to test for a difference.
        seed: of every resampling and of the order of `another clip`.
        resamples: draws behind each interval and each p-value.
        progress: called with (clips listened to, clips in all).

    Raises:
        UserError: fewer than 8 clips of a system, a pair that names no system, a clip without a target, a file that
            cannot be read, or a system of nothing but silence.
    """
    check_systems(systems, pairs)
    heard = hear_systems(systems, targets=targets, progress=progress)
    return judge_adherence(heard, pairs=pairs, seed=seed, resamples=resamples)


@dataclass(frozen=True)
class HeardSystems:
    """Everybody's hearings.

    Attributes:
        systems: by system name, each clip's by its key; several clips of a prompt are prompt, prompt#2, ...
        prompts: the prompt of each key of `systems`.
        references: of the reference audio, by prompt.
        exact: what is truly played, by prompt.
        groups: the group of each key, where it has one.
        notes: what a reader of the scores must know.
    """

    systems: Mapping[str, Mapping[str, Hearing]]
    prompts: Mapping[str, str]
    references: Mapping[str, Hearing]
    exact: Mapping[str, Hearing]
    groups: Mapping[str, str]
    notes: tuple[str, ...]

    def values(self, answers: Mapping[str, Hearing]) -> Values:
        """Every measure of each of `answers`, which are by key."""
        truths = {"pseudo": self.references, "exact": self.exact}
        return {
            measure.info.name: {
                key: _value(measure, truths[measure.truth].get(self.prompts[key]), heard)
                for key, heard in answers.items()
            }
            for measure in measures()
        }


def hear_systems(
    systems: Mapping[str, Sequence[Clip]], *, targets: Mapping[str, Target], progress: Progress | None = None
) -> HeardSystems:
    """Listen to the systems and to the references of their prompts; see `evaluate_adherence`."""
    unique = {name: unique_keys(clips) for name, clips in systems.items()}
    prompts = {
        clip.key: original.key
        for name, clips in systems.items()
        for clip, original in zip(unique[name], clips, strict=True)
    }
    for prompt in prompts.values():
        if prompt not in targets:
            some = ", ".join(list(targets)[:3]) or "none"
            raise UserError(
                f"Nothing says what the clip {prompt!r} follows; name it after one of the targets: {some}, ..."
            )
    wanted = {prompt: targets[prompt] for prompt in dict.fromkeys(prompts.values())}
    references = {prompt: target.reference for prompt, target in wanted.items() if target.reference is not None}
    notes: list[str] = []
    listen = Listener(hear_clip, total=len(references) + sum(map(len, unique.values())), progress=progress)
    with threadpool_limits(1, user_api="blas"):  # a core works on a clip alone
        real = dict(zip(references, listen(list(references.values())), strict=True))
        heard = {
            name: dict(zip([clip.key for clip in clips], listen(clips), strict=True)) for name, clips in unique.items()
        }
    for name, of_system in heard.items():
        check_silence(name, [hearing.silent for hearing in of_system.values()], notes=notes)
    return HeardSystems(
        systems=heard,
        prompts=prompts,
        references=real,
        exact={prompt: Hearing.of_exact(target.exact) for prompt, target in wanted.items() if target.exact is not None},
        groups=groups_of(unique, notes=notes),
        notes=tuple(notes),
    )


def judge_adherence(
    heard: HeardSystems, *, pairs: Sequence[tuple[str, str]] = (), seed: int = 0, resamples: int = RESAMPLES
) -> Evaluation:
    """What `evaluate_adherence` says of clips that have been listened to."""
    notes = list(heard.notes)
    scorer = Scorer(heard.groups, seed=seed, resamples=resamples)
    values = {name: heard.values(answers) for name, answers in heard.systems.items()}
    floors = {
        GROUND_TRUTH: replace(heard, references={}).values(heard.references),
        ANOTHER_CLIP: heard.values(another_clip(heard, seed=seed)),
    }
    scores = {name: _scores(of_system, scorer=scorer) for name, of_system in values.items()}
    for measure in measures():
        if not any(measure.info.name in of_system for of_system in scores.values()):
            notes.append(f"{measure.info.name} is left out: fewer than {MIN_CLIPS} clips have a truth to compare with.")
    return Evaluation(
        n=min(map(len, heard.systems.values())),
        seed=seed,
        metrics=tuple(measure.info for measure in measures()),
        scores=scores,
        floors={row: _scores(of_row, scorer=scorer) for row, of_row in floors.items()},
        differences=tuple(
            difference
            for pair in pairs
            for difference in _compare(pair, sides=(values[pair[0]], values[pair[1]]), scorer=scorer, notes=notes)
        ),
        ids={name: tuple(answers) for name, answers in heard.systems.items()},
        notes=tuple(dict.fromkeys(notes)),
    )


def another_clip(heard: HeardSystems, *, seed: int) -> dict[str, Hearing]:
    """For each prompt the reference audio of another one, of another track unless one track has most of them."""
    tracks = {prompt: heard.groups.get(prompt, prompt) for prompt in heard.references}
    names = sorted(set(tracks.values()))
    place = dict(zip(names, np.random.default_rng(seed).permutation(len(names)), strict=True))
    order = sorted(tracks, key=lambda prompt: (place[tracks[prompt]], prompt))
    largest = max(Counter(tracks.values()).values(), default=1)
    shift = largest if 2 * largest <= len(order) else 1
    return {prompt: heard.references[order[(at + shift) % len(order)]] for at, prompt in enumerate(order)}


def _value(measure: Measure, truth: Hearing | None, heard: Hearing) -> float:
    if truth is None:
        return np.nan
    shorter = min(truth.annotation.duration_s, heard.annotation.duration_s)
    return measure.of(truth.first(shorter), heard.first(shorter))


def _scores(values: Values, *, scorer: Scorer) -> dict[str, Score]:
    """Of the measures that enough clips have, over those clips."""
    scores = {}
    for measure in measures():
        of_clip = values[measure.info.name]
        known = {key: value for key, value in of_clip.items() if np.isfinite(value)}
        if len(known) >= MIN_CLIPS:
            functional = WeightedMean(np.array([*known.values()]))
            score = scorer.score(functional, n=len(known), info=measure.info, keys=list(known))
            scores[score.name] = replace(score, per_clip=tuple(known.get(key) for key in of_clip))
    return scores


def _compare(
    pair: tuple[str, str], *, sides: tuple[Values, Values], scorer: Scorer, notes: list[str]
) -> list[Difference]:
    """Each measure's difference between two systems, over the prompts that have it on both sides."""
    differences = []
    for measure in measures():
        name = measure.info.name
        left, right = ([key for key, value in side[name].items() if np.isfinite(value)] for side in sides)
        if min(len(left), len(right)) < MIN_CLIPS:
            continue
        (left, right), paired = common_prompts(pair, (left, right), notes=notes)
        functional = WeightedMean(
            np.array([*(sides[0][name][key] for key in left), *(sides[1][name][key] for key in right)])
        )
        differences.append(
            scorer.difference(functional, pair=pair, keys=(left, right), info=measure.info, paired=paired)
        )
    return corrected(differences, [measure.info for measure in measures()])
