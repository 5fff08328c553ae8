"""The report of a reconstruction study, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.codecs import assemble_codecs, write_codec_report
from counterpoint.study.report.read import told
from counterpoint.study.work import Work


def make_codec_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_codecs(work.inputs, labels=work.config["labels"], **told(work.config))
    write_codec_report(content, work.folder / "report", progress=work.progress)
