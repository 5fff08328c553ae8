"""What a step needs of the machine that runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from counterpoint.config import TrainingConfig
from counterpoint.study.work import Step

GIB = 1 << 30
BASE_MEMORY = 2 * GIB
"""The least of any step: the interpreter with torch takes most of a gigabyte, a codec or a judge some more."""


@dataclass(frozen=True)
class Needs:
    """Resources of one attempt at a step.

    Attributes:
        step: its name.
        cpus: cores.
        gpus: whole ones.
        memory: of the machine, bytes.
    """

    step: str
    cpus: int = 1
    gpus: int = 0
    memory: int = BASE_MEMORY

    @property
    def memory_gib(self) -> int:
        """The same, in whole gibibytes."""
        return math.ceil(self.memory / GIB)


def needs_of(step: Step, *, gpus: bool = False, cpus: int = 1, processes: int = 1) -> Needs:
    """What a step needs; where there are GPUs, every process of a training has one, and every step
    in which a network draws or looks at examples; else a training has its activations in memory.

    Args:
        gpus: whether the machines have GPUs.
        cpus: cores that each process of a step is given.
        processes: of each training.
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
