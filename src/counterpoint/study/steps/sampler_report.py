"""The report of a study of samplers, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.read import Folders, told
from counterpoint.study.report.samplers import assemble_samplers, write_sampler_report
from counterpoint.study.work import Work


def make_sampler_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_samplers(Folders(work.inputs), **told(work.config))
    write_sampler_report(content, work.folder / "report", progress=work.progress)
