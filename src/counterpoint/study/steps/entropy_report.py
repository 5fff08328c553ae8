"""The report of a study of entropies, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.study.report.entropy import assemble_entropy, write_entropy_report
from counterpoint.study.report.read import Folders, told

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def make_entropy_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_entropy(Folders(work.inputs), **told(work.config))
    write_entropy_report(content, work.folder / "report", progress=work.progress)
