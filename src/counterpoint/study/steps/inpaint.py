"""The prompts' music with a span of each window replaced by a model."""

from __future__ import annotations

import time

import numpy as np

from counterpoint.audio import resample
from counterpoint.bench.workload import Workload
from counterpoint.config import InpaintingMethod, SamplingConfig
from counterpoint.inpaint import fill_windows, match_level
from counterpoint.results.parts import Filling
from counterpoint.study.inpainting_task import read_hidden
from counterpoint.study.judged import PLAIN
from counterpoint.study.loading import model_at
from counterpoint.study.settings import PromptsConfig
from counterpoint.study.steps.prompts import SAMPLE_RATE
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import drawn


def _drawn(step: Step) -> Workload:
    return drawn(step, step.setting("sampling"), method=step.setting("method"))


@computes("inpaint", version=2, workload=_drawn)
def inpaint_clips(work: Work) -> None:
    """Fill every window's span with the input `model`, by the `method` and `sampling` of the configuration; the
    step's `Filling` has their costs. The folder `PLAIN` has the same fills without level matching and crossfades."""
    prompts: PromptsConfig = work.config["prompts"]
    sampling: SamplingConfig = work.config["sampling"]
    method: InpaintingMethod = work.config["method"]
    hidden, model = read_hidden(work.inputs), model_at(work.inputs["model"], device=work.device)
    rate = model.codec.sample_rate
    seconds, evaluations, endings = 0.0, 0, []
    for first in range(0, len(hidden.ids), prompts.batch_size):
        part = slice(first, first + prompts.batch_size)
        ids = hidden.ids[part]
        started = time.perf_counter()
        filled = fill_windows(
            resample(hidden.audio[part].T, own_rate=SAMPLE_RATE, sample_rate=rate).T,
            spans_s=hidden.spans[part],
            captions=hidden.captions[part],
            seeds=range(prompts.seed + first, prompts.seed + first + len(ids)),
            model=model,
            sampling=sampling,
            method=method,
        )
        seconds += time.perf_counter() - started
        evaluations = filled.model_evaluations
        endings += [] if filled.endings is None else list(filled.endings)
        fills = resample(filled.audio.T, own_rate=rate, sample_rate=SAMPLE_RATE).T
        keeps_phase = model.codec.keeps_phase
        hidden.write(work.folder / PLAIN, dict(zip(ids, fills, strict=True)), keeps_phase=keeps_phase, crossfade_s=0)
        levelled = [
            match_level(fill, original, sample_rate=SAMPLE_RATE, span=span)
            for fill, original, span in zip(fills, hidden.audio[part], hidden.spans[part], strict=True)
        ]
        hidden.write(work.folder, dict(zip(ids, levelled, strict=True)), keeps_phase=keeps_phase)
        work.progress(first + len(ids), len(hidden.ids))
    for folder in (work.folder, work.folder / PLAIN):
        hidden.finish(folder)
    Filling(
        method=method,
        sampling=sampling.model_dump(mode="json"),
        seconds_per_clip=seconds / len(hidden.ids),
        model_evaluations=evaluations,
        mean_ending=float(np.mean(endings)) if endings else None,
    ).write(work.folder)
