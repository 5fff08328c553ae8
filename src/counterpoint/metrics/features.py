"""From a clip on disk to what the metrics know of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from counterpoint.audio import SILENCE_PEAK, load_audio, normalize_loudness, resample
from counterpoint.metrics.base import Clip, Features
from counterpoint.metrics.signals import SAMPLE_RATE, loudness_db, signal_statistics

Progress = Callable[[float, float], object]


class Listener:
    """Listens to clips, to each stretch of a file once, and reports how far it is."""

    def __init__(self, *, total: int, progress: Progress | None = None):
        """`total` is the number of clips expected; `progress` is called with (done, total)."""
        self._progress = progress or (lambda done, total: None)
        self._done, self._total = 0, total
        self._heard: dict[tuple[object, ...], Features] = {}

    def __call__(self, clips: Sequence[Clip]) -> list[Features]:
        """The features of each clip; see `features_of` for the errors."""
        heard = []
        with _one_clip_a_core() as pool:
            for clip, features in zip(clips, pool.map(self._listen, clips), strict=True):
                heard.append(replace(features, caption=clip.caption))
                self._done += 1
                self._progress(self._done, max(self._total, self._done))
        return heard

    def _listen(self, clip: Clip) -> Features:
        stretch = (clip.audio.resolve(), clip.start_s, clip.duration_s)
        if stretch not in self._heard:
            self._heard[stretch] = features_of(clip)
        return self._heard[stretch]


@contextmanager
def _one_clip_a_core() -> Iterator[ThreadPoolExecutor]:
    """Threads that each work on a clip alone: cores that share one clip wait for each other at every layer."""
    import torch

    threads = torch.get_num_threads()
    workers = min(os.cpu_count() or 1, 8)
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def features_of(clip: Clip) -> Features:
    """Read, bring to one loudness, and listen.

    Raises:
        UserError: naming the file, when it is missing, broken or empty; or when MusiCNN is not installed.
    """
    from counterpoint.analysis import musicnn

    raw, _ = load_audio(clip.audio, sample_rate=SAMPLE_RATE, start_s=clip.start_s, duration_s=clip.duration_s)
    audio = normalize_loudness(raw, sample_rate=SAMPLE_RATE)
    low = resample(audio, own_rate=SAMPLE_RATE, sample_rate=musicnn.SAMPLE_RATE)
    heard = musicnn.load_musicnn()(low, sample_rate=musicnn.SAMPLE_RATE)
    return Features(
        caption=clip.caption,
        embeddings=heard.embeddings,
        logits=heard.logits.mean(0),
        signals={"sig_loudness": loudness_db(raw), **signal_statistics(audio)},
        seconds=len(raw) / SAMPLE_RATE,
        silent=bool(np.abs(raw).max() < SILENCE_PEAK),
    )
