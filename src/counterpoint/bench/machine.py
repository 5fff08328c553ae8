"""The timed device, and the share of the processors that other programs use."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Literal

from counterpoint.config import UserError
from counterpoint.config.machine import cores, processor, read_proc

Device = Literal["cpu", "cuda"]
DISTURBED = 0.1
"""Timings are unreliable if others use more than this share of the processors."""


def device_name(device: Device) -> str:
    """A name for text and for keys: `NVIDIA H100 80GB HBM3`, `AMD EPYC, 2 threads`.

    Raises:
        UserError: there is no such device.
    """
    import torch

    require(device)
    if device == "cuda":
        return torch.cuda.get_device_name()
    threads = torch.get_num_threads()
    return f"{processor()}, {threads} thread{'s' * (threads > 1)}"


def require(device: Device) -> None:
    """
    Raises:
        UserError: there is no such device.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA device here: measure with --device cpu, or see its limits with --predict.")


@dataclass(frozen=True)
class Busy:
    """Processor time up to a moment, in seconds."""

    machine: float | None
    own: float
    wall: float

    @classmethod
    def now(cls) -> Busy:
        times = os.times()
        return cls(_machine_busy(), times.user + times.system, time.perf_counter())

    def foreign_since(self, start: Busy) -> float | None:
        """Share of this process's processors that others used between the two moments, including time stolen by a
        hypervisor; intervals shorter than three ticks of the system's clock count as zero."""
        if self.machine is None or start.machine is None:
            return None
        foreign = (self.machine - start.machine) - (self.own - start.own)
        wall = self.wall - start.wall
        return foreign / (wall * cores()) if foreign > 0.03 and wall > 0 else 0.0


def _machine_busy() -> float | None:
    """Time of all processors except idle time and waiting for disks."""
    fields = read_proc("stat").partition("\n")[0].split()[1:]
    if len(fields) < 8:
        return None
    user, nice, system, _, _, interrupt, soft_interrupt, stolen = map(int, fields[:8])
    return (user + nice + system + interrupt + soft_interrupt + stolen) / os.sysconf("SC_CLK_TCK")
