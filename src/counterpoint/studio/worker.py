"""A separate process for tasks that are heavy or may crash; it runs one task at a time, which can be cancelled."""

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
"""Seconds that a cancelled task has to end before its process is killed."""
_LOG = logging.getLogger("counterpoint.studio")
Message = Mapping[str, Any]


class CancelledError(Exception):
    """The task was cancelled."""


class TaskError(Exception):
    """The task failed; the message is one sentence."""


class Task(Protocol):
    """A running task, as the function that carries it out sees it."""

    def report(self, message: Message) -> None:
        """Send a report to the caller of `Worker.run`."""
        ...

    def check(self) -> None:
        """
        Raises:
            CancelledError: the task was cancelled.
        """
        ...


CarryOut = Callable[[Message, Task], Message]
"""A function from (request, task) to the result, defined at the top level of a module, since another process imports
it."""


class Worker:
    """A process that carries out tasks, and is restarted if it has ended.

    Args:
        carry_out: function that carries out a task.
        limit_s: time limit of a task in seconds; None for no limit.
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
        """Start the process in advance, so that the first task need not wait for it."""
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
        """Id of the process."""
        return self._process.pid if self._process else None

    def run(self, request: Message, *, on_report: Callable[[Message], None] = lambda message: None) -> Message:
        """Carry out a task and wait for its result.

        Args:
            request: values that can be sent to another process.
            on_report: called with each report of the task.

        Raises:
            CancelledError: the task was cancelled.
            TaskError: the task failed, took too long, or ended its process.
        """
        with self._one_at_a_time:
            self._cancelled.clear()
            self.start()
            assert self._pipe is not None
            try:
                self._pipe.send(request)
                return self._wait(on_report)
            except (EOFError, OSError):
                self._kill()  # it may still be ending
                if self._cancelled.is_set() or self._closing:
                    raise CancelledError from None
                raise TaskError(
                    "The worker process ended, perhaps because memory ran out; request less music, or try again."
                ) from None

    def _wait(self, on_report: Callable[[Message], None]) -> Message:
        assert self._pipe is not None
        began, cancelled_at = time.monotonic(), None
        while True:
            if self._pipe.poll(0.1):
                kind, content = self._pipe.recv()
                if kind == "report":
                    self._pass_on(content, on_report)
                    continue
                return _result(kind, content)
            now = time.monotonic()
            if self._limit_s is not None and now - began > self._limit_s:
                self._kill()
                raise TaskError(f"The task took longer than {self._limit_s:g} s and was stopped; use a smaller file.")
            if self._cancelled.is_set():
                cancelled_at = cancelled_at or now
                if now - cancelled_at > GRACE_S:
                    self._kill()
                    raise CancelledError

    def _pass_on(self, content: Message, on_report: Callable[[Message], None]) -> None:
        """Call `on_report`; if it fails, the process ends, so that the next task does not read this one's reports."""
        try:
            on_report(content)
        except Exception as error:
            self._kill()
            _LOG.exception("A report could not be stored.")
            raise TaskError(_sentence(error)) from None

    def cancel(self) -> None:
        """Request that the running task ends."""
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
    """The implementation of `Task` in the worker's process."""

    def __init__(self, pipe: Connection, cancelled: Any):
        self._pipe, self._cancelled = pipe, cancelled

    def report(self, message: Message) -> None:
        self._pipe.send(("report", message))

    def check(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError


def _live(pipe: Connection, cancelled: Any, carry_out: CarryOut) -> None:
    """Carry out tasks until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server ends this process
    _end_with_parent()
    while True:
        try:
            request = pipe.recv()
        except (EOFError, OSError):
            return
        pipe.send(_answer(request, _Task(pipe, cancelled), carry_out))


def _end_with_parent() -> None:
    """End this process when its parent ends; a killed server does not close pipes of which copies are open."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _answer(request: Message, task: Task, carry_out: CarryOut) -> tuple[str, Any]:
    try:
        return "done", carry_out(request, task)
    except CancelledError:
        return "cancelled", None
    except UserError as error:
        return "failed", str(error)
    except Exception as error:
        logging.basicConfig(stream=sys.stderr)
        _LOG.exception("A task failed.")
        return "failed", _sentence(error)


def _sentence(error: Exception) -> str:
    """The sentence that a user reads about an error that the request has not caused."""
    if isinstance(error, MemoryError):
        return "There is not enough memory for this; request less music."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "The disk is full; delete pieces that you no longer need."
    return "An internal error occurred; the details are printed in the terminal in which the studio runs."
