"""The report of a study of speed: content to a folder."""

from __future__ import annotations

from pathlib import Path

from counterpoint.study.report.charts import LOSS_WIDTH, WIDTH
from counterpoint.study.report.content import SpeedContent
from counterpoint.study.report.lines import lines
from counterpoint.study.report.page import write_page
from counterpoint.study.report.tables import Table, to_csv


def write_speed_report(content: SpeedContent, out: Path) -> Path:
    """Write the report into `out`; returns its `index.html`."""
    from markupsafe import Markup

    width = WIDTH if content.small else LOSS_WIDTH
    caption = "Speed of sampling: medians and quartiles; the limit is the machine's for the same work."
    return write_page(
        content,
        out,
        template="speed.html",
        tables={"points": Table(caption, content.points.header, content.points.rows)},
        csv={
            "points": to_csv([content.points.header, *content.points.rows]),
            "crossings": to_csv([content.crossings.header, *content.crossings.rows]),
        },
        chart=lambda panel: Markup(lines(panel, width=width, height=0.62 * width)),
    )
