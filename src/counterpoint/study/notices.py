"""Notices about running steps, which are stored next to the results so that every machine can read them.

STORE/notices/<key>.json    a `Notice`: updated every few seconds while the step runs, deleted when it has finished,
                            and kept with the error if it fails
STORE/logs/<name>-<key>.log the output of the step, if it ran in a separate process
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from counterpoint.config import UserError, read_json, write_json
from counterpoint.results.records import Record

FOLDER, LOGS = "notices", "logs"
RENEW_EVERY_S = 5.0
LOST_AFTER_S = 60.0
"""An older notice belongs to a process that was killed or to a machine that was lost."""


class Notice(Record):
    """A running or failed step.

    Attributes:
        name: name of the step.
        key: key of the step.
        host, pid: process that runs it.
        started, renewed: Unix times.
        done, total: progress of the step in its own unit; 0 of 0 if it reports none.
        error: reason for its failure, in one sentence; "" while it runs.
        is_lasting: whether another attempt would fail in the same way.
    """

    name: str
    key: str
    host: str
    pid: int
    started: float
    renewed: float
    done: float = 0.0
    total: float = 0.0
    error: str = ""
    is_lasting: bool = False

    def is_alive(self, *, now: float) -> bool:
        """Whether its process is still running."""
        return not self.error and now - self.renewed < LOST_AFTER_S


class Announcement:
    """Keeps a step's notice up to date while the step runs: a context manager, called with (done, total).

    Args:
        store: folder of results.
        name: name of the step.
        key: key of the step.
    """

    def __init__(self, store: Path, *, name: str, key: str):
        self._path = store / FOLDER / f"{key}.json"
        now = time.time()
        self._notice = Notice(name=name, key=key, host=socket.gethostname(), pid=os.getpid(), started=now, renewed=now)
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, name=f"notice of {name}", daemon=True)

    def __call__(self, done: float, total: float) -> None:
        self._notice = self._notice.model_copy(update={"done": done, "total": total})

    def __enter__(self) -> Announcement:
        self._write()
        self._renewing.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._renewing.join()
        if isinstance(error, Exception):
            self._write(error=sentence(error), is_lasting=isinstance(error, UserError))
        else:
            self._path.unlink(missing_ok=True)

    def _renew(self) -> None:
        while not self._ended.wait(RENEW_EVERY_S):
            self._write()

    def _write(self, **changes: object) -> None:
        """Write the notice; a full disk is ignored here, since the step itself reports it."""
        self._notice = self._notice.model_copy(update={"renewed": time.time(), **changes})
        with suppress(OSError):
            write_json(self._path, self._notice.model_dump(mode="json"))


def notice_of(store: Path, key: str) -> Notice | None:
    """The notice of a step; None if the step is neither running nor failed."""
    path = store / FOLDER / f"{key}.json"
    try:
        return Notice.model_validate(read_json(path)) if path.is_file() else None
    except UserError:  # the step was finished between the two calls
        return None


def log_path(store: Path, *, name: str, key: str) -> Path:
    """The log file of a step that runs in a separate process."""
    return store / LOGS / f"{name}-{key}.log"


def sentence(error: BaseException) -> str:
    """An error as one line; the message of a `UserError` is one already."""
    text = " ".join(str(error).split())
    return text if isinstance(error, UserError) else f"{type(error).__name__}: {text}" if text else type(error).__name__
