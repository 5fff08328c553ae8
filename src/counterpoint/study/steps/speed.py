"""The runtime study: its measurements, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from counterpoint.bench.limits import load_limits
from counterpoint.bench.run import LIMITS_FILE, POINTS_FILE, measure
from counterpoint.bench.sweep import read_points
from counterpoint.study.report.speed import write_speed_report
from counterpoint.study.speed.assemble import assemble_speed

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.speed import SpeedStudy


def measure_speed(work: Work) -> None:
    """Write `points.jsonl`, a line a run, and `limits.json`, the ceilings of the device; goes on where it was."""
    measure(work.config["points"], out=work.folder, repeats=work.config["repeats"], progress=work.progress)


def make_speed_report(work: Work) -> None:
    """Write the report into `report/` of the step's folder."""
    study: SpeedStudy = work.config["study"]
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
