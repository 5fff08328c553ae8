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
Heard = TypeVar("Heard")


class Listener(Generic[Heard]):
    """Analyses clips, each stretch of a file once, and reports progress."""

    def __init__(self, hear: Callable[[Clip], Heard], *, total: int, progress: Progress | None = None):
        """`hear` analyses a clip, `total` is the expected number of clips, `progress` is called with (done, total)."""
        self._hear = hear
        self._progress = progress or (lambda done, total: None)
        self._done, self._total = 0, total
        self._heard: dict[tuple[object, ...], Heard] = {}

    def __call__(self, clips: Sequence[Clip]) -> list[Heard]:
        """The analysis of each clip; the first error stops the rest."""
        heard = []
        with _one_clip_a_core() as pool:
            for found in pool.map(self._listen, clips):
                heard.append(found)
                self._done += 1
                self._progress(self._done, max(self._total, self._done))
        return heard

    def by_key(self, clips: Sequence[Clip]) -> dict[str, Heard]:
        """The analyses by `Clip.key`, for clips with different keys."""
        return dict(zip([clip.key for clip in clips], self(clips), strict=True))

    def _listen(self, clip: Clip) -> Heard:
        stretch = (true_path(clip.audio), clip.start_s, clip.duration_s)
        if stretch not in self._heard:
            self._heard[stretch] = self._hear(clip)
        return self._heard[stretch]


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
