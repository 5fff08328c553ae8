"""Whose answers do not count, and why: rules that were fixed before the test opened, one function each."""

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
"""Answers, of which fewer do not show that all are alike or too fast."""


@dataclass(frozen=True)
class Heard:
    """What a rule may know of a rater."""

    test: ListeningTest
    rater: Rater
    judgments: Sequence[Judgment]

    @property
    def rules(self) -> Screening:
        return self.test.design.screening

    def of(self, phase: str) -> list[Judgment]:
        return [each for each in self.judgments if each.phase == phase]

    def ranges(self) -> dict[str, float]:
        """What each question's values span; a preference's, after its answers were turned into shares, 1."""
        is_pair = self.test.design.presentation == "pair"
        return {each.id: 1.0 if is_pair else float(each.high - each.low) for each in self.test.design.questions}


def headphones(heard: Heard) -> str:
    right = heard.rater.headphones
    if not heard.rules.headphones or right is None or right >= HEADPHONE_PASS:
        return ""
    return f"headphone check: {right} of {HEADPHONE_TRIALS} right"


def attention(heard: Heard) -> str:
    trials: dict[str, bool] = {}
    for each in heard.of("check"):
        trials[each.trial] = trials.get(each.trial, True) and each.value == each.expected
    right = sum(trials.values())
    if not trials or right >= heard.rules.attention * len(trials) - 1e-9:
        return ""
    return f"attention: {right} of {len(trials)} checks right"


def reference_below_anchor(heard: Heard) -> str:
    reference, anchor = heard.test.key.hidden_reference, heard.test.key.low_anchor
    if heard.test.design.presentation == "pair" or not reference or not anchor:
        return ""
    rated: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for each in heard.of("trial"):
        rated[each.item][each.system].append(each.value)
    pairs = [(fmean(own[reference]), fmean(own[anchor])) for own in rated.values() if own[reference] and own[anchor]]
    below = sum(true <= bad for true, bad in pairs)
    if not pairs or below <= heard.rules.reference_below_anchor * len(pairs):
        return ""
    return f"reference no higher than the anchor: {below} of {len(pairs)} items"


def repeats(heard: Heard) -> str:
    ranges = heard.ranges()
    first = {_place(each): each.value for each in heard.of("trial")}
    apart = [
        abs(each.value - first[_place(each)]) / ranges[each.question]
        for each in heard.of("repeat")
        if _place(each) in first
    ]
    if not apart or fmean(apart) <= heard.rules.repeats:
        return ""
    return f"repeated clips: answers {100 * fmean(apart):.0f}% of the scale apart"


def _place(each: Judgment) -> tuple[str, str, str, str]:
    return each.item, each.system, each.other, each.question


def alike(heard: Heard) -> str:
    values = [each.value for each in heard.of("trial")]
    if heard.test.design.presentation == "pair":
        # what was shown first decides which side a preference is for; only a rater who always ties is alike
        values = [value for value in values if value != 0.5] or values
        if any(value != 0.5 for value in values):
            return ""
    if not heard.rules.alike or len(values) < _FEW or len(set(values)) > 1:
        return ""
    return "all answers the same"


def too_fast(heard: Heard) -> str:
    times = {each.trial: each.seconds / each.clip_s for each in heard.judgments if each.seconds and each.clip_s}
    if len(times) < _FEW or median(times.values()) >= heard.rules.too_fast:
        return ""
    return f"too fast: {median(times.values()):.1f} times the clips' length"


RULES: Mapping[str, Callable[[Heard], str]] = {
    "headphones": headphones,
    "attention": attention,
    "reference_below_anchor": reference_below_anchor,
    "repeats": repeats,
    "alike": alike,
    "too_fast": too_fast,
}
"""By key of `screening` in a design: the reason why a rater is excluded, or ""."""


def screen(test: ListeningTest, raters: Sequence[Rater], judgments: Sequence[Judgment]) -> dict[int, tuple[str, ...]]:
    """By rater, the reasons for exclusion; raters who count are left out."""
    own: dict[int, list[Judgment]] = defaultdict(list)
    for each in judgments:
        own[each.rater].append(each)
    found = {}
    for rater in raters:
        heard = Heard(test, rater, own[rater.id])
        reasons = tuple(reason for rule in RULES.values() if (reason := rule(heard)))
        if reasons:
            found[rater.id] = reasons
    return found


def rules_in_words(rules: Screening) -> tuple[str, ...]:
    """For the report."""
    sentences = (
        (rules.headphones, f"fewer than {HEADPHONE_PASS} of {HEADPHONE_TRIALS} headphone questions right"),
        (rules.attention > 0, f"less than {100 * rules.attention:.0f}% of the attention checks right"),
        (
            rules.reference_below_anchor < 1,
            f"the hidden reference rated no higher than the low anchor in more than "
            f"{100 * rules.reference_below_anchor:.0f}% of the items",
        ),
        (rules.repeats < 1, f"answers to repeated clips more than {100 * rules.repeats:.0f}% of the scale apart"),
        (rules.alike, "all answers the same"),
        (rules.too_fast > 0, f"a median trial shorter than {rules.too_fast:g} times its clips"),
    )
    return tuple(sentence for applies, sentence in sentences if applies)
