"""Whether what a command will hold and write fits, checked before it starts. Imports no torch.

A count or a duration may be mistyped by any factor. An estimate here is a lower bound: it refuses what cannot fit, and
never what might.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from counterpoint.config.errors import UserError
from counterpoint.config.machine import free_memory

_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB"))


def require_memory(size: float, *, needs: str, remedy: str, free: float | None = None) -> None:
    """Refuse work for which memory does not suffice.

    Args:
        size: bytes.
        needs: the work and the verb, for the message: `A batch of 8 examples needs`.
        remedy: the end of the message, an imperative.
        free: bytes; by default the memory that is free on this machine.

    Raises:
        UserError: there is less.
    """
    _require(size, free=free_memory() if free is None else free, of="memory", needs=needs, remedy=remedy)


def require_disk(size: float, *, place: Path, needs: str, remedy: str) -> None:
    """Refuse files for which the disk does not suffice; `size`, `needs` and `remedy` are as for `require_memory`.

    Args:
        place: a file or folder on the disk, which need not exist yet.

    Raises:
        UserError: there is less.
    """
    existing = next(each for each in (place, *Path(os.path.abspath(place)).parents) if each.exists())  # noqa: PTH100
    _require(size, free=shutil.disk_usage(existing).free, of=f"disk at {existing}", needs=needs, remedy=remedy)


def _require(size: float, *, free: float, of: str, needs: str, remedy: str) -> None:
    size = min(size, 2.0**100)  # a whole number may be too large for a float
    if size > free:
        raise UserError(f"{needs} {_words(size)}, but only {_words(free)} of {of} are free: {remedy}.")


def _words(size: float) -> str:
    unit, name = next(((unit, name) for unit, name in _UNITS if size >= unit), _UNITS[-1])
    return f"{size / unit:,.1f} {name}"
