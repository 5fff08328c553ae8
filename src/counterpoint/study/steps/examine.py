"""The examination of a model by its own losses on held-out music."""

from __future__ import annotations

from counterpoint.bench.workload import Workload
from counterpoint.data import open_encoded
from counterpoint.examine import examine
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.results.learned import Learned
from counterpoint.runs import load_run, read_description
from counterpoint.study.settings import ExamineConfig
from counterpoint.study.step_inputs import latents_of
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import run_of


def _looked_at(step: Step) -> Workload:
    """The work: every segment with every candidate; the time of trivial predictors is negligible."""
    run, config = run_of(step.inputs["model"]), step.config
    assert isinstance(config, ExamineConfig)
    draws = PARADIGMS[run.model.paradigm].loss_draws
    return Workload(looked_at=[(run, draws * config.clips * config.candidates)])


@computes("examine", version=1, workload=_looked_at)
def examine_model(work: Work) -> None:
    """Write `Learned`, the examination of the input `model` on the input `data`, in the latents of the input
    `encode`."""
    config: ExamineConfig = work.config
    model = load_run(work.inputs["model"])
    found = examine(
        model.to(work.device),
        encoded=open_encoded(work.inputs["data"], codec=latents_of(work).fingerprint),
        segment_s=read_description(work.inputs["model"])["segment_s"],
        clips=config.clips,
        candidates=config.candidates,
        seed=config.seed,
        progress=work.progress,
    )
    Learned(paradigm=model.entry.name, examination=found).write(work.folder)
