"""The device on which torch computes: the names that `--device` accepts. Importing this module imports no torch."""

from __future__ import annotations

import os
import re
from functools import cache
from typing import TYPE_CHECKING

from counterpoint.config.errors import UserError

if TYPE_CHECKING:
    import torch

AUTO = "auto"
_FORM = re.compile(r"auto|cpu|mps|cuda(:\d{1,3})?")


def check_device(name: str) -> str:
    """Return the name if it is that of a device; `find_device` checks whether this machine has it.

    Raises:
        UserError: no device has that name.
    """
    if not _FORM.fullmatch(name):
        raise UserError(
            f"There is no device {name!r}: choose auto, cpu, mps (Apple) or cuda, or cuda:1 for the second GPU."
        )
    return name


def find_device(name: str = AUTO) -> str:
    """Return the device that a name stands for on this machine: `cpu`, `mps`, `cuda` or `cuda:1`.

    Args:
        name: one of these, or `auto` for a GPU if torch can use one, else the CPU.

    Raises:
        UserError: no device has that name, or this machine has no such device.
    """
    import torch

    check_device(name)
    _survive_forks()
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    has_mps = torch.backends.mps.is_available()
    if name == AUTO:
        return "cuda" if gpus else "mps" if has_mps else "cpu"
    kind, _, number = name.partition(":")
    if kind == "cuda" and not gpus:
        raise UserError("torch finds no CUDA GPU on this machine: use --device cpu, or leave the option out.")
    if kind == "cuda" and int(number or 0) >= gpus:
        raise UserError(f"This machine has no {name}: its last GPU is cuda:{gpus - 1}.")
    if kind == "mps" and not has_mps:
        raise UserError("torch finds no Apple GPU on this machine: use --device cpu, or leave the option out.")
    return name


@cache
def _survive_forks() -> None:
    """Let torch compute after a fork: the child has the OpenMP pool without its threads, and would wait for them."""
    import torch

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=lambda: torch.set_num_threads(1))


def describe_device(device: str) -> str:
    """The device with its product name: `cpu (AMD EPYC)`, `cuda (NVIDIA H100 80GB HBM3)`."""
    from counterpoint.config.machine import processor

    if device.startswith("cuda"):
        import torch

        return f"{device} ({torch.cuda.get_device_name(device)})"
    return f"{device} ({processor()})"


def widest_float(device: torch.device) -> torch.dtype:
    """float64, or float32 on Apple GPUs, which do not support float64."""
    import torch

    return torch.float32 if device.type == "mps" else torch.float64
