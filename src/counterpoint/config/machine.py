"""The machine: its processors, and this process's memory, read from /proc on Linux; elsewhere None."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path

from counterpoint.config.text import split_lines

_LIMIT, _USED = (Path("/sys/fs/cgroup") / name for name in ("memory.max", "memory.current"))


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor() -> str:
    """The processor's name."""
    lines = split_lines(read_proc("cpuinfo"))
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def reset_peak_memory() -> None:
    """Reset the system's record of this process's peak."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def peak_memory() -> int | None:
    """Largest resident size of this process, bytes; if /proc has it, since the last reset."""
    peak = _status("VmHWM:")
    if peak is not None:
        return peak
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def resident_memory() -> int | None:
    """Resident size of this process, bytes."""
    return _status("VmRSS:")


def free_memory() -> int:
    """Memory still available to this process, bytes: of the machine or of its container."""
    import psutil

    free = psutil.virtual_memory().available
    try:
        return min(free, int(_LIMIT.read_text()) - int(_USED.read_text()))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return free


def read_proc(name: str) -> str:
    """A file of /proc; "" if there is none."""
    try:
        return Path("/proc", name).read_text()
    except OSError:
        return ""


def _status(name: str) -> int | None:
    lines = split_lines(read_proc("self/status"))
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), None)
