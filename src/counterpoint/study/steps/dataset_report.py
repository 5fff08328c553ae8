"""The report of a study of datasets, into `report/` of the step's folder."""

from __future__ import annotations

from counterpoint.study.report.dataset import assemble_datasets, write_dataset_report
from counterpoint.study.report.read import Folders, told
from counterpoint.study.work import Work


def make_dataset_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    content = assemble_datasets(Folders(work.inputs), labels=work.config["labels"], **told(work.config))
    write_dataset_report(content, work.folder / "report", progress=work.progress)
