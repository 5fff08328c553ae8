"""The points of a runtime study, timed on this machine."""

from __future__ import annotations

from counterpoint.bench.run import measure
from counterpoint.study.work import Work, computes


@computes("measure_speed", version=1)
def measure_speed(work: Work) -> None:
    """Write `points.jsonl`, a line a run, and `limits.json`, the ceilings of the device; goes on where it was."""
    measure(work.config["points"], out=work.folder, repeats=work.config["repeats"], progress=work.progress)
