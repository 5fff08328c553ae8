"""The report of a study of samplers, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from counterpoint.study.report.read import Folders
from counterpoint.study.report.samplers import assemble_samplers, write_sampler_report

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.samplers import SamplerStudy


def make_sampler_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    study: SamplerStudy = work.config["study"]
    plain = study.model_dump(mode="json")
    content = assemble_samplers(
        Folders(work.inputs),
        name=work.config["name"],
        study=plain,
        study_yaml=yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
        own_data=work.config["own_data"],
    )
    write_sampler_report(content, work.folder / "report", progress=work.progress)
