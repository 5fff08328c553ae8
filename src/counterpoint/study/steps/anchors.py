"""Anchors of inpainting: silence, and music from somewhere else."""

from __future__ import annotations

import numpy as np

from counterpoint.audio import load_audio
from counterpoint.results.parts import Prompts
from counterpoint.study.inpainting_task import read_hidden
from counterpoint.study.steps.prompts import SAMPLE_RATE
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing


@computes("silence_spans", version=1, workload=nothing)
def silence_spans(work: Work) -> None:
    """Fill every span with silence."""
    hidden = read_hidden(work.inputs)
    silence = dict(zip(hidden.ids, np.zeros_like(hidden.audio), strict=True))
    hidden.write(work.folder, silence, keeps_phase=work.config["keeps_phase"])
    hidden.finish(work.folder)


@computes("misplace_spans", version=1, workload=nothing)
def misplace_spans(work: Work) -> None:
    """Fill every span with the same time of the next window of another track, which has another bar and key.

    It comes from the input `reconstruct`, that is, through the codec as every fill does, so that it differs from a fill
    only in how well it fits, not in its coding.
    """
    hidden = read_hidden(work.inputs)
    rows = [window.row for window in Prompts.read(work.inputs["prompts"]).windows]
    fills = {}
    for index, name in enumerate(hidden.ids):
        others = [(index + step) % len(rows) for step in range(1, len(rows))]
        other = next((at for at in others if rows[at] != rows[index]), others[0])
        path = work.inputs["reconstruct"] / "latents" / f"{hidden.ids[other]}.wav"
        fills[name] = load_audio(path, sample_rate=SAMPLE_RATE)[0][: hidden.audio.shape[1]]
    hidden.write(work.folder, fills, keeps_phase=work.config["keeps_phase"])
    hidden.finish(work.folder)
