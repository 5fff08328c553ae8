"""The report of a study: one folder that opens from disk and can be sent."""

from counterpoint.study.report.content import (
    CodecContent,
    Content,
    CostRow,
    Curve,
    Difference,
    Example,
    Fact,
    Metric,
    Note,
    Score,
    System,
    Verdict,
)
from counterpoint.study.report.verdict import verdict
from counterpoint.study.report.write import write_report

__all__ = [
    "CodecContent",
    "Content",
    "CostRow",
    "Curve",
    "Difference",
    "Example",
    "Fact",
    "Metric",
    "Note",
    "Score",
    "System",
    "Verdict",
    "verdict",
    "write_report",
]
