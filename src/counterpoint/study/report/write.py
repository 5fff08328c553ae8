"""The report of a comparison of the paradigms: content to a folder, by relative paths alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from counterpoint.study.report.charts import difference_axis, loss_curve
from counterpoint.study.report.content import Content, Difference
from counterpoint.study.report.page import Player, write_page, write_players
from counterpoint.study.report.tables import (
    Table,
    cells_table,
    differences_csv,
    differences_table,
    scores_csv,
    scores_table,
)
from counterpoint.study.report.verdict import judge

CODEC_EXAMPLES = 2
"""Shown with the codec's numbers."""


def write_report(content: Content, out: Path, *, progress: Callable[[int, int], None] | None = None) -> Path:
    """Write the report into `out`; returns its `index.html`.

    Args:
        progress: called with (clips done, clips in all).
    """
    from markupsafe import Markup

    players, codec_players = _players(content, out, progress)
    steered_players, steered_tables = _steered(content, out)
    return write_page(
        content,
        out,
        template="paradigms.html",
        tables={
            "scores": scores_table(content, content.judges),
            "signals": scores_table(content, content.descriptions),
            "differences": differences_table(content),
            **steered_tables,
        },
        csv={"scores": scores_csv(content), "differences": differences_csv(content)},
        players=players,
        codec_players=codec_players,
        steered_players=steered_players,
        outcome=lambda item: judge(item, content.metric(item.metric)),
        delta=lambda item: Markup(_delta(item, content)),
        losses=lambda curve: Markup(loss_curve(curve, name=content.system(curve.system).name)),
    )


def _players(
    content: Content, out: Path, progress: Callable[[int, int], None] | None
) -> tuple[list[list[Player]], list[list[Player]]]:
    """For each example its players in the order of `example_systems`; for the first few those of `codec_systems`."""
    players = write_players(
        content,
        out,
        wanted=lambda number, key: (
            key in content.example_systems or (number < CODEC_EXAMPLES and key in content.codec_systems)
        ),
        progress=progress,
    )

    def rows(count: int, systems: Sequence[str]) -> list[list[Player]]:
        return [[players[row, key] for key in systems if (row, key) in players] for row in range(count)]

    count = len(content.examples)
    codec_rows = min(count, CODEC_EXAMPLES) if content.codec_systems else 0
    return rows(count, content.example_systems), rows(codec_rows, content.codec_systems)


def _steered(content: Content, out: Path) -> tuple[list[list[Player]], dict[str, Table]]:
    """The players and the table of the section on controls."""
    steered = content.steered
    if steered is None:
        return [], {}
    players = write_players(content, out, wanted=lambda row, key: True, examples=steered.examples, prefix="controls-")
    rows = [[players[row, key] for key in steered.example_systems] for row in range(len(steered.examples))]
    return rows, {"controls": cells_table(steered.table)}


def _delta(item: Difference, content: Content) -> str:
    """Each metric has its own scale, shared by its rows."""
    bounds_ = [
        abs(bound)
        for other in content.differences
        if other.metric == item.metric
        for bound in (other.low, other.high, other.value)
        if math.isfinite(bound)
    ]
    if not math.isfinite(item.value):
        return ""
    return difference_axis(item.low, item.value, item.high, extent=max(bounds_, default=1.0) * 1.08)
