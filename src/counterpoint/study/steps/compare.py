"""Reconstructions against their originals, clip by clip: means with 95% intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from counterpoint.audio import load_audio
from counterpoint.bench.workload import Workload
from counterpoint.codec.chunked import one_block_a_core
from counterpoint.codec.measures import MEASURES, Measure, clip_measures, measures_of
from counterpoint.metrics import Evaluation, MetricInfo
from counterpoint.metrics.scoring import Scorer, mean_scores
from counterpoint.metrics.visqol import visqol
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import CodecFacts, Prompts
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import handled, views_of

SAMPLE_RATE = 32_000
"""Sample rate in Hz of all comparisons."""
CHANCE = "chance"
VISQOL = MetricInfo(
    "visqol", "Mean opinion score that ViSQOL predicts in audio mode, from 1 to about 4.75", "MOS-LQO", "higher"
)
Compare = Callable[[Path, Path], Mapping[str, float]]
"""(estimate, reference) to values by measure; undefined ones are NaN."""


def _judged_clips(step: Step) -> Workload:
    return Workload(music=[handled(step, "compared", systems=len(views_of(step)))])


@computes("measure_codec", version=1, workload=_judged_clips)
def measure(work: Work) -> None:
    """Write an `Evaluation`: the measures of each view of the input `reconstruction`."""
    measures = measures_of(keeps_phase=CodecFacts.read(work.inputs["reconstruction"]).keeps_phase)
    _evaluate(work, _views(work), compare=partial(_measure, measures=measures), infos=_infos(measures))


@computes("measure_chance", version=1, workload=_judged_clips)
def measure_chance(work: Work) -> None:
    """Write an `Evaluation`: every measure with each clip compared with the next one."""
    folders = {CHANCE: work.inputs["clips"] / "truth"}
    _evaluate(work, folders, compare=partial(_measure, measures=MEASURES), infos=_infos(MEASURES), shift=1)


@computes("ask_visqol", version=1, workload=_judged_clips)
def ask_visqol(work: Work) -> None:
    """Write an `Evaluation`: ViSQOL's score of each view."""
    program = Path(work.config["program"])

    def compare(estimate: Path, reference: Path) -> Mapping[str, float]:
        return {VISQOL.name: visqol(estimate, reference, program=program)}

    _evaluate(work, _views(work), compare=compare, infos=[VISQOL])


def _views(work: Work) -> dict[str, Path]:
    folder = work.inputs["reconstruction"]
    return {view: folder / view for view in CodecFacts.read(folder).views}


def _infos(measures: Sequence[Measure]) -> list[MetricInfo]:
    """Descriptions of measures; those without a unit are shares."""
    return [
        MetricInfo(
            each.name,
            each.what,
            each.unit,
            each.better,
            at_least=None if each.unit else 0.0,
            at_most=None if each.unit else 1.0,
        )
        for each in measures
    ]


def _measure(estimate: Path, reference: Path, *, measures: Sequence[Measure]) -> Mapping[str, float]:
    found, wanted = (load_audio(path, sample_rate=SAMPLE_RATE)[0] for path in (estimate, reference))
    length = min(len(found), len(wanted))  # resampling may be off by one sample
    return clip_measures(found[:length], wanted[:length], sample_rate=SAMPLE_RATE, measures=measures)


def _evaluate(
    work: Work, folders: Mapping[str, Path], *, compare: Compare, infos: Sequence[MetricInfo], shift: int = 0
) -> None:
    """Compare every clip of every folder with the original `shift` places later; clips of a track form a group."""
    windows = Prompts.read(work.inputs["clips"]).windows
    ids = [window.id for window in windows]
    truths = [work.inputs["clips"] / "truth" / f"{name}.wav" for name in [*ids[shift:], *ids[:shift]]]
    scorer = Scorer({window.id: window.row for window in windows})
    scores, done = {}, 0
    with one_block_a_core() as apply:
        for view, folder in folders.items():
            pairs = [(folder / f"{name}.wav", truth) for name, truth in zip(ids, truths, strict=True)]
            values: dict[str, dict[str, float]] = {info.name: {} for info in infos}
            for name, found in zip(ids, apply(lambda pair: compare(*pair), pairs), strict=True):
                done += 1
                work.progress(done, len(ids) * len(folders))
                for info in infos:
                    values[info.name][name] = found[info.name]
            scores[view] = mean_scores({"": values}, infos=infos, scorer=scorer)
    evaluation = Evaluation(
        n=len(ids),
        seed=scorer.seed,
        metrics=tuple(infos),
        scores=scores,
        floors={},
        differences=(),
        ids=dict.fromkeys(folders, tuple(ids)),
    )
    write_evaluation(evaluation, work.folder)
