"""The embedded corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.data.compose import compose

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.base import ComposeConfig


def compose_corpus(work: Work) -> None:
    """Make the step's folder a composed dataset."""
    config: ComposeConfig = work.config
    compose(work.folder, clips=config.clips, duration_s=config.duration_s, seed=config.seed, progress=work.progress)
