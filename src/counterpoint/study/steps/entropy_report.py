"""The report of a study of entropies, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.entropy import assemble_entropy, write_entropy_report
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_entropy_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_entropy(Folders(work.inputs), **told(work.config))
    write_entropy_report(content, work.folder / "report", progress=work.progress)
