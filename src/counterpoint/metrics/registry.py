"""The metrics that `evaluate` computes, in the order of its table. A new metric is a new file and a line here."""

from __future__ import annotations

from counterpoint.metrics.base import Metric
from counterpoint.metrics.distribution import FrechetDistance, KernelDistance
from counterpoint.metrics.signals import signal_metrics
from counterpoint.metrics.text_match import TagMatch

METRICS: tuple[Metric, ...] = (
    FrechetDistance(),
    KernelDistance(),
    TagMatch(),
    *signal_metrics(),
)
