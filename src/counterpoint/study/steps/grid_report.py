"""The report of a grid, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.study.report.grid import assemble_grid, write_grid_report
from counterpoint.study.report.read import Folders, told

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def make_grid_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    own = {name: work.config[name] for name in ("cells", "codecs")}
    content = assemble_grid(Folders(work.inputs), **own, **told(work.config))
    write_grid_report(content, work.folder / "report", progress=work.progress)
