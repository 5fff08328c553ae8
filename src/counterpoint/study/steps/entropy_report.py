"""The report of a study of entropies, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from counterpoint.study.report.entropy import assemble_entropy, write_entropy_report
from counterpoint.study.report.read import Folders

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.controls import EntropyStudy


def make_entropy_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    study: EntropyStudy = work.config["study"]
    plain = study.model_dump(mode="json")
    content = assemble_entropy(
        Folders(work.inputs),
        name=work.config["name"],
        study=plain,
        study_yaml=yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
        own_data=work.config["own_data"],
    )
    write_entropy_report(content, work.folder / "report", progress=work.progress)
