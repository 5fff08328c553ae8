"""The report of a study of controls, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.controls import assemble_controls, write_controls_report
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_controls_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_controls(Folders(work.inputs), **told(work.config))
    write_controls_report(content, work.folder / "report", progress=work.progress)
