"""On what, and with which versions, a report was made."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import counterpoint
from counterpoint.config.machine import cores, processor
from counterpoint.study.report.content import Fact

_PACKAGES = ("torch", "numpy", "transformers", "datasets", "vector-quantize-pytorch")


def machine_facts() -> list[Fact]:
    versions = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    commit = source_commit()
    return [
        Fact("Machine", f"{processor()}, {cores()} cores, {platform.system()}"),
        Fact(
            "Versions",
            f"counterpoint {counterpoint.__version__}{f' at {commit}' if commit else ''}, "
            f"Python {platform.python_version()}, {versions}",
        ),
    ]


def source_commit() -> str:
    """The commit of the package's checkout, marked where files differ from it; "" where it is not one."""
    folder = Path(counterpoint.__file__).parent
    try:
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        tracked = _git(folder, "ls-files", "--", "__init__.py")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return ""
    if not tracked:  # installed into an environment that lies inside some other repository
        return ""
    return f"{commit} with local changes" if changed else commit


def _git(folder: Path, *arguments: str) -> str:
    found = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return found.stdout.strip()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
