"""The report, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report import write_report
from counterpoint.study.report.assemble import assemble
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble(Folders(work.inputs), **told(work.config))
    write_report(content, work.folder / "report", progress=work.progress)
