"""Metrics of audio: distance to real music, agreement with captions and controls, signal statistics, with intervals."""

from counterpoint.metrics.adherence import Target, evaluate_adherence
from counterpoint.metrics.base import Clip, Difference, Metric, MetricInfo, Score
from counterpoint.metrics.evaluate import evaluate
from counterpoint.metrics.generated import load_generated, match_clips
from counterpoint.metrics.registry import metrics
from counterpoint.metrics.result import ANOTHER_CLIP, GROUND_TRUTH, Evaluation, print_evaluation
from counterpoint.metrics.seams import Seams, evaluate_seams, measure_seams

__all__ = [
    "ANOTHER_CLIP",
    "GROUND_TRUTH",
    "Clip",
    "Difference",
    "Evaluation",
    "Metric",
    "MetricInfo",
    "Score",
    "Seams",
    "Target",
    "evaluate",
    "evaluate_adherence",
    "evaluate_seams",
    "load_generated",
    "match_clips",
    "measure_seams",
    "metrics",
    "print_evaluation",
]
