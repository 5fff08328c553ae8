"""Clips of one model for the prompts, and their cost."""

from __future__ import annotations

import numpy as np

from counterpoint.bench.workload import Workload
from counterpoint.config import SamplingConfig
from counterpoint.generate import GenerationRequest, generate_folder
from counterpoint.generate.model import LoadedModel
from counterpoint.results.parts import ALONE, Prompts
from counterpoint.study.loading import model_at
from counterpoint.study.settings import PromptsConfig
from counterpoint.study.step_inputs import requested_controls
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import drawn


def _drawn(step: Step) -> Workload:
    return drawn(step, step.setting("sampling"), alone=True, steered=bool(step.setting("given", ())))


@computes("generate", version=1, workload=_drawn)
def generate_clips(work: Work) -> None:
    """Answer every prompt with the input `model`, in batches; then the first one again, alone. The step's `Generation`
    has their costs.

    If the configuration lists controls as `given`, they are those of the prompts' own music.
    """
    sampling: SamplingConfig = work.config["sampling"]
    model = model_at(work.inputs["model"], device=work.device)
    given = work.config.get("given")
    controls = requested_controls(work, controls=work.config["controls"], given=given) if given else None
    answer(work, model, sampling, controls=controls)
    answer(work, model, sampling, controls=controls, is_alone=True)


def answer(
    work: Work,
    model: LoadedModel,
    sampling: SamplingConfig,
    *,
    controls: np.ndarray | None = None,
    is_alone: bool = False,
) -> None:
    """Answer the input `prompts` as the configuration of the step asks.

    Args:
        controls: [n, J, T] of the n prompts.
        is_alone: whether only the first prompt is answered, by itself, into the folder `ALONE`.
    """
    prompts_config: PromptsConfig = work.config["prompts"]
    prompts = Prompts.read(work.inputs["prompts"])
    windows = prompts.windows[:1] if is_alone else prompts.windows
    request = GenerationRequest(
        [window.caption for window in windows],
        duration_s=prompts.duration_s,
        seed=prompts_config.seed + prompts.first,
        controls=None if controls is None else controls[: len(windows)],
        sampling=sampling,
        batch_size=1 if is_alone else prompts_config.batch_size,
    )
    out, ids = work.folder / ALONE if is_alone else work.folder, [window.id for window in windows]
    generate_folder(request, model=model, out=out, ids=ids, progress=work.progress)
