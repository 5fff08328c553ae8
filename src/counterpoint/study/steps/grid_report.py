"""The report of a grid, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.grid import assemble_grid, write_grid_report
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_grid_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    own = {name: work.config[name] for name in ("cells", "codecs")}
    content = assemble_grid(Folders(work.inputs), **own, **told(work.config))
    write_grid_report(content, work.folder / "report", progress=work.progress)
