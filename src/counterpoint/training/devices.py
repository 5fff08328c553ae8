"""The device and the processes that a training runs on."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState

from counterpoint.config import UserError
from counterpoint.config.device import AUTO, find_device
from counterpoint.config.machine import peak_memory
from counterpoint.training.trackers import Tracker


@contextmanager
def accelerator_on(
    name: str, *, log_with: Sequence[Tracker] = (), project: Path | None = None
) -> Iterator[Accelerator]:
    """Devices and processes. Autocast is ours: one process may train with several precisions.

    accelerate keeps its first device for the lifetime of the process, so its state is reset for another device.

    Raises:
        UserError: a launcher has given an address of the first process that has no meaning on this machine.
    """
    launched = "LOCAL_RANK" in os.environ
    if launched:
        _check_master(os.environ.get("MASTER_ADDR", "localhost"))
    device = torch.device("cpu" if name == "cpu" else find_device(AUTO if launched else name))
    known = PartialState._shared_state.get("device")
    if known is not None and known.type != device.type and not launched:
        AcceleratorState._reset_state(reset_partial_state=True)
    with torch.cuda.device(device) if device.index is not None else nullcontext():
        shown = {"log_with": list(log_with) or None, "project_dir": project}
        yield Accelerator(cpu=device.type == "cpu", mixed_precision="no", **shown)


def _check_master(host: str) -> None:
    """Fail at once where torch would try for half an hour."""
    try:
        socket.getaddrinfo(host, None)
    except OSError as error:
        raise UserError(
            f"The host name {host!r} of the first process of this training (MASTER_ADDR) cannot be resolved on this "
            "machine: give the launcher an address that all nodes can reach (torchrun: --master-addr, or --local-addr)."
        ) from error


def peak_memory_of(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return peak_memory() or 0
