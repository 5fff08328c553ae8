"""The resources that a step needs."""

from __future__ import annotations

import math
from dataclasses import dataclass

from counterpoint.config import TrainingConfig
from counterpoint.study.work import Step

GIB = 1 << 30
BASE_MEMORY = 2 * GIB
"""Least memory of any step: the interpreter with torch takes almost a gigabyte, and a codec or a judge some more."""


@dataclass(frozen=True)
class Needs:
    """Resources of one attempt at a step.

    Attributes:
        step: name of the step.
        cpus: number of cores.
        gpus: number of GPUs.
        memory: main memory in bytes.
    """

    step: str
    cpus: int = 1
    gpus: int = 0
    memory: int = BASE_MEMORY

    @property
    def memory_gib(self) -> int:
        """Main memory in whole gibibytes, rounded up."""
        return math.ceil(self.memory / GIB)


def needs_of(step: Step, *, gpus: bool = False, cpus: int = 1, processes: int = 1) -> Needs:
    """The resources of a step.

    With GPUs, every process of a training gets one, and so does every step in which a network generates or examines
    music. Without GPUs, the activations of a training need main memory.

    Args:
        gpus: whether the machines have GPUs.
        cpus: cores for each process of a step.
        processes: processes of each training.
    """
    config = step.config
    if not isinstance(config, TrainingConfig) or not config.steps:
        work = step.function.workload(step)
        return Needs(step.name, cpus=cpus, gpus=int(gpus and bool(work.draws or work.looked_at or work.timed)))
    if gpus:
        return Needs(step.name, cpus=cpus * processes, gpus=processes)
    from counterpoint.bench.takes import training_memory
    from counterpoint.runs.latents import known_latent

    memory = training_memory(config, known_latent(config.data.codec).spec)
    return Needs(step.name, cpus=cpus * processes, memory=processes * (BASE_MEMORY + memory.total))
