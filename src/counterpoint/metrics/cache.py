"""A cache on disk of what judges and extractors compute, so that the same audio is analysed only once.

The key of an entry is the content of the file, its time span, and the version of the judge: a new judge, new weights or
other preprocessing code find no entry and compute a new one. No entry is ever wrong, so nothing has to be cleaned. An
entry takes about 5 kB, and the folder may be deleted at any time, whole or in part. Any number of processes and threads
may share it: entries are written atomically, and two processes that compute the same entry write the same content.
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
from counterpoint.config.paths import true_path
from counterpoint.metrics.base import Clip

FOLDER_VARIABLE = "COUNTERPOINT_HEARD"
"""Environment variable that moves `folder`; "off" disables the cache."""


def folder() -> Path | None:
    """Folder of the entries; None if the cache is disabled."""
    named = os.environ.get(FOLDER_VARIABLE)
    return None if named == "off" else Path(named or "~/.cache/counterpoint/heard").expanduser()


def remembered(
    clip: Clip, *, name: str, version: str, compute: Callable[[], Mapping[str, np.ndarray]]
) -> Mapping[str, np.ndarray]:
    """The cached output of `name` for a clip, or else the output of `analyze`, which is then cached.

    Args:
        name: name of the judge; its entries are in a folder of that name.
        version: digest of everything that the output depends on except the audio.
        compute: computes the output, arrays by name; its errors are passed on.
    """
    root = folder()
    if root is None or not clip.audio.is_file():
        return compute()
    key = digest([_content(clip.audio), clip.start_s, clip.duration_s])
    path = root / f"{name}-{digest(version)}" / key[:2] / f"{key}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    output = compute()
    with suppress(OSError):  # a full disk or a read-only folder must not stop an evaluation
        atomic_write(path, lambda temporary: np.savez(temporary, allow_pickle=False, **output))
    return output


def _read(path: Path) -> dict[str, np.ndarray] | None:
    """Read an entry; None if it is missing or damaged."""
    try:
        with np.load(path) as entry:
            return dict(entry)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        return None


def _content(path: Path) -> str:
    status = path.stat()
    return _digest(true_path(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=1 << 16)
def _digest(path: Path, size: int, changed: int) -> str:
    """Digest of a file's bytes, computed once for all windows of a long file: 1 GB/s, about 1 ms for 10 s of audio."""
    del size, changed
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
