"""The report of a study of controls, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from counterpoint.study.report.controls import assemble_controls, write_controls_report
from counterpoint.study.report.read import Folders

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.controls import ControlStudy


def make_controls_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    study: ControlStudy = work.config["study"]
    plain = study.model_dump(mode="json")
    content = assemble_controls(
        Folders(work.inputs),
        name=work.config["name"],
        study=plain,
        study_yaml=yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
        own_data=work.config["own_data"],
    )
    write_controls_report(content, work.folder / "report", progress=work.progress)
