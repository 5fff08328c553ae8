"""The primary metric of a search on the clips of its points.

The reference is the same at every point and on every rung, so that it does not change scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from counterpoint.metrics.analyzer import ClipAnalyzer
from counterpoint.metrics.base import Clip, Features, Judge, MetricInfo, NotApplicableError
from counterpoint.metrics.features import features_of
from counterpoint.metrics.halves import Estimate, estimate
from counterpoint.metrics.reference import reference_pool
from counterpoint.metrics.registry import judges, metric_named


class PrimaryMetric:
    """Analyses every clip once, and scores sets of clips by one metric."""

    def __init__(
        self,
        primary: str,
        *,
        reference: Sequence[Clip],
        count: int,
        duration_s: float,
        seed: int,
        device: str = "cpu",
    ):
        """
        Args:
            reference: music from which `count` windows of `duration_s` are cut.
            seed: seed of this choice and of the half samples.
            device: where the judges compute.
        """
        self._metric = metric_named(primary)
        self._judges: Sequence[Judge] = [each for each in judges() if primary.endswith(each.name)] or judges()
        self._seed, self._device = seed, device
        pool = reference_pool(reference, duration_s=duration_s, count=count, seed=seed)
        self._reference = self._analyze(pool.clips)
        self._features: dict[Path, Features] = {}

    @property
    def info(self) -> MetricInfo:
        return self._metric.info

    @property
    def reference(self) -> int:
        """Number of reference clips."""
        return len(self._reference)

    def __call__(self, clips: Sequence[Path], *, captions: Sequence[str], tracks: Sequence[str]) -> Estimate | None:
        """The metric of the clips; None if they have no such score.

        Args:
            captions, tracks: caption and track of each clip.
        """
        new = [Clip(path, caption) for path, caption in zip(clips, captions, strict=True) if path not in self._features]
        self._features |= dict(zip((clip.audio for clip in new), self._analyze(new), strict=True))
        with threadpool_limits(1, user_api="blas"):
            try:
                functional = self._metric.prepare([self._features[path] for path in clips], reference=self._reference)
            except NotApplicableError:
                return None
            return estimate(functional, tracks=tracks, seed=self._seed)

    def _analyze(self, clips: Sequence[Clip]) -> list[Features]:
        return ClipAnalyzer(partial(features_of, judges=self._judges, device=self._device), total=len(clips))(clips)
