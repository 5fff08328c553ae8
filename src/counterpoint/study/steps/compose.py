"""The embedded corpus."""

from __future__ import annotations

from counterpoint.bench.workload import Music, Workload
from counterpoint.compose import compose
from counterpoint.study.settings import ComposeConfig
from counterpoint.study.work import Work, computes
from counterpoint.study.workload import length_s


@computes("compose", version=1, workload=lambda step: Workload(music=[Music("composed", length_s(step))]))
def compose_corpus(work: Work) -> None:
    """Compose a dataset in the step's folder."""
    config: ComposeConfig = work.config
    compose(work.folder, clips=config.clips, duration_s=config.duration_s, seed=config.seed, progress=work.progress)
