"""A process of its own for what is heavy or may crash: one task at a time, watched on the way, stopped at once."""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Protocol

from counterpoint.config import UserError

GRACE_S = 8.0
"""A task that was cancelled may go on for so long before its process is killed."""
_LOG = logging.getLogger("counterpoint.studio")
Message = Mapping[str, Any]


class CancelledError(Exception):
    """The task was cancelled."""


class TaskError(Exception):
    """The task failed, for a reason in one sentence."""


class Task(Protocol):
    """What a worker's process needs of the task that it carries out."""

    def tell(self, message: Message) -> None:
        """Report to whoever waits."""
        ...

    def check(self) -> None:
        """
        Raises:
            CancelledError: somebody cancelled the task.
        """
        ...


CarryOut = Callable[[Message, Task], Message]
"""(what is asked, the task) to the result; a function at the top of a module, since another process imports it."""


class Worker:
    """A process that carries out tasks, and is started again where it ended.

    Args:
        carry_out: what it does.
        limit_s: a task that takes longer is given up; None waits for as long as it takes.
    """

    def __init__(self, carry_out: CarryOut, *, limit_s: float | None = None):
        self._carry_out, self._limit_s = carry_out, limit_s
        self._context = multiprocessing.get_context("spawn")
        self._cancelled = self._context.Event()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._one_at_a_time = threading.Lock()
        self._closing = False

    def start(self) -> None:
        """Start the process, so that the first task need not wait for it."""
        if self._process is not None and self._process.is_alive():
            return
        self._pipe, theirs = self._context.Pipe()
        self._process = self._context.Process(
            target=_live, args=(theirs, self._cancelled, self._carry_out), name="counterpoint-studio", daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self._process.pid if self._process else None

    def run(self, asked: Message, *, told: Callable[[Message], None] = lambda message: None) -> Message:
        """Carry out a task and wait for its result.

        Args:
            asked: plain values.
            told: is called with what the task reports.

        Raises:
            CancelledError: it was cancelled.
            TaskError: it failed, took too long, or ended its process.
        """
        with self._one_at_a_time:
            self._cancelled.clear()
            self.start()
            assert self._pipe is not None
            try:
                self._pipe.send(asked)
                return self._wait(told)
            except (EOFError, OSError):
                self._kill()  # it may still be ending
                if self._cancelled.is_set() or self._closing:
                    raise CancelledError from None
                raise TaskError(
                    "The process that does the work ended, perhaps because memory ran out; ask for less, or try again."
                ) from None

    def _wait(self, told: Callable[[Message], None]) -> Message:
        assert self._pipe is not None
        began, cancelled_at = time.monotonic(), None
        while True:
            if self._pipe.poll(0.1):
                kind, content = self._pipe.recv()
                if kind == "told":
                    told(content)
                    continue
                return _result(kind, content)
            now = time.monotonic()
            if self._limit_s is not None and now - began > self._limit_s:
                self._kill()
                raise TaskError(f"This took longer than {self._limit_s:g} s and was given up; give a smaller file.")
            if self._cancelled.is_set():
                cancelled_at = cancelled_at or now
                if now - cancelled_at > GRACE_S:
                    self._kill()
                    raise CancelledError

    def cancel(self) -> None:
        """Ask the task that is being carried out to end."""
        self._cancelled.set()

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.join(5)
        self._process = None

    def close(self) -> None:
        """End the process."""
        self._closing = True
        self._cancelled.set()
        self._kill()


def _result(kind: str, content: Any) -> Message:
    if kind == "cancelled":
        raise CancelledError
    if kind == "failed":
        raise TaskError(content)
    return content


class _Task:
    """See `Task`."""

    def __init__(self, pipe: Connection, cancelled: Any):
        self._pipe, self._cancelled = pipe, cancelled

    def tell(self, message: Message) -> None:
        self._pipe.send(("told", message))

    def check(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError


def _live(pipe: Connection, cancelled: Any, carry_out: CarryOut) -> None:
    """The process: tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends it
    _end_with_parent()
    while True:
        try:
            asked = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answer(asked, _Task(pipe, cancelled), carry_out))


def _end_with_parent() -> None:
    """A server that is killed closes no pipe that a copy of holds open, so the process looks for its parent."""
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _answer(asked: Message, task: Task, carry_out: CarryOut) -> tuple[str, Any]:
    try:
        return "done", carry_out(asked, task)
    except CancelledError:
        return "cancelled", None
    except UserError as error:
        return "failed", str(error)
    except MemoryError:
        return "failed", "There is not enough memory for this; ask for less."
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        _LOG.exception("A task failed.")
        return "failed", "The disk is full: delete pieces that you no longer need." if full else _MISTAKE
    except Exception:
        logging.basicConfig(stream=sys.stderr)
        _LOG.exception("A task failed.")
        return "failed", _MISTAKE


_MISTAKE = "The studio made a mistake; the terminal that it runs in has the details."
