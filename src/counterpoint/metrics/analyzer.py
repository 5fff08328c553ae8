"""Analysis of many clips in parallel, in which each stretch of a file is analysed once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

from counterpoint.config.paths import true_path
from counterpoint.metrics.base import Clip

Progress = Callable[[float, float], object]
Analysis = TypeVar("Analysis")


class ClipAnalyzer(Generic[Analysis]):
    """Analyses clips, each stretch of a file once, and reports progress."""

    def __init__(self, analyze: Callable[[Clip], Analysis], *, total: int, progress: Progress | None = None):
        """`analyze` analyses one clip; `total` clips are expected; `progress` is called with (done, total)."""
        self._analyze = analyze
        self._progress = progress or (lambda done, total: None)
        self._done, self._total = 0, total
        self._found: dict[tuple[object, ...], Analysis] = {}

    def __call__(self, clips: Sequence[Clip]) -> list[Analysis]:
        """The analysis of each clip; the first error stops the rest."""
        analyses = []
        with _one_clip_a_core() as pool:
            for found in pool.map(self._analyze_once, clips):
                analyses.append(found)
                self._done += 1
                self._progress(self._done, max(self._total, self._done))
        return analyses

    def by_key(self, clips: Sequence[Clip]) -> dict[str, Analysis]:
        """The analyses by `Clip.key`, for clips with different keys."""
        return dict(zip([clip.key for clip in clips], self(clips), strict=True))

    def _analyze_once(self, clip: Clip) -> Analysis:
        stretch = (true_path(clip.audio), clip.start_s, clip.duration_s)
        if stretch not in self._found:
            self._found[stretch] = self._analyze(clip)
        return self._found[stretch]


@contextmanager
def _one_clip_a_core() -> Iterator[ThreadPoolExecutor]:
    """Threads that work on one clip each: cores that share one clip wait for each other at every layer."""
    import torch

    threads = torch.get_num_threads()
    workers = min(os.cpu_count() or 1, 8)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
