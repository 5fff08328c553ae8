"""The progress display of every verb: a bar on a terminal, occasional lines elsewhere, both on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[float, float], None]
"""Called with (done, total)."""
PLAIN_EVERY_S = 10.0
"""Seconds between two lines if there is no terminal."""


@contextmanager
def progress_bar(label: str, *, unit: str, shown: bool = True) -> Iterator[Progress]:
    """Yield a function of (done, total) that shows progress; nothing is shown before its first call."""
    if not shown:
        yield lambda done, total: None
    elif sys.stderr.isatty():
        with _bar(label, unit=unit) as move:
            yield move
    else:
        yield _Lines(label, unit=unit)


@contextmanager
def _bar(label: str, *, unit: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(stderr=True))
    task = bar.add_task(label, total=None, said="", visible=False)

    def move(done: float, total: float) -> None:
        bar.start()
        bar.update(task, completed=done, total=total, said=amount(done, total, unit=unit), visible=True)

    try:
        yield move
    finally:
        bar.stop()


class _Lines:
    """Prints a line every `PLAIN_EVERY_S`, and a last one if there were others."""

    def __init__(self, label: str, *, unit: str):
        self._label, self._unit = label, unit
        self._last = time.monotonic()
        self._printed = False

    def __call__(self, done: float, total: float) -> None:
        now, is_last = time.monotonic(), done >= total
        if now - self._last >= PLAIN_EVERY_S or (is_last and self._printed):
            self._last, self._printed = now, not is_last
            print(f"{self._label}: {amount(done, total, unit=self._unit)}", file=sys.stderr, flush=True)


def amount(done: float, total: float, *, unit: str) -> str:
    """`3/8 clips`; for a single item or a part of one, the finished share: `0.4/1 clips`."""
    return f"{_number(done, total)}/{total:.0f} {unit}"


def _number(done: float, total: float) -> str:
    return f"{done:.0f}" if total >= 10 or done == int(done) else f"{done:.1f}"
