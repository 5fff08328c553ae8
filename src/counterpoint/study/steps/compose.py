"""The embedded corpus."""

from __future__ import annotations

from counterpoint.bench.workload import Music, Workload
from counterpoint.compose import compose
from counterpoint.study.settings import ComposeConfig
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import length_s


def _composed(step: Step) -> Workload:
    return Workload(music=[Music("composed", length_s(step))])


@computes("compose", version=1, workload=_composed)
def compose_corpus(work: Work) -> None:
    """Compose a dataset in the step's folder."""
    config: ComposeConfig = work.config
    compose(work.folder, clips=config.clips, duration_s=config.duration_s, seed=config.seed, progress=work.progress)
