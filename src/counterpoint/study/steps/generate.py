"""Clips of one model for the prompts, and what they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.config import SamplingConfig, read_json
from counterpoint.generate import generate_folder
from counterpoint.study.given import asked

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.trained import PromptsConfig

ALONE = "alone"
"""Folder of a single clip drawn by itself, for its latency."""


def generate_clips(work: Work) -> None:
    """Answer every prompt with the input `model`, in batches; then the first one again, alone.

    Where the configuration names controls that are `given`, the prompts' own music gives them.
    """
    prompts: PromptsConfig = work.config["prompts"]
    sampling: SamplingConfig = work.config["sampling"]
    chosen = read_json(work.inputs["prompts"] / "prompts.json")
    given = work.config.get("given")
    controls = asked(work, controls=work.config["controls"], given=given) if given else None
    for out, count, batch_size in (
        (work.folder, len(chosen["windows"]), prompts.batch_size),
        (work.folder / ALONE, 1, 1),
    ):
        windows = chosen["windows"][:count]
        generate_folder(
            [window["caption"] for window in windows],
            model=work.inputs["model"],
            out=out,
            duration_s=chosen["duration_s"],
            seed=prompts.seed,
            sampling=sampling,
            ids=[window["id"] for window in windows],
            controls=None if controls is None else controls[:count],
            batch_size=batch_size,
            progress=work.progress,
        )
