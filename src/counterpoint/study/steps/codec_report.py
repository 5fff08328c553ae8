"""The report of a reconstruction study, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.study.report.codecs import assemble_codecs, write_codec_report
from counterpoint.study.report.read import told

if TYPE_CHECKING:
    from counterpoint.study.engine import Work


def make_codec_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_codecs(work.inputs, labels=work.config["labels"], **told(work.config))
    write_codec_report(content, work.folder / "report", progress=work.progress)
