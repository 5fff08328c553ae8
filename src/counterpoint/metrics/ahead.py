"""Clips analysed ahead by several processes: the results are cached on disk, where the evaluation then finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from counterpoint.config import UserError
from counterpoint.config.workers import Workers, in_order
from counterpoint.metrics.base import Clip
from counterpoint.metrics.cache import FOLDER_VARIABLE, folder


def analyze_ahead(clips: Iterable[Clip], *, workers: Workers, device: str = "cpu") -> None:
    """Run every judge on every clip; all machines must see the cache folder.

    Raises:
        UserError: nothing is kept, or what `features_of` raises.
    """
    if workers.is_alone:
        return
    if folder() is None:
        raise UserError(f"--workers needs a cache folder: set {FOLDER_VARIABLE} to one, not to off.")
    for _ in in_order(partial(_analyzer, device), clips, workers=workers):
        pass


def _analyzer(device: str) -> Callable[[Clip], None]:
    from counterpoint.metrics.features import features_of
    from counterpoint.metrics.registry import judges

    there = judges()

    def analyze(clip: Clip) -> None:
        features_of(clip, judges=there, device=device)

    return analyze
