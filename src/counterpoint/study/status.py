"""`counterpoint study status`: the running, waiting and failed steps of a study and the losses of its trainings, from
any machine that sees the folder of results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.study.following import Following, follow
from counterpoint.study.work import Source, Step, in_order

if TYPE_CHECKING:
    from rich.console import Console

BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 48
ORDER = ("running", "failed", "stopped", "waiting", "finished")


def status_of(steps: Mapping[str, Step | Source], *, store: Path) -> list[Following]:
    """The state of each step; running steps come first."""
    found = [follow(step, store=store) for step in in_order(steps.values())]
    return sorted(found, key=lambda each: ORDER.index(each.state))


def print_status(found: Sequence[Following], console: Console) -> None:
    """Print the unfinished steps as a table, their errors, and the losses of trainings as curves."""
    from rich.box import SIMPLE
    from rich.table import Table

    counts = Counter(each.state for each in found)
    title = ", ".join(f"{counts[state]} {state}" for state in reversed(ORDER) if counts[state])
    table = Table(title=title, title_justify="left", box=SIMPLE, pad_edge=False)
    for header in ("Step", "State", "Where", "Progress", "Time", "Loss"):
        table.add_column(header, overflow="fold")
    for each in found:
        if each.state != "finished":
            table.add_row(each.name, each.state, each.where, each.progress, each.elapsed, each.latest_loss)
    console.print(table if table.row_count else title)
    for each in found:
        if each.state == "failed" and each.notice is not None:
            console.print(f"{each.name} failed: {each.notice.error}", highlight=False, markup=False, soft_wrap=True)
    for each in found:
        if each.state != "finished" and len(each.losses) > 1:
            console.print(f"{each.name}  {curve(each.losses)}", highlight=False, markup=False, soft_wrap=True)


def curve(losses: Sequence[tuple[int, float]], *, width: int = WIDTH) -> str:
    """Losses as a row of blocks, each for the mean of equally many updates, with the highest and the lowest mean."""
    values = [loss for _, loss in losses]
    parts = min(width, len(values))
    ends = [round(part * len(values) / parts) for part in range(parts + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(ends)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 2) / (high - low) if high > low else 0.0
    return f"{''.join(BARS[1 + round((mean - low) * scale)] for mean in means)}  {high:.4g} to {low:.4g}"
