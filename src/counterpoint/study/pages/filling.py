"""The comparison of inpainting methods with each other and with the anchors, in words that the tests justify."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import yaml

from counterpoint.report.numbers import listed, span
from counterpoint.results.schema import Judged
from counterpoint.study.kinds.inpainting import ANCHORS, AR, BEST, FM, INVERSION
from counterpoint.study.pages.words import are_apart, capital, sides

PAPERS = (FM, AR, INVERSION)
"""The methods of the paper."""


@dataclass(frozen=True)
class Method:
    """A method of filling in a span.

    Attributes:
        name, short: its name in text, and a shorter one for tables.
        noun: its name in running text.
        what: a description, one sentence.
    """

    name: str
    short: str
    noun: str
    what: str


METHODS: Mapping[str, Method] = {
    key: Method(**words)
    for key, words in yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8")).items()
}
"""By the key of their system, in the order of tables."""


def noun(key: str) -> str:
    """The name of a method in running text."""
    return METHODS[key].noun if key in METHODS else key


@dataclass(frozen=True)
class Duel:
    """The outcome of the tests of one system against another, as keys of metrics.

    Attributes:
        better, worse: metrics in which the first system is better or worse.
        open: metrics without a clear difference.
    """

    better: Sequence[str]
    worse: Sequence[str]
    open: Sequence[str]

    @property
    def is_won(self) -> bool:
        """Better in some metric, worse in none."""
        return bool(self.better) and not self.worse

    @property
    def said(self) -> str:
        """`better on a and b, worse on c`."""
        parts = [f"{word} on {listed(of)}" for word, of in (("better", self.better), ("worse", self.worse)) if of]
        return ", ".join(parts) or "no difference shown"

    @property
    def tally(self) -> str:
        """`3 of 4 measures`."""
        return f"{len(self.better)} of {len(self.better) + len(self.worse) + len(self.open)} measures"


def duel(judged: Judged, first: str, second: str, keys: Sequence[str]) -> Duel | None:
    """The duel of two systems; None if they were not tested against each other."""
    found = sides(judged, keys, first, second)
    return Duel(found["first"], found["second"], found["open"]) if any(found.values()) else None


@dataclass(frozen=True, kw_only=True)
class Fillings:
    """The tests of methods that fill in the same spans.

    Attributes:
        seams: keys of the measures of seams.
        fidelity: keys of the stand-ins for the paper's metrics, FAD's first.
        methods: the methods, without the best take.
        chosen: how often each method's take was the best.
    """

    judged: Judged
    seams: Sequence[str]
    fidelity: Sequence[str]
    methods: Sequence[str]
    chosen: Mapping[str, int]

    @property
    def zero_shot(self) -> list[str]:
        return [key for key in self.methods if key not in (AR, FM)]

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        parts = [self._smoothest(), self._anchored(), self._winners()]
        return f"{capital('; '.join(part for part in parts if part))}."

    @property
    def points(self) -> list[str]:
        """The numbers behind the answer."""
        return [
            self._numbers(AR, FM),
            self._numbers(FM, INVERSION),
            self._won_of_anchors(),
            self._alternatives(),
            self._best(),
        ]

    def duel(self, first: str, second: str, keys: Sequence[str]) -> Duel | None:
        return duel(self.judged, first, second, keys)

    def _against_anchors(self, method: str) -> list[Duel | None]:
        """A method against each anchor, by its seams and the first metric of fidelity."""
        return [self.duel(method, anchor, [*self.seams, *self.fidelity[:1]]) for anchor in ANCHORS]

    def _against_inversion(self) -> dict[str, Duel]:
        """The other zero-shot methods against the paper's, by all measures; those that were not tested are left out."""
        found = {key: self.duel(key, INVERSION, [*self.seams, *self.fidelity]) for key in self.zero_shot}
        return {key: each for key, each in found.items() if each and key != INVERSION}

    def _champion(self, methods: Sequence[str], keys: Sequence[str]) -> tuple[str, str] | None:
        """The method that wins all its duels, and these in words; None if there is none, or one was not tested."""
        for key in methods:
            duels = {other: self.duel(key, other, keys) for other in methods if other != key}
            if duels and all(each is not None and each.is_won for each in duels.values()):
                return key, listed([f"{noun(other)} ({each.tally})" for other, each in duels.items() if each])
        return None

    def _smoothest(self) -> str:
        """Among the paper's methods, the one that wins all its duels, or the outcome of each duel."""
        methods = [key for key in PAPERS if key in self.methods]
        if best := self._champion(methods, self.seams):
            return f"{noun(best[0])} makes the smoothest seams of the paper's methods, smoother than {best[1]}"
        shown = [part for first, second in combinations(methods, 2) if (part := self._pair(first, second))]
        return ", ".join(shown) or "no method has been shown to make smoother seams than another"

    def _pair(self, first: str, second: str) -> str:
        for one, other in ((first, second), (second, first)):
            each = self.duel(one, other, self.seams)
            if each is not None and each.is_won:
                return f"{noun(one)} makes smoother seams than {noun(other)} ({each.tally})"
        each = self.duel(first, second, self.seams)
        if each is not None and each.better:
            return f"{noun(first)} and {noun(second)} each make smoother seams by some measures"
        return ""

    def _anchored(self) -> str:
        duels = {key: tested for key in self.methods if any(tested := self._against_anchors(key))}
        if not duels:
            return ""
        full = [
            key for key, tested in duels.items() if all(each and not each.worse and not each.open for each in tested)
        ]
        what = "silence and another clip in the span, on every measure"
        if len(full) == len(duels) > 1:
            return f"every method beats {what}"
        if not full:
            return f"the methods cannot be ranked yet: no method beats both controls, {what}"
        return f"{listed([noun(key) for key in full])} {'beats' if len(full) == 1 else 'beat'} {what}"

    def _winners(self) -> str:
        """The zero-shot method that wins all its duels, or the outcomes of those with the paper's method."""
        if best := self._champion(self.zero_shot, [*self.seams, *self.fidelity]):
            text = f"of the zero-shot methods {noun(best[0])} wins, better than {best[1]}"
            return text.replace(noun(INVERSION), "inversion")
        duels = self._against_inversion()
        if not duels:
            return ""
        won = [f"{noun(key)} ({each.tally})" for key, each in duels.items() if each.is_won]
        if not won:
            return "no zero-shot method has been shown to beat inversion"
        return f"of the zero-shot methods {listed(won)} {'beats' if len(won) == 1 else 'beat'} inversion"

    def _numbers(self, first: str, second: str) -> str:
        items = [(key, self.judged.difference(key, first, second)) for key in self.seams]
        parts = [f"{key} {span(d)}" for key, d in items if d]
        names = f"{noun(first).capitalize()} minus {noun(second)}"
        return f"{names}, at the seams: {'; '.join(parts)}." if parts else ""

    def _won_of_anchors(self) -> str:
        """The number of measures in which each method beats each anchor, and in which the scores' own intervals
        differ."""
        parts, apart, total = [], 0, 0
        for method in self.methods:
            tallies = []
            for anchor, each in zip(ANCHORS, self._against_anchors(method), strict=True):
                if each:
                    tested = [*each.better, *each.worse, *each.open]
                    total += len(tested)
                    apart += sum(are_apart(self.judged, key, method, anchor) for key in tested)
                    tallies.append(f"{len(each.better)}/{len(tested)}")
            if tallies:
                parts.append(f"{noun(method)} {' and '.join(tallies)}")
        if not total:
            return ""
        return (
            f"Number of measures in which a method beats silence and another clip: {'; '.join(parts)}. "
            f"The intervals of the scores themselves do not overlap in {apart} of these {total} comparisons."
        )

    def _alternatives(self) -> str:
        parts = [f"{noun(key)} {each.said}" for key, each in self._against_inversion().items()]
        return f"Zero-shot methods against inversion: {'; '.join(parts)}." if parts else ""

    def _best(self) -> str:
        if not self.chosen:
            return ""
        counts = [f"{noun(key)} in {number}" for key, number in sorted(self.chosen.items(), key=lambda kv: -kv[1])]
        text = (
            f"The zero-shot take with the best seams came from {listed(counts)} of {sum(self.chosen.values())} clips."
        )
        if each := self.duel(BEST, INVERSION, self.fidelity):
            text += f" Compared with always using inversion, by metrics that were not used for the choice: {each.said}."
        return text
