"""Clips of one model for the prompts, and their cost."""

from __future__ import annotations

from counterpoint.bench.workload import Workload
from counterpoint.config import SamplingConfig
from counterpoint.generate import GenerationRequest, generate_folder
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
    prompts_config: PromptsConfig = work.config["prompts"]
    sampling: SamplingConfig = work.config["sampling"]
    prompts = Prompts.read(work.inputs["prompts"])
    model = model_at(work.inputs["model"], device=work.device)
    given = work.config.get("given")
    controls = requested_controls(work, controls=work.config["controls"], given=given) if given else None
    for out, count, batch_size in (
        (work.folder, len(prompts.windows), prompts_config.batch_size),
        (work.folder / ALONE, 1, 1),
    ):
        windows = prompts.windows[:count]
        request = GenerationRequest(
            [window.caption for window in windows],
            duration_s=prompts.duration_s,
            seed=prompts_config.seed,
            controls=None if controls is None else controls[:count],
            sampling=sampling,
            batch_size=batch_size,
        )
        ids = [window.id for window in windows]
        generate_folder(request, model=model, out=out, ids=ids, progress=work.progress)
