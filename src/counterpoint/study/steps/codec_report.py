"""The report of a reconstruction study, into `report/` of the step's folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from counterpoint.study.report.codecs import assemble_codecs, write_codec_report

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.codecs import CodecStudy


def make_codec_report(work: Work) -> None:
    """Write the report of the study whose steps are the inputs."""
    study: CodecStudy = work.config["study"]
    plain = study.model_dump(mode="json")
    content = assemble_codecs(
        work.inputs,
        name=work.config["name"],
        labels=work.config["labels"],
        study=plain,
        study_yaml=yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
        own_data=work.config["own_data"],
    )
    write_codec_report(content, work.folder / "report", progress=work.progress)
