"""The machine that is timed: its name, its memory, and how much of its processors others use meanwhile.

What Linux tells in /proc; elsewhere nothing is known of others or of peaks, and None says so.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from counterpoint.config import UserError

Device = Literal["cpu", "cuda"]


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name."""
    lines = _read("/proc/cpuinfo").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def device_name(device: Device) -> str:
    """For people and for keys: `NVIDIA H100 80GB HBM3`, `AMD EPYC, 2 threads`.

    Raises:
        UserError: there is no such device.
    """
    import torch

    require(device)
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{processor()}, {torch.get_num_threads()} threads"


def require(device: Device) -> None:
    """
    Raises:
        UserError: there is no such device.
    """
    import torch

    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("There is no CUDA device here: measure with --device cpu, or see its limits with --predict.")


def reset_peak_memory() -> None:
    """Let the system count this process's peak anew."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory() -> int | None:
    """Largest resident size of this process since the last reset, bytes."""
    return _status("VmHWM:")


def resident_memory() -> int | None:
    """Resident size of this process, bytes."""
    return _status("VmRSS:")


@dataclass(frozen=True)
class Busy:
    """Processor time up to a moment, seconds."""

    machine: float | None
    own: float
    wall: float

    @classmethod
    def now(cls) -> Busy:
        times = os.times()
        return cls(_machine_busy(), times.user + times.system, time.perf_counter())

    def foreign_since(self, start: Busy) -> float | None:
        """Share of this process's processors that others used between the two moments, time stolen by a hypervisor
        included; whatever is shorter than three ticks of the system's clock counts as nothing."""
        if self.machine is None or start.machine is None:
            return None
        foreign = (self.machine - start.machine) - (self.own - start.own)
        wall = self.wall - start.wall
        return foreign / (wall * cores()) if foreign > 0.03 and wall > 0 else 0.0


def _machine_busy() -> float | None:
    """All processors' time but that spent idle or waiting for disks."""
    fields = _read("/proc/stat").partition("\n")[0].split()[1:]
    if len(fields) < 8:
        return None
    user, nice, system, _, _, interrupt, soft_interrupt, stolen = map(int, fields[:8])
    return (user + nice + system + interrupt + soft_interrupt + stolen) / os.sysconf("SC_CLK_TCK")


def _status(name: str) -> int | None:
    lines = _read("/proc/self/status").splitlines()
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
