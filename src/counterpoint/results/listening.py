"""The results of a listening test, stored with the other evaluations of the same clips.

They are written by `counterpoint listen results` to `listening/NAME/` of the rated study. In `Results` they are one
more evaluation: each question is a metric `rated_QUESTION`, so that tables, claims and exports treat ratings like any
other score.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.results.parts import Part
from counterpoint.results.records import Record

FOLDER = "listening"
"""Folder in a study with a folder for each test."""
RATED = "rated_"
"""Prefix of the names of such metrics."""


class Question(Record):
    """A question with answers from `low` to `high`; for a preference the score is the share of pairs won."""

    id: str
    name: str
    text: str
    low: float
    high: float


class RatedMean(Record):
    """The mean of a system's ratings.

    Attributes:
        low, high: 95% interval over raters and items.
        naive_low, naive_high: the interval as if all judgments were independent, which they are not, as in many papers.
        n: number of judgments, of `raters` raters on `items` items.
        per_item: means by item.
        needed: number of additional raters until the interval is as narrow as wanted; None if more raters alone are not
            enough, and 0 if it is.
    """

    question: str
    system: str
    value: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    n: int
    raters: int
    items: int
    per_item: Mapping[str, float]
    needed: int | None = None


class RatedDifference(Record):
    """`first` minus `second`, by the same raters on the same items; p after Holm's correction over all pairs."""

    question: str
    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int


class Duel(Record):
    """The share of pairs of two systems that the first won, with ties counted half."""

    first: str
    second: str
    share: float
    low: float
    high: float
    n: int


class Excluded(Record):
    """An excluded rater, by an anonymous number, and the reason."""

    rater: int
    reasons: tuple[str, ...]


class ListeningResults(Part):
    """The ratings of a test.

    Attributes:
        name: name of the test's folder.
        fingerprint: digest of its design and clips.
        rules: rules of screening, as fixed before the test opened.
        entered, finished: numbers of raters; `kept` of them count.
        judgments: number of judgments that count.
        wanted_width: half width of the interval that `needed` refers to, by question.
        agreement: Krippendorff's alpha by question (interval metric), 1 is perfect, 0 is chance.
        strengths: Bradley-Terry log-odds by system with zero mean, for a preference test.
        unscreened: the means if every rater counted.
    """

    FILE: ClassVar[str] = "listening.json"
    name: str
    design: str
    fingerprint: str
    questions: tuple[Question, ...]
    systems: Mapping[str, str]
    reference: str = ""
    anchor: str = ""
    rules: tuple[str, ...] = ()
    entered: int
    finished: int
    kept: int
    judgments: int
    excluded: tuple[Excluded, ...] = ()
    wanted_width: Mapping[str, float] = Field(default_factory=dict)
    agreement: Mapping[str, float] = Field(default_factory=dict)
    means: tuple[RatedMean, ...]
    unscreened: tuple[RatedMean, ...] = ()
    differences: tuple[RatedDifference, ...] = ()
    duels: tuple[Duel, ...] = ()
    strengths: Mapping[str, float] = Field(default_factory=dict)

    def mean(self, question: str, system: str) -> RatedMean | None:
        """The mean of a system; None if it was not rated."""
        return next((each for each in self.means if (each.question, each.system) == (question, system)), None)

    def evaluation(self) -> Evaluation:
        """The ratings as an evaluation."""
        infos = {question.id: self._info(question) for question in self.questions}
        items = {each.system: tuple(each.per_item) for each in self.means}
        scores: dict[str, dict[str, Score]] = {}
        for each in self.means:
            info = infos[each.question]
            values = tuple(each.per_item.get(item) for item in items[each.system])
            scores.setdefault(each.system, {})[info.name] = Score(
                info.name, each.value, each.low, each.high, each.n, info.unit, info.better, values
            )
        differences = tuple(
            Difference(
                infos[each.question].name,
                each.first,
                each.second,
                each.value,
                each.low,
                each.high,
                each.p,
                each.p_holm,
                each.n,
                paired=True,
            )
            for each in self.differences
        )
        return Evaluation(
            n=max((each.items for each in self.means), default=0),
            seed=0,
            metrics=tuple(infos.values()),
            scores=scores,
            floors={},
            differences=differences,
            ids=items,
            notes=(f"{self.kept} of {self.finished} raters count; intervals are over raters and items.",),
        )

    def _info(self, question: Question) -> MetricInfo:
        return MetricInfo(
            name=f"{RATED}{question.id}",
            description=f"Listeners' ratings. {question.text}",
            unit=f"{question.low:g} to {question.high:g}",
            better="higher",
            at_least=question.low,
            at_most=question.high,
            title=f"{question.name}, rated",
        )


def read_listening(study: Path) -> dict[str, ListeningResults]:
    """The results of listening tests in a study's folder, by name."""
    folders = sorted((study / FOLDER).glob("*"))
    return {folder.name: ListeningResults.read(folder) for folder in folders if ListeningResults.is_in(folder)}
