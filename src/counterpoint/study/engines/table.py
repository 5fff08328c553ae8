"""The running steps, shown as a table on a terminal and as lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from counterpoint.study.engines.dispatch import Ended, Schedule
from counterpoint.study.following import Following, follow
from counterpoint.study.work import Step

if TYPE_CHECKING:
    from rich.table import Table

READ_EVERY_S = 2.0


class StepTable:
    """A context manager whose methods `dispatch` calls.

    Args:
        store: folder of results, which contains the notices of steps.
        say: function that prints a line for the user.
    """

    def __init__(self, store: Path, *, say: Callable[[str], None]):
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True)
        self._store, self._say = store, say
        self._live = Live(console=console, transient=True, auto_refresh=False) if console.is_terminal else None
        self._started: dict[str, float] = {}
        self._read = 0.0

    def __enter__(self) -> StepTable:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def start(self, step: Step) -> None:
        """Report that a step has started."""
        self._started[step.key] = time.monotonic()
        self._say(f"{step.name} ...")

    def end(self, step: Step, ended: Ended, again: bool) -> None:
        """Report that an attempt has ended."""
        elapsed = time.monotonic() - self._started[step.key]
        if ended.done is not None:
            self._say(f"{step.name} {'cached' if ended.done.cached else f'{ended.done.seconds:.1f} s'}")
        else:
            what = "was lost" if ended.lost else "failed"
            then = "; it will be tried again" if again else ""
            self._say(f"{step.name} {what} after {elapsed:.1f} s: {ended.error.rstrip('.')}{then}.")

    def show(self, schedule: Schedule) -> None:
        """Refresh the table every `READ_EVERY_S` seconds."""
        now = time.monotonic()
        if self._live is not None and now - self._read >= READ_EVERY_S:
            self._read = now
            running = [follow(schedule.steps[key], store=self._store) for key in sorted(schedule.running)]
            self._live.update(_table(schedule, running), refresh=True)


def _table(schedule: Schedule, running: list[Following]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    done, failed = len(schedule.finished), len(schedule.failed)
    waiting = len(schedule.steps) - done - failed - len(running)
    counts = f"{done} finished, {len(running)} running, {waiting} waiting"
    table = Table(title=f"{counts}, {failed} failed" if failed else counts, box=SIMPLE, title_justify="left")
    for header in ("Step", "Where", "Progress", "Time", "Loss"):
        table.add_column(header, no_wrap=True)
    for each in running:
        table.add_row(each.name, each.where, each.progress, each.elapsed, each.latest_loss)
    return table
