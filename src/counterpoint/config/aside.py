"""Hidden folders in which files and folders are made before they take their places, and the removal of those whose
process was killed.

PLACE/.part-xxxxxxxx/{new, old/NAME, .lock}: what is made there, what it is to replace while the two change places, and
the lock (`config.locks`) that its process holds. A folder that no process holds any more was left by a process that was
killed: the next one that writes into PLACE removes it, and puts back what was being replaced. Imports no torch.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from counterpoint.config.locks import held_if_free, sole_writer
from counterpoint.config.paths import ASIDE, shown

_OLD = "old"
_tidied: set[Path] = set()
"""Folders that were already checked: leftovers come from processes before this one."""


@contextmanager
def beside(place: Path) -> Iterator[Path]:
    """A new hidden folder in the folder `place`; whatever is still in it at the end is deleted.

    Raises:
        OSError: nothing can be written into `place`.
    """
    _tidy(place)
    aside = Path(tempfile.mkdtemp(prefix=ASIDE, dir=place))
    try:
        with sole_writer(_lock(aside), on_wait=lambda _: None):
            yield aside
    finally:
        with suppress(OSError):  # what cannot be put back stays; the next process tries again
            _clear(aside)


def put(new: Path, path: Path, *, aside: Path) -> None:
    """Rename a folder to `path`; an existing one is moved into `aside`, and back if `new` cannot take its place.

    Args:
        aside: from `beside`, of the same file system.
    """
    if path.exists():
        (aside / _OLD).mkdir()
        path.rename(aside / _OLD / path.name)
    new.rename(path)


def _tidy(place: Path) -> None:
    """Remove what killed processes left in a folder, once in the life of this process."""
    place = place.absolute()
    if place in _tidied:
        return
    _tidied.add(place)
    with suppress(OSError), os.scandir(place) as found:
        left = [Path(each.path) for each in found if each.name.startswith(ASIDE) and each.is_dir(follow_symlinks=False)]
        for aside in left:
            with held_if_free(_lock(aside)) as is_free, suppress(OSError):
                if is_free:
                    _clear(aside, on_return=_say)


def _clear(aside: Path, *, on_return: Callable[[Path], object] = lambda _: None) -> None:
    """Delete a folder aside; if it holds a folder that was being replaced and whose place is free, that is put back
    first.

    Args:
        on_return: called with each folder that is back in its place.
    """
    for old in (aside / _OLD).iterdir() if (aside / _OLD).is_dir() else ():
        if not os.path.lexists(path := aside.parent / old.name):
            old.rename(path)
            on_return(path)
    shutil.rmtree(aside, ignore_errors=True)


def _say(path: Path) -> None:
    warnings.warn(
        f"{shown(path)} was being replaced when an earlier process was killed; the old one has been put back.",
        stacklevel=2,
    )


def _lock(aside: Path) -> Path:
    return aside / "x"
