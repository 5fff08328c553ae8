"""The embedded corpus."""

from __future__ import annotations

from counterpoint.compose import compose
from counterpoint.study.settings import ComposeConfig
from counterpoint.study.work import Work, computes


@computes("compose", version=1)
def compose_corpus(work: Work) -> None:
    """Make the step's folder a composed dataset."""
    config: ComposeConfig = work.config
    compose(work.folder, clips=config.clips, duration_s=config.duration_s, seed=config.seed, progress=work.progress)
