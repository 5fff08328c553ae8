"""The report of a search, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.read import Folders, told
from counterpoint.study.report.search import assemble_search, write_search_report
from counterpoint.study.work import Work


def make_search_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_search(Folders(work.inputs), **told(work.config))
    write_search_report(content, work.folder / "report", progress=work.progress)
