"""Where a step stands, as anyone who sees the store can find out: finished, running, failed or waiting."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from counterpoint.config import TrainingConfig
from counterpoint.runs.layout import METRICS_FILE
from counterpoint.study.engine import LocalEngine
from counterpoint.study.notices import Notice, notice_of
from counterpoint.study.work import Step

State = Literal["finished", "running", "failed", "stopped", "waiting"]
TAIL_BYTES = 1 << 20


@dataclass(frozen=True)
class Following:
    """The current state of a step.

    Attributes:
        name: name of the step.
        state: `stopped` if it was interrupted or lost and will continue; `waiting` if it has not started.
        notice: its last notice, or None.
        done, total: its progress in its own unit; 0 of 0 if it reports none.
        losses: (update, training loss) of a training, the last ones.
        seconds: that it has taken so far, or took; None where it has not begun.
    """

    name: str
    state: State
    notice: Notice | None = None
    done: float = 0.0
    total: float = 0.0
    losses: Sequence[tuple[int, float]] = ()
    seconds: float | None = None

    @property
    def where(self) -> str:
        """The machine and the process."""
        return f"{self.notice.host}:{self.notice.pid}" if self.notice is not None else ""

    @property
    def progress(self) -> str:
        """`300/5000 6%`; "" where the step does not say."""
        return f"{self.done:,.0f}/{self.total:,.0f} {self.done / self.total:.0%}" if self.total else ""

    @property
    def elapsed(self) -> str:
        """`1:02:03`; "" where it has not begun."""
        if self.seconds is None:
            return ""
        minutes, second = divmod(round(self.seconds), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}"

    @property
    def latest_loss(self) -> str:
        """The training loss of the last update that was logged."""
        return f"{self.losses[-1][1]:.4f}" if self.losses else ""


def follow(step: Step, *, store: Path) -> Following:
    """Where a step stands."""
    engine = LocalEngine(store)
    if engine.is_done(step):
        return Following(step.name, "finished", seconds=engine.recall(step).seconds)
    notice, partial = notice_of(store, step.key), engine.partial_folder(step)
    state = _state(notice, begun=step.resumable and partial.is_dir())
    seconds = None if notice is None else notice.renewed - notice.started
    if isinstance(step.config, TrainingConfig):
        losses = read_losses(partial / METRICS_FILE)
        done = losses[-1][0] if losses else 0
        return Following(step.name, state, notice, done, step.config.steps if losses else 0, losses, seconds)
    done, total = (0.0, 0.0) if notice is None else (notice.done, notice.total)
    return Following(step.name, state, notice, done, total, seconds=seconds)


def _state(notice: Notice | None, *, begun: bool) -> State:
    if notice is not None and notice.is_alive(now=time.time()):
        return "running"
    if notice is not None and notice.error:
        return "failed"
    return "stopped" if begun or notice is not None else "waiting"


def read_losses(path: Path) -> list[tuple[int, float]]:
    """(update, training loss) of the last lines of a `metrics.jsonl`; of a long file no more than the last megabyte."""
    if not path.is_file():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL_BYTES))
        lines = file.read().decode(errors="replace").split("\n")[:-1]
    found = []
    for line in lines:
        try:
            values = json.loads(line)
        except ValueError:  # the first one may be cut
            continue
        if isinstance(values, dict) and "loss" in values:
            found.append((int(values["step"]), float(values["loss"])))
    return found
