"""Batches read ahead: while one update is made, threads read and pad what the next ones need.

What is read is a pure function of the update's number, so reading ahead changes nothing but the time. Threads are
enough: copying from a memory-mapped file and from page to page leaves the interpreter to others.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")

DEPTH = 2
"""Updates that are read ahead; memory holds their batches."""
WORKERS = 2


class ReadAhead(Generic[T]):
    """The results of `read` for each update, in order.

    Args:
        read: a pure function of the number of an update.
        steps: updates in all; nothing is read beyond.
        depth: updates that are read ahead; 0 reads each when it is needed.
        workers: threads.
    """

    def __init__(self, read: Callable[[int], T], *, steps: int, depth: int = DEPTH, workers: int = WORKERS):
        self._read, self._steps, self._depth = read, steps, depth
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="read ahead") if depth else None
        self._begun: dict[int, Future[T]] = {}

    def __getitem__(self, step: int) -> T:
        """What update `step`, counted from 0, needs; errors of `read` come out here."""
        if self._threads is None:
            return self._read(step)
        for ahead in range(step, min(step + 1 + self._depth, self._steps)):
            if ahead not in self._begun:
                self._begun[ahead] = self._threads.submit(self._read, ahead)
        for other in [other for other in self._begun if other < step]:  # of a training that was wound back
            self._begun.pop(other).cancel()
        found = self._begun.pop(step, None)
        return self._read(step) if found is None else found.result()
