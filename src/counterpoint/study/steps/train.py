"""One training run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.bench.workload import Workload
from counterpoint.study.step_inputs import latents_of, tracks_of
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import run_of
from counterpoint.training.launch import train_with

if TYPE_CHECKING:
    from counterpoint.config import TrainingConfig


@computes("train", version=1, workload=lambda step: Workload(trainings=[run_of(step)]))
def train_model(work: Work) -> None:
    """Train in the step's folder, which becomes a run folder, continuing from the last checkpoint there.

    The dataset is the input `data`, its codec that of the input `encode`, its tracks those of the input `controls`,
    if there is one; fine-tuning starts with the run of the input `start`.
    """
    config: TrainingConfig = work.config
    found = {"dataset": str(work.inputs["data"]), "codec": latents_of(work).fingerprint, "tracks": tracks_of(work)}
    data = config.data.model_copy(update=found)
    start = str(work.inputs["start"]) if config.start else ""
    run = config.model_copy(update={"data": data, "start": start})
    processes = work.processes if config.steps else 1
    train_with(run, out=work.folder, processes=processes, device=work.device, progress=work.show)
