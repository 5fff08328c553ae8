"""The choice, for each window, of the take with the smoothest seams among several systems'."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np

from counterpoint.audio import load_audio
from counterpoint.metrics import measure_seams
from counterpoint.results.parts import Choice
from counterpoint.study.inpainting_task import read_hidden
from counterpoint.study.judged import GENERATED, clips_judged
from counterpoint.study.steps.prompts import SAMPLE_RATE
from counterpoint.study.work import Work, computes


@computes("keep_best", version=1, workload=clips_judged("joined"))
def keep_best(work: Work) -> None:
    """Take every window from the input `generate_<system>` whose take has the best `Seams.score`, which does not use
    the true music; the `Choice` records which."""
    hidden = read_hidden(work.inputs)
    folders = {name.removeprefix(GENERATED): path for name, path in work.inputs.items() if name.startswith(GENERATED)}
    chosen = {}
    for done, (name, span) in enumerate(zip(hidden.ids, hidden.spans, strict=True), start=1):
        scores = {}
        for system, folder in folders.items():
            audio, _ = load_audio(folder / f"{name}.wav", sample_rate=SAMPLE_RATE)
            scores[system] = measure_seams(np.asarray(audio), sample_rate=SAMPLE_RATE, spans=[span]).score
        chosen[name] = max(scores, key=lambda system: scores[system])
        shutil.copyfile(folders[chosen[name]] / f"{name}.wav", work.folder / f"{name}.wav")
        work.progress(done, len(hidden.ids))
    hidden.finish(work.folder)
    Choice(chosen=chosen, counts=Counter(chosen.values())).write(work.folder)
