"""The report of a runtime study, into `report/` of the step's folder."""

from __future__ import annotations

import yaml

from counterpoint.bench.limits import load_limits
from counterpoint.bench.run import LIMITS_FILE, POINTS_FILE
from counterpoint.bench.sweep import read_points
from counterpoint.study.report.speed import write_speed_report
from counterpoint.study.speed.assemble import assemble_speed
from counterpoint.study.work import Work


def make_speed_report(work: Work) -> None:
    """Write the report into `report/` of the step's folder."""
    study = work.config["study"]
    plain = study.model_dump(mode="json", exclude={"compose"})
    folder = work.inputs["measure"]
    content = assemble_speed(
        read_points(folder / POINTS_FILE, wanted=study.points()),
        limits=load_limits(folder / LIMITS_FILE),
        name=work.config["name"],
        study=plain,
        study_yaml=yaml.safe_dump(plain, sort_keys=False, allow_unicode=True),
    )
    write_speed_report(content, work.folder / "report")
