"""The evaluation of samples of datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from counterpoint.bench.workload import Music, Workload
from counterpoint.metrics import Clip, evaluate
from counterpoint.metrics.statistics import MIN_CLIPS
from counterpoint.results.evaluations import write_evaluation
from counterpoint.results.parts import Sample, Window
from counterpoint.study.settings import SampleConfig
from counterpoint.study.work import Step, Work, computes


def _judged_clips(step: Step) -> Workload:
    """The work: twice the evaluated clips of every dataset, because the others give the metrics a scale."""
    samples = [given.config for given in step.inputs.values() if isinstance(given, Step)]
    own = [sample for sample in samples if isinstance(sample, SampleConfig)]
    return Workload(music=[Music("judged", 2 * each.clips * each.duration_s, 2 * each.clips) for each in own])


@computes("judge_datasets", version=1, workload=_judged_clips)
def judge_datasets(work: Work) -> None:
    """Write an `Evaluation`: every metric of each input `sample_<label>`, and tests of all others against the first.

    The other clips of all samples give the metrics a scale; if they are too few, the samples themselves do.
    """
    folders = {label: work.inputs[f"sample_{label}"] for label in work.config["labels"]}
    samples = {label: Sample.read(folder) for label, folder in folders.items()}
    judged = {label: _clips(folder, label, samples[label].judged) for label, folder in folders.items()}
    others = [clip for label, folder in folders.items() for clip in _clips(folder, label, samples[label].others)]
    if len(others) < MIN_CLIPS:
        others = [clip for clips in judged.values() for clip in clips]
    first, *rest = judged
    found = evaluate(
        judged,
        reference=others,
        pairs=[(label, first) for label in rest],
        seed=work.config["seed"],
        device=work.device,
        progress=work.progress,
    )
    write_evaluation(found, work.folder)


def _clips(folder: Path, label: str, windows: Sequence[Window]) -> list[Clip]:
    """Clips with unique names: those of two datasets have no common prompts."""
    return [
        Clip(
            folder / "clips" / f"{window.id}.wav",
            caption=window.caption,
            id=f"{label}-{window.id}",
            group=f"{label}-{window.group}",
        )
        for window in windows
    ]
