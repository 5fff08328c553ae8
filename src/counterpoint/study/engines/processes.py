"""Steps in processes of this machine. A process runs one step after another, so that it loads torch only once."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess, parent_process

from counterpoint.config.machine import cores
from counterpoint.config.workers import forking_context, settle
from counterpoint.study.engine import LocalEngine
from counterpoint.study.engines.dispatch import STOP_S, Ended
from counterpoint.study.engines.worker import HEAVY, attempt, elsewhere, listen_for_interrupts
from counterpoint.study.work import Step

PATIENCE_S = 1.0


@dataclass(frozen=True)
class Place:
    """The resources of one process.

    Attributes:
        number: number of the process, from 0.
        threads: number of threads of torch.
        device: number of its GPU; None without GPUs.
    """

    number: int
    threads: int
    device: int | None = None


class _Process:
    """A process and the step that it runs."""

    def __init__(self, place: Place, *, local: LocalEngine):
        context = forking_context(*HEAVY)
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs, place, local, dict(os.environ)), name=f"steps {place.number}"
        )
        self.process.start()
        theirs.close()
        self.key = ""

    def ended(self) -> Ended | None:
        """The end of its step, or its loss; None while it is still running."""
        if not self.key:
            return None
        try:
            if not self.pipe.poll():
                return None if self.process.is_alive() else self._lost()
            return self.pipe.recv()
        except (EOFError, OSError):
            return self._lost()

    def _lost(self) -> Ended:
        self.process.join()
        code = self.process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return Ended(self.key, error=f"Its process ended {how}.", lost=True)


class ProcessPool:
    """A pool of processes; see `dispatch.Pool`.

    Args:
        local: engine that completes one step.
        jobs: number of steps that run at once.
    """

    takes_waiting = False

    def __init__(self, local: LocalEngine, *, jobs: int):
        self._local = elsewhere(local)
        self._free = places(jobs)
        self._processes: dict[Place, _Process] = {}

    def has_room(self) -> bool:
        return bool(self._free)

    def start(self, step: Step) -> None:
        place = self._free.pop(0)
        there = self._processes.get(place)
        if there is None or not there.process.is_alive():
            there = self._processes[place] = _Process(place, local=self._local)
        there.key = step.key
        there.pipe.send(step)

    def wait(self) -> Sequence[Ended]:
        busy = {place: there for place, there in self._processes.items() if there.key}
        wait([each for there in busy.values() for each in (there.pipe, there.process.sentinel)], timeout=PATIENCE_S)
        found = []
        for place, there in busy.items():
            ended = there.ended()
            if ended is not None:
                found.append(ended)
                there.key = ""
                self._free.insert(0, place)  # the next step may reuse what it has loaded
                if ended.lost:
                    del self._processes[place]
        return found

    def stop(self) -> None:
        """Interrupt every process once, as Ctrl-C does, and wait; a second Ctrl-C kills them, and so does `STOP_S`."""
        busy = [there for there in self._processes.values() if there.key]
        deadline = time.monotonic() + STOP_S
        try:
            for there in busy:
                if there.process.is_alive() and there.process.pid is not None:
                    os.kill(there.process.pid, signal.SIGINT)
            while any(there.key for there in busy) and time.monotonic() < deadline:
                self.wait()
        finally:
            for there in busy:
                if there.key:
                    there.process.kill()

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, *_: object) -> None:
        for there in self._processes.values():
            there.pipe.close()
        for there in self._processes.values():
            there.process.join(timeout=PATIENCE_S)
            if there.process.is_alive():
                there.process.kill()
                there.process.join()


def places(jobs: int) -> list[Place]:
    """Divide the cores and GPUs of this machine among `jobs` processes."""
    import torch

    threads, devices = max(1, cores() // jobs), torch.cuda.device_count()
    return [Place(number, threads, device=number % devices if devices else None) for number in range(jobs)]


def _serve(pipe: Connection, place: Place, local: LocalEngine, environment: Mapping[str, str]) -> None:
    """Run the steps that come through the pipe until it is closed."""
    if hasattr(os, "setpgrp"):
        os.setpgrp()  # Ctrl-C must reach only the engine, which interrupts each process once
    listen_for_interrupts()
    settle(environment, threads=place.threads)
    if place.device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(place.device)
    _leave_with_parent()
    while True:
        try:
            pipe.send(attempt(pipe.recv(), local=local))
        except (EOFError, OSError, KeyboardInterrupt):
            return


def _leave_with_parent() -> None:
    """Interrupt this process if the engine's process ends first, so that a step can continue later."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=watch, name="watch the engine", daemon=True).start()
