"""What was heard in a clip, kept on disk: judging the same audio again listens to nothing.

An entry is found by the bytes of the file, the stretch of it, and the version of who listens: a new judge, new weights
or other code before the judge find none and listen anew. Nothing kept is ever wrong, so nothing has to be cleaned; an
entry takes about 5 kB, and the folder may be deleted at any time, whole or in part. Any number of processes and threads
may share it: entries appear whole, and two that hear the same at once write the same.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np

from counterpoint.config import atomic_write, digest
from counterpoint.metrics.base import Clip

FOLDER_VARIABLE = "COUNTERPOINT_HEARD"
"""Environment variable that moves `folder`; "off" keeps nothing."""


def folder() -> Path | None:
    """Where entries lie; None where nothing is to be kept."""
    named = os.environ.get(FOLDER_VARIABLE)
    return None if named == "off" else Path(named or "~/.cache/counterpoint/heard").expanduser()


def remembered(
    clip: Clip, *, name: str, version: str, hear: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """What `name` hears in a clip: as kept, or by `hear`, and kept.

    Args:
        name: of who listens; entries lie in a folder of that name.
        version: of all that the answer depends on but the audio.
        hear: arrays by name; what it raises is raised.
    """
    root = folder()
    if root is None or not clip.audio.is_file():
        return hear()
    key = digest([_content(clip.audio), clip.start_s, clip.duration_s])
    path = root / f"{name}-{digest(version)}" / key[:2] / f"{key}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    heard = hear()
    with suppress(OSError):  # a full disk, or a folder that cannot be written, is no reason not to judge
        atomic_write(path, lambda temporary: np.savez(temporary, allow_pickle=False, **heard))
    return heard


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """An entry; None where there is none, or a damaged one."""
    try:
        with np.load(path) as entry:
            return dict(entry)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return None


def _content(path: Path) -> str:
    status = path.stat()
    return _digest(path.resolve(), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _digest(path: Path, size: int, changed: int) -> str:
    """Of a file's bytes, once for all the windows of a long one: 1 GB/s, about 1 ms for 10 s of audio."""
    del size, changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
