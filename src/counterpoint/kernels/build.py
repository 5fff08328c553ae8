"""Compilation of `kernels.cpp`, once per machine, in about two seconds; the result is kept in the user's cache."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import subprocess
import warnings
from functools import cache
from pathlib import Path

from counterpoint.config.files import atomic_write
from counterpoint.config.machine import read_proc
from counterpoint.config.text import split_lines

SOURCE = Path(__file__).parent / "kernels.cpp"
FLAGS = ("-O2", "-march=native", "-ffast-math", "-fopenmp", "-fPIC", "-std=c++17")
_ARGUMENTS = {"linear": (7, 4), "decode": (6, 0)}
"""Number of pointers, then number of integers, of each kernel, which there is in three precisions."""


@cache
def library() -> ctypes.CDLL | None:
    """The compiled kernels, or None if they are not available, with one warning that gives the reason."""
    target = _cached()
    try:
        if not target.is_file():
            _compile(target)
        loaded = ctypes.CDLL(str(target))
    except (OSError, subprocess.CalledProcessError, _NoCompilerError) as error:
        said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
        reason = said.strip().partition("\n")[0] or "the compiler failed"
        warnings.warn(f"The compiled kernels are not available ({reason}); torch's slower ones are used.", stacklevel=3)
        return None
    for name, (pointers, integers) in _ARGUMENTS.items():
        for precision in ("fp32", "fp16", "int8"):
            function = getattr(loaded, f"{name}_{precision}")
            function.argtypes = [ctypes.c_void_p] * pointers + [ctypes.c_int] * integers
            function.restype = None
    if hasattr(os, "register_at_fork"):  # as for torch, see `config.device`; this is another OpenMP
        os.register_at_fork(after_in_child=lambda: loaded.omp_set_num_threads(1))
    return loaded


class _NoCompilerError(Exception):
    pass


def _cached() -> Path:
    """One file for each version of the source and each kind of processor, since several may share a home folder."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterpoint" / "kernels"
    identity = SOURCE.read_bytes() + " ".join((*FLAGS, platform.machine(), _processor())).encode()
    return root / f"{hashlib.sha256(identity).hexdigest()[:16]}.so"


def _processor() -> str:
    lines = split_lines(read_proc("cpuinfo"))
    return next((line for line in lines if line.startswith("flags")), platform.processor())


def _compile(target: Path) -> None:
    """Compile to a temporary file and rename it, so that two processes may do so at once."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise _NoCompilerError("no g++ or clang++ was found")

    def build(linked: Path) -> None:
        compiled = linked.with_suffix(".o")
        # Linked without -ffast-math, with which a library would make denormal numbers zero in the whole process.
        for command in ([*FLAGS, "-c", SOURCE, "-o", compiled], ["-fopenmp", "-shared", compiled, "-o", linked]):
            subprocess.run([compiler, *command], check=True, capture_output=True, text=True)

    atomic_write(target, build)
