"""The exclusion of raters, by rules that were fixed before the test opened; each rule is a function."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from counterpoint.listen.design import Screening
from counterpoint.listen.folder import ListeningTest
from counterpoint.listen.judgments import Judgment, Rater
from counterpoint.listen.sounds import HEADPHONE_PASS, HEADPHONE_TRIALS

_FEW = 5
"""Fewer answers than this cannot show that all answers are the same or too fast."""


@dataclass(frozen=True)
class RaterRecord:
    """A rater's judgments, to which the rules are applied."""

    test: ListeningTest
    rater: Rater
    judgments: Sequence[Judgment]

    @property
    def rules(self) -> Screening:
        return self.test.design.screening

    def of(self, phase: str) -> list[Judgment]:
        return [each for each in self.judgments if each.phase == phase]

    def ranges(self) -> dict[str, float]:
        """The range of each question's values; 1 for a preference, whose answers are stored as shares."""
        is_pair = self.test.design.presentation == "pair"
        return {each.id: 1.0 if is_pair else float(each.high - each.low) for each in self.test.design.questions}


def headphones(record: RaterRecord) -> str:
    right = record.rater.headphones
    if not record.rules.headphones or right is None or right >= HEADPHONE_PASS:
        return ""
    return f"headphone check: {right} of {HEADPHONE_TRIALS} answers are correct"


def attention(record: RaterRecord) -> str:
    trials: dict[str, bool] = {}
    for each in record.of("check"):
        trials[each.trial] = trials.get(each.trial, True) and each.value == each.expected
    right = sum(trials.values())
    if not trials or right >= record.rules.attention * len(trials) - 1e-9:
        return ""
    return f"attention: {right} of {len(trials)} checks are correct"


def reference_below_anchor(record: RaterRecord) -> str:
    reference, anchor = record.test.key.hidden_reference, record.test.key.low_anchor
    if record.test.design.presentation == "pair" or not reference or not anchor:
        return ""
    rated: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in record.of("trial"):
        rated[each.item][each.system].append(each.value)
    pairs = [(fmean(own[reference]), fmean(own[anchor])) for own in rated.values() if own[reference] and own[anchor]]
    below = sum(true <= bad for true, bad in pairs)
    if not pairs or below <= record.rules.reference_below_anchor * len(pairs):
        return ""
    return f"reference rated no higher than the anchor: {below} of {len(pairs)} items"


def repeats(record: RaterRecord) -> str:
    ranges = record.ranges()
    first = {_place(each): each.value for each in record.of("trial")}
    apart = [
        abs(each.value - first[_place(each)]) / ranges[each.question]
        for each in record.of("repeat")
        if _place(each) in first
    ]
    if not apart or fmean(apart) <= record.rules.repeats:
        return ""
    return f"repeated clips: answers differ by {100 * fmean(apart):.0f}% of the scale"


def _place(each: Judgment) -> tuple[str, str, str, str]:
    return each.item, each.system, each.other, each.question


def alike(record: RaterRecord) -> str:
    values = [each.value for each in record.of("trial")]
    if record.test.design.presentation == "pair":
        # the side of a preferred clip depends on the order of the pair, so only constant ties are suspicious
        values = [value for value in values if value != 0.5] or values
        if any(value != 0.5 for value in values):
            return ""
    if not record.rules.alike or len(values) < _FEW or len(set(values)) > 1:
        return ""
    return "all answers are the same"


def too_fast(record: RaterRecord) -> str:
    times = {each.trial: each.seconds / each.clip_s for each in record.judgments if each.seconds and each.clip_s}
    if len(times) < _FEW or median(times.values()) >= record.rules.too_fast:
        return ""
    return f"too fast: {median(times.values()):.1f} times the clips' length"


RULES: Mapping[str, Callable[[RaterRecord], str]] = {
    "headphones": headphones,
    "attention": attention,
    "reference_below_anchor": reference_below_anchor,
    "repeats": repeats,
    "alike": alike,
    "too_fast": too_fast,
}
"""The rules, by key of `screening` in a design; each returns the reason why a rater is excluded, or ""."""


def screen(test: ListeningTest, raters: Sequence[Rater], judgments: Sequence[Judgment]) -> dict[int, tuple[str, ...]]:
    """The reasons for exclusion, by excluded rater."""
    own: dict[int, list[Judgment]] = defaultdict(list)
    for each in judgments:
        own[each.rater].append(each)
    found = {}
    for rater in raters:
        record = RaterRecord(test, rater, own[rater.id])
        reasons = tuple(reason for rule in RULES.values() if (reason := rule(record)))
        if reasons:
            found[rater.id] = reasons
    return found


def rules_in_words(rules: Screening) -> tuple[str, ...]:
    """The rules as phrases for the report."""
    sentences = (
        (rules.headphones, f"fewer than {HEADPHONE_PASS} of {HEADPHONE_TRIALS} correct headphone questions"),
        (rules.attention > 0, f"less than {100 * rules.attention:.0f}% correct attention checks"),
        (
            rules.reference_below_anchor < 1,
            f"the hidden reference rated no higher than the low anchor in more than "
            f"{100 * rules.reference_below_anchor:.0f}% of the items",
        ),
        (
            rules.repeats < 1,
            f"answers to repeated clips that differ by more than {100 * rules.repeats:.0f}% of the scale",
        ),
        (rules.alike, "the same answer to everything"),
        (rules.too_fast > 0, f"a median time per trial below {rules.too_fast:g} times the duration of its clips"),
    )
    return tuple(sentence for applies, sentence in sentences if applies)
