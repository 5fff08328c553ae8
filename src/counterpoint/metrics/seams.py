"""Measures of the seams of filled-in music, which the paper's metrics miss (paper 5.3, Tables 4 and 5).

Four measures compare the audio before and after each border of a span; none of them knows the true music. The value of
a clip is the mean over its borders that lie inside the audio: a span at the very start or end has one.

On 96 held-out clips of 5 s of the embedded corpus, with spans of 2.5 s inserted with crossfades of 10 ms, the means and
their 95% intervals are:

                               | flux               | loudness step, dB | beat phase         | chord             | score
-------------------------------|--------------------|-------------------|--------------------|-------------------|-------
the true music                 | 0.06 (-0.03, 0.15) | 3.6 (3.3, 3.9)    | 0.55 (0.48, 0.63)  | 0.67 (0.63, 0.71) | -1.5
through an EnCodec of 25 Hz    | 0.43 (0.35, 0.51)  | 5.9 (5.5, 6.2)    | 0.47 (0.40, 0.54)  | 0.64 (0.59, 0.68) | -3.2
half a beat late               | 0.51 (0.42, 0.60)  | 3.2 (2.9, 3.4)    | 0.38 (0.27, 0.49)  | 0.70 (0.65, 0.74) | -2.6
another clip through the codec | 0.75 (0.66, 0.85)  | 7.8 (7.4, 8.2)    | 0.02 (-0.02, 0.05) | 0.06 (0.01, 0.11) | -8.6
another clip                   | 0.86 (0.76, 0.97)  | 7.5 (7.1, 8.0)    | 0.00 (-0.04, 0.04) | 0.07 (0.02, 0.11) | -8.7
silence                        | 1.47 (1.37, 1.56)  | 27 (27, 28)       | 0                  | 0                 | -22

Shapes: N audio samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from counterpoint.audio import SILENCE_PEAK, load_audio, resample
from counterpoint.config import UserError
from counterpoint.metrics.analyzer import ClipAnalyzer, Progress
from counterpoint.metrics.base import Clip, MetricInfo
from counterpoint.metrics.result import Evaluation
from counterpoint.metrics.scoring import Scorer, mean_differences, mean_scores
from counterpoint.metrics.seam_measures import SAMPLE_RATE, Border, Sound, beat_phase, chord, flux, loudness_step
from counterpoint.metrics.statistics import RESAMPLES
from counterpoint.metrics.systems import JudgedSystems, check_silence, groups_of, runs_note

Span = tuple[float, float]
"""Start and stop in seconds."""
NEIGHBOURHOOD_S = 10.0
"""Seconds; audio farther from a border is not used."""
LEAST_S = 0.1
"""Least length in seconds of a span, and of the audio beside a span or between two that is compared with it."""


@dataclass(frozen=True)
class SeamMeasure:
    """One measure of a border.

    Attributes:
        usual: mean over clips of real music without a filled-in span.
        spread: standard deviation over the same clips.
    """

    info: MetricInfo
    of: Callable[[Sound, Border], float]
    usual: float
    spread: float


@dataclass(frozen=True)
class Seams:
    """How well filled-in spans join their context: means over the borders, NaN if undefined.

    Attributes:
        flux: change of the spectrum at the border against the change elsewhere; lower is better.
        loudness_step: dB; lower is better.
        beat_phase: 1 if the beats continue in time, 0 if they are unrelated; higher is better.
        chord: 1 if the harmony is the same on both sides; higher is better.
    """

    flux: float
    loudness_step: float
    beat_phase: float
    chord: float

    @property
    def score(self) -> float:
        """A score to rank takes of one task, higher is better: minus the sum of how far each measure is worse than it
        usually is for real music, in its standard deviations. A smoother seam gains nothing, so 0 is the best score."""
        worse = [
            (1 if measure.info.better == "lower" else -1) * (getattr(self, name) - measure.usual) / measure.spread
            for name, measure in MEASURES.items()
        ]
        return -float(np.nansum(np.maximum(worse, 0.0)))


MEASURES: Mapping[str, SeamMeasure] = {
    "flux": SeamMeasure(
        MetricInfo(
            "seam_flux",
            "change of the spectrum within 30 ms of the borders, ln of its ratio to that elsewhere",
            "",
            "lower",
            title="Spectral break at the seams",
        ),
        flux,
        usual=0.05,
        spread=0.41,
    ),
    "loudness_step": SeamMeasure(
        MetricInfo(
            "seam_loudness_step",
            "step of the level at the borders, 0.7 s before against 0.7 s after, each mel band by itself",
            "dB",
            "lower",
            at_least=0.0,
            title="Loudness step at the seams",
        ),
        loudness_step,
        usual=3.89,
        spread=1.71,
    ),
    "beat_phase": SeamMeasure(
        MetricInfo(
            "seam_beat_phase",
            "continuity of the beats: cosine of the phase difference between the span and its context, times the "
            "clarity of the beats; 1 for clicks that continue in time, 0 for unrelated or no beats",
            "",
            "higher",
            at_least=-1.0,
            at_most=1.0,
            chance=0.0,
            title="Beat continuity at the seams",
        ),
        beat_phase,
        usual=0.57,
        spread=0.32,
    ),
    "chord": SeamMeasure(
        MetricInfo(
            "seam_chord",
            "continuity of the harmony: correlation of the chroma of 0.5 s before and after the borders",
            "",
            "higher",
            at_least=-1.0,
            at_most=1.0,
            chance=0.0,
            title="Harmonic continuity at the seams",
        ),
        chord,
        usual=0.69,
        spread=0.22,
    ),
}
"""By attribute of `Seams`. `usual` and `spread` are the mean and standard deviation over 192 clips of 5 s of composed
music (training clips, seed 0) at the borders of spans of 2.5 s, at random 0.5 s or more from either end, in which the
music was left as it is."""


def measure_seams(audio: np.ndarray, *, sample_rate: int, spans: Sequence[Span]) -> Seams:
    """Measure the seams at the borders of one or more spans.

    Args:
        audio: [N] float; its level does not matter.
        sample_rate: Hz.
        spans: start and stop of each in seconds.

    Raises:
        UserError: there is no span, a span is empty or beyond the audio, or two spans overlap.
    """
    audio = resample(np.asarray(audio, dtype=np.float32), own_rate=sample_rate, sample_rate=SAMPLE_RATE)
    duration_s = len(audio) / SAMPLE_RATE
    borders = _borders(_checked(spans, duration_s=duration_s), duration_s=duration_s)
    near = {border: _neighbourhood(border, samples=len(audio)) for border in borders}
    sounds = {part: Sound.of(audio[slice(*part)], start_s=part[0] / SAMPLE_RATE) for part in set(near.values())}
    means = {}
    for name, measure in MEASURES.items():
        values = [measure.of(sounds[near[border]], border) for border in borders]
        known = [value for value in values if np.isfinite(value)]
        means[name] = float(np.mean(known)) if known else np.nan
    return Seams(**means)


def _borders(spans: Sequence[Span], *, duration_s: float) -> list[Border]:
    """The borders inside the audio."""
    places = sorted({0.0, duration_s, *(border for span in spans for border in span)})
    between = {
        at_s: (before_s, after_s) for before_s, at_s, after_s in zip(places, places[1:], places[2:], strict=False)
    }
    judged = [span for span in spans if span[1] - span[0] >= LEAST_S]
    return [
        Border(at_s, *between[at_s], span=span, spans=tuple(spans))
        for span in judged
        for at_s in span
        if at_s in between
    ]


def _neighbourhood(border: Border, *, samples: int) -> tuple[int, int]:
    """The first sample and the one after the last."""
    start, stop = (round((border.at_s + away_s) * SAMPLE_RATE) for away_s in (-NEIGHBOURHOOD_S, NEIGHBOURHOOD_S))
    return max(0, start), min(samples, stop)


def _checked(spans: Sequence[Span], *, duration_s: float) -> list[Span]:
    """The spans in order, joined where too little audio is left beside or between them for a comparison."""
    if not spans:
        raise UserError("There is no span to measure; give the start and stop of the span that was filled in.")
    ordered = sorted((float(start), float(stop)) for start, stop in spans)
    for start, stop in ordered:
        if not (start >= 0 and start < min(stop, duration_s) and stop <= duration_s + LEAST_S):
            raise UserError(
                f"The span {start:g}:{stop:g} is not inside the {duration_s:.3f} s of audio; give a start and a "
                "later stop inside it."
            )
    joined = [ordered[0]]
    for start, stop in ordered[1:]:
        if start < joined[-1][1] - 1e-6:  # rounding of seconds is no overlap
            raise UserError(f"Two spans overlap at {start:g} s; join them into one.")
        if start < joined[-1][1] + LEAST_S:
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return [
        (start if start >= LEAST_S else 0.0, stop if stop <= duration_s - LEAST_S else duration_s)
        for start, stop in joined
    ]


@dataclass(frozen=True)
class _Analysis:
    seams: Seams
    silent: bool


def _analyze(clip: Clip, *, spans: Mapping[str, Span], prompts: Mapping[str, str]) -> _Analysis:
    """Measure the seams of a clip.

    Raises:
        UserError: the clip cannot be measured; the sentence names it.
    """
    audio, _ = load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)
    try:
        seams = measure_seams(audio, sample_rate=SAMPLE_RATE, spans=[spans[prompts[clip.key]]])
    except UserError as error:
        raise UserError(f"{clip.audio}: {error}") from None
    return _Analysis(seams, silent=bool(np.abs(audio).max() < SILENCE_PEAK))


def evaluate_seams(
    systems: Mapping[str, Sequence[Clip]],
    *,
    spans: Mapping[str, Span],
    pairs: Sequence[tuple[str, str]] = (),
    plain: bool = False,
    seed: int = 0,
    resamples: int = RESAMPLES,
    progress: Progress | None = None,
) -> Evaluation:
    """Judge how well each system's filled-in spans join the music around them.

    There are no floors: the true music, silence and another clip's music in the span are systems to be given.

    Args:
        systems: clips by system name; whole clips, not only the filled-in spans.
        spans: start and stop in seconds of the filled-in span, by `Clip.key`.
        pairs: (first, second) systems to test for a difference.
        plain: whether the spans were inserted without level matching and crossfades, which repair what is measured;
            the measures then have names of their own, such as `seam_flux_plain`.
        seed: seed of every resampling.
        resamples: number of draws for each interval and each p-value.
        progress: called with (clips analysed, total clips).

    Raises:
        UserError: a system has fewer than 8 clips or only silent ones, a pair names no system, a clip has no span or a
            span beyond its end, or a file cannot be read.
    """
    judged = JudgedSystems.of(systems, pairs)
    for prompt in judged.prompts.values():
        if prompt not in spans:
            raise UserError(f"The filled-in span of the clip {prompt!r} is unknown; give its start and stop.")
    analyze_clips = ClipAnalyzer(
        partial(_analyze, spans=spans, prompts=judged.prompts), total=judged.count, progress=progress
    )
    notes = runs_note(judged)
    infos = {name: _plain(measure.info) if plain else measure.info for name, measure in MEASURES.items()}
    values: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    with threadpool_limits(1, user_api="blas"):  # one core per clip
        for name, runs in judged.runs.items():
            analyzed = {run: analyze_clips.by_key(clips) for run, clips in runs.items()}
            check_silence(name, [each.silent for of_run in analyzed.values() for each in of_run.values()], notes=notes)
            values[name] = {
                run: {
                    info.name: {key: getattr(each.seams, field) for key, each in of_run.items()}
                    for field, info in infos.items()
                }
                for run, of_run in analyzed.items()
            }
    described = list(infos.values())
    scorer = Scorer(groups_of(judged, notes=notes), seed=seed, resamples=resamples, pairs=len(pairs), infos=described)
    return Evaluation(
        n=judged.n,
        seed=seed,
        metrics=tuple(described),
        scores={name: mean_scores(of_system, infos=described, scorer=scorer) for name, of_system in values.items()},
        floors={},
        differences=mean_differences(pairs, systems=values, infos=described, scorer=scorer, notes=notes),
        ids=judged.ids,
        notes=tuple(dict.fromkeys(notes)),
    )


def _plain(info: MetricInfo) -> MetricInfo:
    """The measure of spans that were inserted as they are."""
    return replace(info, name=f"{info.name}_plain", title=f"{info.title}, inserted as made")
