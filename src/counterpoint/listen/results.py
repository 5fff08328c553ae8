"""`counterpoint listen results`: screened ratings, with intervals over crossed raters and items."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from counterpoint.config import UserError
from counterpoint.config.paths import true_path
from counterpoint.listen.answers import Answers
from counterpoint.listen.design import Question as DesignQuestion
from counterpoint.listen.folder import ListeningTest
from counterpoint.listen.judgments import Judgment, Rater, read_judgments, read_raters, to_csv
from counterpoint.listen.screening import rules_in_words, screen
from counterpoint.listen.statistics import Crossed, bradley_terry, crossed_means, krippendorff_alpha
from counterpoint.metrics.statistics import holm
from counterpoint.results.listening import Duel, Excluded, ListeningResults, Question, RatedDifference, RatedMean

WIDTH_SHARE = 0.03
"""Default half width of the interval of a mean that raters are recruited for, as a share of the scale: about 0.3 on a
scale from 1 to 10."""
_Z = 1.959964


def collect(answers: Answers, *, half_width: float | None = None) -> ListeningResults:
    """The results so far; the test may still be running.

    Args:
        half_width: desired half width of the intervals, on the scale of the questions.

    Raises:
        UserError: the half width is not a positive number.
    """
    if half_width is not None and not 0 < half_width < math.inf:
        raise UserError(f"The half width is {half_width:g}: it must be a positive number.")
    raters, judgments = read_raters(answers), read_judgments(answers)
    return analyse(answers.test, raters, judgments, half_width=half_width)


def raw_csv(answers: Answers, *, with_ids: bool = False) -> str:
    """All judgments, one per line; those of excluded raters have the reasons."""
    raters, judgments = read_raters(answers), read_judgments(answers)
    return to_csv(judgments, raters, screen(answers.test, raters, judgments), with_ids=with_ids)


def analyse(
    test: ListeningTest, raters: Sequence[Rater], judgments: Sequence[Judgment], *, half_width: float | None = None
) -> ListeningResults:
    """The results of these judgments; see `collect`."""
    reasons = screen(test, raters, judgments)
    rated = [each for each in judgments if each.phase == "trial"]
    kept = [each for each in rated if each.rater not in reasons]
    is_pair = test.design.presentation == "pair"
    questions = [_question(question, is_pair=is_pair) for question in test.design.questions]
    widths = {each.id: half_width or WIDTH_SHARE * (each.high - each.low) for each in questions}
    tables = {each.id: _Table.of(test, kept, each.id) for each in questions}
    everyone = {each.id: _Table.of(test, rated, each.id) for each in questions}
    numbers = {rater.id: number for number, rater in enumerate(raters, start=1)}
    return ListeningResults(
        name=true_path(test.folder).name,
        design=test.design.design,
        fingerprint=test.fingerprint,
        questions=tuple(questions),
        systems=dict(test.key.names),
        reference=test.key.hidden_reference,
        anchor=test.key.low_anchor,
        rules=rules_in_words(test.design.screening),
        entered=len(raters),
        finished=sum(rater.stage == "done" for rater in raters),
        kept=len({each.rater for each in kept}),
        judgments=len(kept),
        excluded=tuple(Excluded(rater=numbers[rater], reasons=why) for rater, why in sorted(reasons.items())),
        wanted_width=widths,
        agreement={key: alpha for key, table in tables.items() if (alpha := table.agreement()) == alpha},
        means=tuple(mean for key, table in tables.items() for mean in table.means(key, widths[key])),
        unscreened=tuple(mean for key, table in everyone.items() for mean in table.means(key, widths[key])),
        differences=tuple(each for key, table in tables.items() for each in table.differences(key)),
        duels=_duels(test, kept) if is_pair else (),
        strengths=_strengths(test, kept) if is_pair else {},
    )


def _question(question: DesignQuestion, *, is_pair: bool) -> Question:
    low, high = (0.0, 1.0) if is_pair else (float(question.low), float(question.high))
    return Question(id=question.id, name=question.name, text=question.text, low=low, high=high)


class _Table:
    """Judgments of one question as arrays: [n] value, system, rater and item."""

    def __init__(self, judgments: Sequence[Judgment], systems: Sequence[str]):
        self.systems = list(systems)
        self.items = list(dict.fromkeys(each.item for each in judgments))
        raters = list(dict.fromkeys(each.rater for each in judgments))
        place = {key: number for number, key in enumerate(self.systems)}
        self.values = np.array([each.value for each in judgments], float)
        self.system = np.array([place[each.system] for each in judgments], int)
        self.rater = np.array([raters.index(each.rater) for each in judgments], int)
        self.item = np.array([self.items.index(each.item) for each in judgments], int)

    @classmethod
    def of(cls, test: ListeningTest, judgments: Sequence[Judgment], question: str) -> _Table:
        """The judgments of a question; a pair counts once for each of its systems."""
        own = [each for each in judgments if each.question == question]
        own += [replace(each, system=each.other, other="", value=1 - each.value) for each in own if each.other]
        rated = {each.system for each in own}
        return cls(own, [system for system in test.systems if system in rated])

    @property
    def crossed(self) -> Crossed:
        return crossed_means(self.values, self.system, self.rater, self.item, count=len(self.systems))

    def agreement(self) -> float:
        """Krippendorff's alpha over items and systems."""
        return krippendorff_alpha(self.values, self.item * len(self.systems) + self.system)

    def means(self, question: str, half_width: float) -> list[RatedMean]:
        """The mean of every system that was rated."""
        crossed = self.crossed if self.systems else None
        found = []
        for number, system in enumerate(self.systems):
            assert crossed is not None
            weights = np.eye(len(self.systems))[number]
            value, low, high, _ = crossed.interval(weights)
            naive = _Z * float(np.sqrt(crossed.naive[number]))
            mine = self.system == number
            raters = len(np.unique(self.rater[mine]))
            found.append(
                RatedMean(
                    question=question,
                    system=system,
                    value=value,
                    low=low,
                    high=high,
                    naive_low=value - naive,
                    naive_high=value + naive,
                    n=int(mine.sum()),
                    raters=raters,
                    items=len(np.unique(self.item[mine])),
                    per_item=self._per_item(mine),
                    needed=crossed.raters_needed(weights, raters=raters, half_width=half_width),
                )
            )
        return found

    def _per_item(self, mine: np.ndarray) -> dict[str, float]:
        return {
            item: float(self.values[mine & (self.item == number)].mean())
            for number, item in enumerate(self.items)
            if (mine & (self.item == number)).any()
        }

    def differences(self, question: str) -> list[RatedDifference]:
        """The difference of every pair of systems, with Holm's correction over all pairs."""
        if len(self.systems) < 2:
            return []
        crossed, unit = self.crossed, np.eye(len(self.systems))
        pairs = list(combinations(range(len(self.systems)), 2))
        found = {pair: crossed.interval(unit[pair[0]] - unit[pair[1]]) for pair in pairs}
        corrected = holm({pair: p for pair, (*_, p) in found.items()})
        return [
            RatedDifference(
                question=question,
                first=self.systems[first],
                second=self.systems[second],
                value=value,
                low=low,
                high=high,
                p=p,
                p_holm=corrected[first, second],
                n=int(min(crossed.counts[first], crossed.counts[second])),
            )
            for (first, second), (value, low, high, p) in found.items()
        ]


def _duels(test: ListeningTest, judgments: Sequence[Judgment]) -> tuple[Duel, ...]:
    """Every pair of systems that was compared, with its own interval."""
    found = []
    for first, second in combinations(test.systems, 2):
        own = [each for each in judgments if (each.system, each.other) == (first, second)]
        if own:
            table = _Table(own, [first])
            value, low, high, _ = table.crossed.interval(np.ones(1))
            found.append(
                Duel(first=first, second=second, share=value, low=max(0.0, low), high=min(1.0, high), n=len(own))
            )
    return tuple(found)


def _strengths(test: ListeningTest, judgments: Sequence[Judgment]) -> Mapping[str, float]:
    own = [each for each in judgments if each.other]
    systems = [key for key in test.systems if any(key in (each.system, each.other) for each in own)]
    if len(systems) < 2:
        return {}
    first, second = ([systems.index(getattr(each, side)) for each in own] for side in ("system", "other"))
    found = bradley_terry(first, second, [each.value for each in own], count=len(systems))
    return {system: float(value) for system, value in zip(systems, found, strict=True)}
