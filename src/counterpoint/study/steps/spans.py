"""Which span of each window is hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from counterpoint.config import read_json, write_json

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

SPANS_FILE = "spans.json"


def draw_spans(work: Work) -> None:
    """Write `spans.json`: for each window a span `mask_s` long that begins anywhere, uniformly, with `margin_s` or more
    of music on both sides (5.3).

    The configuration holds both, and the `seed`.
    """
    mask_s, margin_s = work.config["mask_s"], work.config["margin_s"]
    prompts = read_json(work.inputs["prompts"] / "prompts.json")
    rng = np.random.default_rng(work.config["seed"])
    starts = rng.uniform(margin_s, prompts["duration_s"] - margin_s - mask_s, len(prompts["windows"]))
    spans = {
        window["id"]: [round(float(start), 3), round(float(start), 3) + mask_s]
        for window, start in zip(prompts["windows"], starts, strict=True)
    }
    write_json(
        work.folder / SPANS_FILE,
        {"duration_s": prompts["duration_s"], "mask_s": mask_s, "margin_s": margin_s, "spans": spans},
    )
