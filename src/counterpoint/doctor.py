"""The optional and required parts on this machine, and how to get missing ones. Nothing is downloaded or installed.

A *needed* part is one without which some feature of the package does not work; all other parts are optional.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from counterpoint.config import UserError
from counterpoint.config.borrowed import command_for, find_package, requirement_of
from counterpoint.config.device import describe_device, find_device
from counterpoint.config.machine import cores, free_memory, processor
from counterpoint.package import VERSION

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Finding:
    """One part of the machine.

    Attributes:
        part: name of the part.
        use: purpose of the part.
        found: its version or place; "" if it is missing.
        needed: whether some feature of the package does not work without it.
        remedy: sentence or command to get the part, or "".
    """

    part: str
    use: str
    found: str
    needed: bool = False
    remedy: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the part is needed and missing."""
        return self.needed and not self.found


def examine_machine() -> list[Finding]:
    """Examine all parts; needed parts come first."""
    return [*_needed(), *_faster(), *_programs(), *_judges()]


def print_findings(findings: Sequence[Finding], *, console: Console) -> None:
    """Print the parts as a table, and below it how to get the missing ones."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("part", "found", "purpose"):
        table.add_column(heading)
    for each in findings:
        here = each.found or ("missing but needed" if each.needed else "not available")
        table.add_row(each.part, here, each.use, style="red" if each.is_fault else "" if each.found else "dim")
    console.print(table)
    for each in findings:
        if not each.found and each.remedy:
            console.print(f"{each.part}: {each.remedy}", highlight=False, markup=False, soft_wrap=True)


def _needed() -> list[Finding]:
    from counterpoint.compose import render

    python = f"{platform.python_version()} on {platform.system()}, {cores()} cores of {processor()}"
    return [
        Finding("counterpoint", "this package", VERSION, needed=True),
        Finding("Python", "everything; 3.11 or later", python, needed=True),
        Finding("memory", "models and batches", f"{free_memory() / 1e9:.1f} GB free", True),
        Finding("torch", "networks", _version("torch"), True, "pip install torch"),
        Finding("soundfont", "composed music", _soundfont(render), True, "pip install pretty_midi"),
        _borrowed("tinysoundfont", use="composed music"),
        _borrowed("musicnn", use="offline judges and tags"),
        _borrowed("basic_pitch", use="recognition of melodies"),
    ]


def _borrowed(package: str, *, use: str) -> Finding:
    remedy = f"it is downloaded with pip when it is first needed; to install it now, run {command_for(package)}"
    return Finding(requirement_of(package), use, str(find_package(package) or ""), remedy=remedy)


def _faster() -> list[Finding]:
    from counterpoint.kernels import build

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kernels = "compiled" if build.library() is not None else ""
    why = str(caught[-1].message) if caught else ""
    remedy = f"{why} Install g++ or clang++.".strip()
    return [
        Finding(
            "GPU",
            "training and generation at the paper's size",
            _gpu(),
            remedy="everything works without one; for an NVIDIA GPU install torch for your CUDA version.",
        ),
        Finding("kernels", "fast auto-regressive decoding on a CPU", kernels, remedy=remedy),
    ]


def _programs() -> list[Finding]:
    from counterpoint.metrics.visqol import PROGRAM, find_visqol

    visqol = find_visqol()
    return [
        Finding(
            "ViSQOL",
            "opinion scores of codecs (appendix_b)",
            str(visqol or ""),
            remedy=f"build it from https://github.com/google/visqol and put `{PROGRAM}` on the PATH.",
        ),
        Finding(
            "ffmpeg",
            "reading formats that libsndfile does not decode, such as m4a",
            shutil.which("ffmpeg") or "",
            remedy="install ffmpeg with your system's package manager.",
        ),
    ]


def _judges() -> list[Finding]:
    from counterpoint.metrics.checkpoints import statuses

    return [Finding(each.name, ", ".join(each.gives), each.checkpoint, remedy=each.remedy) for each in statuses()]


def _gpu() -> str:
    if importlib.util.find_spec("torch") is None:
        return ""
    device = find_device()
    return "" if device == "cpu" else describe_device(device)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _soundfont(render: ModuleType) -> str:
    try:
        return f"{len(render.soundfont()) / 1e6:.1f} MB"
    except UserError:
        return ""
