"""The judges that are there and the metrics they give, in the order of the table. A new metric is a line here."""

from __future__ import annotations

from counterpoint.metrics.base import Judge, Metric
from counterpoint.metrics.distribution import FrechetDistance, KernelDistance
from counterpoint.metrics.judges.musicnn import MusicnnJudge
from counterpoint.metrics.signals import signal_metrics
from counterpoint.metrics.text_match import TagMatch

_MUSICNN = MusicnnJudge()


def judges() -> tuple[Judge, ...]:
    """Those whose weights are there."""
    return (_MUSICNN,)


def metrics() -> tuple[Metric, ...]:
    """Those that the judges can give."""
    return (
        FrechetDistance(_MUSICNN, what="not the published VGGish FAD"),
        KernelDistance(_MUSICNN),
        TagMatch(),
        *signal_metrics(),
    )


def absent() -> tuple[str, ...]:
    """Why published metrics are missing and how to get them, a sentence each."""
    return ()
