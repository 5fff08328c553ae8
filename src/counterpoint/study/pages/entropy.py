"""The report of a study of entropies (Figure 9, App. I): entropy of the next token, with controls and without.

Shapes: n tracks, T steps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from counterpoint.metrics.base import Difference
from counterpoint.metrics.entropies import EARLY, EARLY_STEPS, LATE, by_track, reach_of
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Chart, Charts, Fact, Line, Mark, Point, Report, Section, System, Text, Verdict
from counterpoint.report.numbers import MINUS, count, listed, span
from counterpoint.report.scores import is_clear
from counterpoint.results.schema import Results
from counterpoint.study.kinds.controls import EntropyStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.looks import of_paradigm, variant
from counterpoint.study.pages.notes import prose
from counterpoint.study.pages.page import Page
from counterpoint.study.pages.words import size_of

SMOOTHED = 5
"""Number of steps in the drawn running mean; tests use unsmoothed values."""
NAMES = {"all": "all controls", "null": "no controls", "text": "text model"}
WHAT = {
    "all": "The model with controls, which receives those of the prompt's own music.",
    "null": "The same model without any of them.",
    "text": "A model of the same kind without controls.",
}
PAIRS = (("all", "text"), ("all", "null"))
CLAIM = (
    "Conditioning lowers entropy in the first ~50 steps, indicating confident early predictions, but raises it later, "
    "suggesting increased sensitivity to low-probability paths."
)
SOURCE = "Tal, Kreuk, Adi (2025), Appendix I, Figure 9: 50 Hz, 100 prompts, models of 400M parameters."


class EntropyPage(Page[EntropyStudy]):
    """Entropies of tracks, and their tests.

    Attributes:
        curves: by kind of system, [n, T] nats.
        early: number of steps before the border.
    """

    def __init__(self, study: EntropyStudy, results: Results):
        [found] = results.entropies.values()
        rows = [window.row for window in results.prompts["prompts"].windows]
        self.paradigm = next(iter(study.trained()))
        self.curves = {
            kind: by_track(np.array(found.curves[self.key(kind)]), rows)
            for kind in NAMES
            if self.key(kind) in found.curves
        }
        super().__init__(study, results, systems=[self._system(kind) for kind in self.curves])
        self.tracks, self.frame_rate = len(set(rows)), found.frame_rate
        self.steps = next(iter(self.curves.values())).shape[1]
        self.early = min(EARLY_STEPS, self.steps)
        self.border = f"{self.early} steps, {self.early / self.frame_rate:g} s"

    def key(self, kind: str) -> str:
        """The key of the system of a kind."""
        return f"{self.paradigm}_{kind}"

    def _system(self, kind: str) -> System:
        looks = {"all": of_paradigm(self.paradigm), "null": Mark(colour="ochre", dash="dashed", fill="hollow")}
        mark = looks.get(kind) or Mark(colour="ink", dash="dotted", fill="dotted")
        own = variant(self.key(kind), self.paradigm, NAMES[kind], WHAT[kind], mark=mark)
        return replace(own, short=NAMES[kind])


def entropy_report(study: EntropyStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = EntropyPage(study, results)
    return page.report(
        title="How certain is the next token?",
        verdict=_verdict(page),
        facts=[
            Fact("Controls", listed(study.training.controls)),
            said.budget_headline(study.training),
            said.prompts_headline(results.prompts["prompts"]),
            Fact("Steps", f"{page.steps}"),
        ],
        sections=[
            _curves(page),
            page.listen([*page.systems]),
            _numbers(page),
        ],
        compared=_facts(page),
        methods=_notes(page),
        terms=[EARLY, LATE],
    )


def _numbers(page: EntropyPage) -> Section | None:
    metrics = list(page.judged.metrics.values())
    tests, scores = page.tests(), page.scores(metrics)
    shown = [block for section in (tests, scores) if section for block in section.blocks]
    return page.section("numbers", *shown, border=page.border)


def smooth(curves: np.ndarray) -> np.ndarray:
    """[n, T] running means over `SMOOTHED` steps, over fewer at the ends."""
    kernel = np.ones(min(SMOOTHED, curves.shape[1]))
    counts = np.convolve(np.ones(curves.shape[1]), kernel, mode="same")
    return np.stack([np.convolve(curve, kernel, mode="same") for curve in curves]) / counts


def band(curves: np.ndarray, name: str, mark: Mark) -> Line:
    """The mean of [n, T] at every step with its interval, after smoothing each curve."""
    smoothed = smooth(curves)
    mean, reach = smoothed.mean(axis=0), reach_of(smoothed)
    points = [
        Point(x=step + 0.5, y=float(y), low=float(y - half), high=float(y + half))
        for step, (y, half) in enumerate(zip(mean, reach, strict=True))
    ]
    return Line(name=name, mark=mark, points=points, kind="band")


def _curves(page: EntropyPage) -> Section | None:
    own = [band(curve, NAMES[kind], page.systems[page.key(kind)].mark) for kind, curve in page.curves.items()]
    apart = [
        band(page.curves[first] - page.curves[second], f"{MINUS} {NAMES[second]}", page.systems[page.key(second)].mark)
        for first, second in PAIRS
        if {first, second} <= page.curves.keys()
    ]
    charts = [
        Chart(
            title="Entropy of the first codebook's token",
            unit="nats",
            what="Means over tracks, each with the 95% interval of the mean.",
            x_name="step",
            lines=own,
            upright=page.early,
            log=(False, False),
        ),
        Chart(
            title="All controls, minus the others",
            unit="nats",
            what="Paired by track. A value below zero means that controls lower the entropy.",
            x_name="step",
            lines=apart,
            upright=page.early,
            with_zero=True,
            log=(False, False),
        ),
    ]
    shown, rate = Charts(name="curves", charts=charts), page.frame_rate
    return page.section("curves", shown, rate=rate, border=page.border, source=SOURCE, claim=CLAIM)


def _verdict(page: EntropyPage) -> Verdict:
    of = {(item.second, item.metric): item for item in page.judged.differences}
    early, late = (of.get((page.key("text"), metric)) for metric in (EARLY, LATE))
    sentence = (
        f"Compared with the model without controls, controls {_phrase(early)} the entropy of the first {page.border}"
    )
    sentence += f", and {_phrase(late)} that of later steps." if late else "; the clips end there."
    points = [
        f"All controls minus {NAMES[second]}: "
        + "; ".join(
            f"{words} {span(item)} nats"
            for metric, words in ((EARLY, "early"), (LATE, "late"))
            if (item := of.get((page.key(second), metric)))
        )
        + "."
        for _, second in PAIRS
    ]
    return Verdict(sentence, [*points, _beside_paper(early, late)])


def _phrase(item: Difference | None) -> str:
    if item is None or not is_clear(item):
        return "have not been shown to change"
    return f"{'lower' if item.value < 0 else 'raise'} by {size_of(item)} nats"


def _beside_paper(early: Difference | None, late: Difference | None) -> str:
    def found(item: Difference | None, *, lower: bool) -> str:
        if item is None:
            return "cannot be tested"
        if not is_clear(item):
            return "is neither confirmed nor refuted"
        return "is found here, too" if (item.value < 0) == lower else "is contradicted here"

    return (
        f"The paper finds entropy lowered early, which {found(early, lower=True)}, and raised later, which "
        f"{found(late, lower=False)}."
    )


def _facts(page: EntropyPage) -> list[Fact]:
    label, models = PARADIGMS[page.paradigm].noun, page.results.models
    steered, free = (count(models[f"train_{page.paradigm}{end}"].result.parameters) for end in ("_controlled", ""))
    return [
        *said.data_facts(page.results),
        said.fact("entropy_models", paradigm=label, steered=steered, free=free),
        said.sampling_fact(page.study, {label: page.study.sampling_of(page.paradigm)}),
    ]


def _notes(page: EntropyPage) -> list[Text]:
    return prose(
        "entropy",
        tracks=page.tracks,
        prompts=len(page.results.prompts["prompts"].windows),
        smoothed=SMOOTHED,
        music="the user's own music" if page.results.study.own_data else "an embedded, synthetic corpus",
    )
