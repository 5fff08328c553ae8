"""The hidden span of each window."""

from __future__ import annotations

import numpy as np

from counterpoint.results.parts import Prompts, Spans
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import nothing


@computes("draw_spans", version=1, workload=nothing)
def draw_spans(work: Work) -> None:
    """Write `Spans`: for each window a span of length `mask_s` at a uniformly random position with at least `margin_s`
    of music on both sides (5.3).

    The configuration contains both, and the `seed`.
    """
    mask_s, margin_s = work.config["mask_s"], work.config["margin_s"]
    prompts = Prompts.read(work.inputs["prompts"])
    rng = np.random.default_rng(work.config["seed"])
    starts = rng.uniform(margin_s, prompts.duration_s - margin_s - mask_s, len(prompts.windows))
    spans = {
        window.id: (round(float(start), 3), round(float(start), 3) + mask_s)
        for window, start in zip(prompts.windows, starts, strict=True)
    }
    Spans(duration_s=prompts.duration_s, mask_s=mask_s, margin_s=margin_s, spans=spans).write(work.folder)
