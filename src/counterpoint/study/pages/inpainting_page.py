"""What the page of an inpainting study is made from: its study, results and measured seams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from counterpoint.metrics.base import MetricInfo
from counterpoint.metrics.preferences import PAPER_MEASURES, best_judge
from counterpoint.report import System
from counterpoint.results.schema import Results
from counterpoint.study.kinds.inpainting import TRAINED, InpaintingStudy
from counterpoint.study.pages.filling import (
    ANCHORS,
    BEST,
    FM,
    METHODS,
)
from counterpoint.study.pages.looks import of_paradigm, shown_systems

SEAMS = "seams"
"""The step that judges how spans join what is around them."""


class InpaintingPage:
    """What is known of a study of inpainting, ready to be written down.

    Attributes:
        seams: names of the measures of seams.
        fidelity: by measure of the paper, the judge of ours, where there is one.
        methods: keys of the systems that fill in, the best take apart.
    """

    def __init__(self, study: InpaintingStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged(SEAMS, "evaluate")
        self.seams = [info.name for info in results.judged(SEAMS).judges]
        judges = {measure: best_judge(family, self.judged.metrics) for measure, family in PAPER_MEASURES.items()}
        self.fidelity = {measure: metric for measure, metric in judges.items() if metric}
        own = {key: method_system(key) for key in METHODS if key in results.systems}
        self.systems = shown_systems(results, self.judged, own=own)
        self.methods = [key for key in METHODS if key in self.systems and key not in (BEST, *ANCHORS)]

    @property
    def spoken(self) -> list[str]:
        """Judges that verdicts speak of: those of fidelity and text."""
        return [self.fidelity[measure] for measure in ("fad", "clap") if measure in self.fidelity]

    @property
    def chosen(self) -> Mapping[str, int]:
        """How often each method's take was the best."""
        return next((choice.counts for choice in self.results.choices.values()), {})

    def is_evidence(self, metric: str, *systems: str) -> bool:
        """What was chosen by its seams cannot be judged by them."""
        return BEST not in systems or metric not in self.seams

    def infos(self, names: Iterable[str]) -> list[MetricInfo]:
        return [self.judged.metrics[name] for name in names]


def method_system(key: str) -> System:
    """A method in its paradigm's look: hollow where it is zero-shot, half for the best take."""
    method, paradigm = METHODS[key], TRAINED.get(key) or TRAINED[FM]
    mark = of_paradigm("" if key in ANCHORS else paradigm)
    fill = "solid" if key in TRAINED else "half" if key == BEST else "hollow"
    mark = replace(mark, shape="bar") if key in ANCHORS else replace(mark, fill=fill)
    return System(key=key, name=method.name, short=method.short, what=method.what, mark=mark)
