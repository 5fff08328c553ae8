"""The device and the processes that a training runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState

from counterpoint.config.device import AUTO, find_device
from counterpoint.config.machine import peak_memory
from counterpoint.training.trackers import Tracker


@contextmanager
def accelerator_on(
    name: str, *, log_with: Sequence[Tracker] = (), project: Path | None = None
) -> Iterator[Accelerator]:
    """Devices and processes. Autocast is ours: one process may train with several precisions.

    accelerate keeps its first device for the lifetime of the process, so its state is reset for another device.
    """
    launched = "LOCAL_RANK" in os.environ
    device = torch.device("cpu" if name == "cpu" else find_device(AUTO if launched else name))
    known = PartialState._shared_state.get("device")
    if known is not None and known.type != device.type and not launched:
        AcceleratorState._reset_state(reset_partial_state=True)
    with torch.cuda.device(device) if device.index is not None else nullcontext():
        shown = {"log_with": list(log_with) or None, "project_dir": project}
        yield Accelerator(cpu=device.type == "cpu", mixed_precision="no", **shown)


def peak_memory_of(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return peak_memory() or 0
