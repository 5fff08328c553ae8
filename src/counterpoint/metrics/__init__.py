"""Judges of waveforms: distances to real music, agreement with captions, signal statistics, all with their doubt."""

from counterpoint.metrics.base import Clip, Difference, Metric, MetricInfo, Score
from counterpoint.metrics.evaluate import evaluate
from counterpoint.metrics.generated import load_generated
from counterpoint.metrics.registry import METRICS
from counterpoint.metrics.result import GROUND_TRUTH, Evaluation, print_evaluation

__all__ = [
    "GROUND_TRUTH",
    "METRICS",
    "Clip",
    "Difference",
    "Evaluation",
    "Metric",
    "MetricInfo",
    "Score",
    "evaluate",
    "load_generated",
    "print_evaluation",
]
