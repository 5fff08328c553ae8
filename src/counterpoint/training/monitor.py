"""The progress bar, metrics.jsonl and Ctrl-C of a training."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, TextIO

from counterpoint.config import atomic_write

PLAIN_EVERY_S = 30.0
"""Seconds between lines if the output is not a terminal."""


class TrainingStopped(KeyboardInterrupt):
    """Raised when a training was stopped; its checkpoint has been written.

    A KeyboardInterrupt, so that `except Exception` lets it pass and the command line ends with exit code 130.
    """

    def __init__(self, message: str, *, step: int):
        super().__init__(message)
        self.step = step


class MetricsLog:
    """A JSON-lines file that holds each step once, however often the training was interrupted.

    Args:
        path: the file; lines beyond `step` and a torn last line are removed.
        step: number of updates so far; -1 starts a new file.
        also: called with the values of each line and, as `step`, its step.
    """

    def __init__(self, path: Path, *, step: int, also: Callable[..., object] = lambda values, step: None):
        kept = [line for line in _complete_lines(path) if json.loads(line)["step"] <= step]
        atomic_write(
            path, lambda temporary: temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        )
        self._path, self._also = path, also
        self._file: TextIO = path.open("a", encoding="utf-8", buffering=1)

    def write(self, *, step: int, **values: Any) -> None:
        """Append one line.

        Raises:
            OSError: the disk is full.
        """
        try:
            self._file.write(json.dumps({"step": step, **values}) + "\n")
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        self._also(values, step=step)

    def sync(self) -> None:
        """Flush the lines to disk before a checkpoint, so that no line that it covers is missing."""
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
        except OSError:  # the disk is full and a line is unwritten, which the first error reports
            if error is None:
                raise


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Every complete line of a metrics file, in order."""
    return [json.loads(line) for line in _complete_lines(path)]


def _complete_lines(path: Path) -> list[str]:
    """Complete lines; a kill may have cut the last one."""
    if not path.is_file():
        return []
    lines = []
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]:
        try:
            whole = isinstance(json.loads(line)["step"], int)
        except (ValueError, KeyError, TypeError):
            whole = False
        if whole:
            lines.append(line)
    return lines


class TrainingProgress:
    """A bar with loss, rate and remaining time on a terminal, occasional lines elsewhere; both on stderr.

    Args:
        label: label of the training.
        total: total number of updates.
        done: number of updates already made.
        shown: False shows only important notes.
    """

    def __init__(self, label: str, *, total: int, done: int = 0, shown: bool = True):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            disable=not (shown and self.console.is_terminal),
        )
        self.shown = shown
        self._plain = shown and not self.console.is_terminal
        self._label = label
        self._total, self._first = total, done
        self._started = self._last_plain = time.monotonic()
        self._audio_s = 0.0
        self._task = self._bar.add_task(label, total=total, completed=done, status="", left="")

    def __enter__(self) -> TrainingProgress:
        self._bar.start()
        self._started = self._last_plain = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def update(self, step: int, *, loss: float, audio_s: float) -> None:
        """Show the state after an update: `step` updates in all, on `audio_s` seconds of audio."""
        self._audio_s += audio_s
        now = time.monotonic()
        elapsed_s = max(now - self._started, 1e-9)
        rate = (step - self._first) / elapsed_s
        status = f"loss {loss:.4f}  {_rate(rate)}  {self._audio_s / elapsed_s:.0f}x real time"
        left = f"{_clock((self._total - step) / rate)} left"
        self._bar.update(self._task, completed=step, status=status, left=left)
        if self._plain and (now - self._last_plain >= PLAIN_EVERY_S or step == self._total):
            self._last_plain = now
            self.console.print(f"{self._label} {step}/{self._total}  {status}  {left}", soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a line above the bar, even if the bar is not shown."""
        self.console.print(text, soft_wrap=True, markup=False)


def _rate(steps_per_s: float) -> str:
    return f"{steps_per_s:.2f} steps/s" if steps_per_s >= 0.1 else f"{1 / steps_per_s:.1f} s/step"


def _clock(seconds: float) -> str:
    minutes, second = divmod(int(seconds + 0.5), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Yield a function that returns whether SIGINT or SIGTERM was received; a second signal has its default effect.

    Outside the main thread, where Python allows no handlers, the function always returns False.
    """
    interrupted = False
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)

    def handle(_number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        restore()

    for number in previous:
        signal.signal(number, handle)
    try:
        yield lambda: interrupted
    finally:
        restore()
