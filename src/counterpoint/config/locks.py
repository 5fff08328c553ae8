"""One writer at a time: a process that writes a dataset, a run or a cache locks it; a second one waits or reports who
holds the lock.

The lock is a file `.NAME.lock` beside what is written, since a folder may be replaced as a whole. The system releases
it when the process ends, however it ends; the file of a killed process may remain, and blocks no other. Where
there are no locks (some network file systems) nothing is held. Imports no torch.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from counterpoint.config.errors import UserError
from counterpoint.config.paths import shown, true_path

fcntl: Any
msvcrt: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
try:
    import msvcrt
except ImportError:  # everywhere else
    msvcrt = None

_LONGEST_NAME = 255
_FAR = 1 << 30
"""Windows lets no other process read a locked byte, so a byte beyond the end of any file is locked."""
_ASK_EVERY_S = 0.1
_MOST_VANISHED = 100
"""Times that the folder of a lock may vanish before its file is opened."""


def warn_waiting(holder: str) -> None:
    """Warn that another process is waited for."""
    warnings.warn(f"Waiting for {holder}.", stacklevel=3)


@contextmanager
def sole_writer(path: Path, *, on_wait: Callable[[str], object] | None = None) -> Iterator[None]:
    """Hold a file or folder, which need not exist yet, against all other processes and threads.

    Args:
        on_wait: called once with a description of the holder before waiting; it may raise to avoid waiting.
            None refuses.

    Raises:
        UserError: another process holds it, and `on_wait` is None.
    """
    handle = _acquire(path, on_wait=on_wait)
    try:
        yield
    finally:
        _release(handle)


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold a file or folder if no other process does, and yield whether it is held: False if another holds it or there
    are no locks here."""
    try:
        handle = _acquire(path, on_wait=None)
    except UserError:
        handle = None
    try:
        yield handle is not None
    finally:
        _release(handle)


def _release(handle: IO[str] | None) -> None:
    if handle is not None:
        with suppress(OSError):
            if _is_still_there(handle, place := Path(handle.name)):  # not the file of a later holder
                place.unlink()  # while it is held; Windows deletes no open file, which then stays
        handle.close()


def _acquire(path: Path, *, on_wait: Callable[[str], object] | None) -> IO[str] | None:
    """The locked file; None where there can be none."""
    place, has_said, vanished = _place(path), False, 0
    while True:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            handle = place.open("a+", encoding="utf-8", errors="replace")
        except FileNotFoundError:  # another process has removed the folder in between (`config.aside`), or none can be
            if vanished == _MOST_VANISHED:
                return None
            vanished += 1
            continue
        except OSError:  # writing there will meet the same fault and report it
            return None
        try:
            is_ours = _try_lock(handle)
        except OSError:
            _release(handle)
            return None
        if is_ours and _is_still_there(handle, place):
            handle.truncate(0)
            handle.write(_this_process())
            handle.flush()
            return handle
        holder = "" if is_ours else _holder(handle)
        handle.close()
        if is_ours:  # the previous holder has deleted this file meanwhile
            continue
        if on_wait is None:
            raise UserError(f"{shown(path)} is being written by {holder}; wait for it, or give another path.")
        if not has_said:
            on_wait(holder)
            has_said = True
        time.sleep(_ASK_EVERY_S)


def _place(path: Path) -> Path:
    """The lock's file: beside `path`; in it if its parent folder is not writable, and so it cannot be replaced
    either."""
    path = true_path(path)
    if path.is_dir() and not os.access(path.parent, os.W_OK):
        return path / ".lock"
    name = f".{path.name}.lock"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(name)).hexdigest()}.lock"
    return path.parent / name


def _try_lock(handle: IO[str]) -> bool:
    """Whether the lock was free, and is ours now.

    Raises:
        OSError: this file system has no locks.
    """
    if fcntl is not None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    elif msvcrt is not None:
        handle.seek(_FAR)
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
    else:
        raise OSError("This system has no locks.")
    return True


def _is_still_there(handle: IO[str], place: Path) -> bool:
    """Whether the locked file is the one that others find: an earlier holder deletes its own."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), place.stat())
    except OSError:
        return False


def _this_process() -> str:
    words = [Path(sys.argv[0]).name or "python", *sys.argv[1:3]]
    return f"process {os.getpid()} ({' '.join(words)[:80]})"


def _holder(handle: IO[str]) -> str:
    with suppress(OSError):
        handle.seek(0)
        return handle.read(200) or "another process"
    return "another process"
