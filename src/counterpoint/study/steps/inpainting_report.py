"""The report of a study of inpainting, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.inpainting import assemble_inpainting, write_inpainting_report
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_inpainting_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_inpainting(Folders(work.inputs), **told(work.config))
    write_inpainting_report(content, work.folder / "report", progress=work.progress)
