"""The points of a runtime study, timed on this machine."""

from __future__ import annotations

from counterpoint.bench.run import measure
from counterpoint.bench.workload import Workload
from counterpoint.study.work import Step, Work, computes


def _timed(step: Step) -> Workload:
    return Workload(timed=step.setting("repeats") * step.setting("points"))


@computes("measure_speed", version=1, workload=_timed)
def measure_speed(work: Work) -> None:
    """Write `points.jsonl`, a line per run, and `limits.json`, the limits of the device; the step can be continued."""
    measure(work.config["points"], out=work.folder, repeats=work.config["repeats"], progress=work.progress)
