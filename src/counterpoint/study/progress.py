"""A progress bar for a step, which appears with the first report of the step and disappears afterwards."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


class StepBar:
    """A bar that is called with (done, total). Nothing is shown if stderr is not a terminal, or if it is never called
    (a training has its own bar)."""

    def __init__(self, label: str, *, shown: bool = True):
        self._label, self._shown = label, shown
        self._progress: Progress | None = None

    def __call__(self, done: float, total: float) -> None:
        if self._progress is None:
            self._progress = _progress(shown=self._shown)
            self._progress.start()
            self._task = self._progress.add_task(self._label)
        self._progress.update(self._task, completed=done, total=total)

    def __enter__(self) -> StepBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()


def _progress(*, shown: bool) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))
