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


def filling_sentence(judged: Judged, *, seams: Sequence[str], fidelity: Sequence[str], methods: Sequence[str]) -> str:
    """The answer in one sentence.

    Args:
        seams: keys of the measures of seams.
        fidelity: keys of the stand-ins for the paper's metrics, FAD's first.
        methods: the methods, without the best take.
    """
    zero_shot = [key for key in methods if key not in (AR, FM)]
    parts = [
        _smoothest(judged, [key for key in PAPERS if key in methods], seams),
        _anchored(judged, methods, [*seams, *fidelity[:1]]),
        _winners(judged, zero_shot, [*seams, *fidelity]),
    ]
    return f"{capital('; '.join(part for part in parts if part))}."


def filling_points(
    judged: Judged, *, seams: Sequence[str], fidelity: Sequence[str], methods: Sequence[str], chosen: Mapping[str, int]
) -> list[str]:
    """The numbers behind the answer; see `filling_sentence`.

    Args:
        chosen: how often each method's take was the best.
    """
    zero_shot = [key for key in methods if key not in (AR, FM)]
    return [
        _numbers(judged, AR, FM, seams),
        _numbers(judged, FM, INVERSION, seams),
        _won_of_anchors(judged, methods, [*seams, *fidelity[:1]]),
        _alternatives(judged, zero_shot, [*seams, *fidelity]),
        _best(judged, chosen, fidelity),
    ]


def _champion(judged: Judged, methods: Sequence[str], keys: Sequence[str]) -> tuple[str, str] | None:
    """The method that wins all its duels, and these in words; None if there is none, or one was not tested."""
    for key in methods:
        duels = {other: duel(judged, key, other, keys) for other in methods if other != key}
        if duels and all(each is not None and each.is_won for each in duels.values()):
            return key, listed([f"{noun(other)} ({each.tally})" for other, each in duels.items() if each])
    return None


def _smoothest(judged: Judged, methods: Sequence[str], seams: Sequence[str]) -> str:
    """Among the paper's methods, the one that wins all its duels, or the outcome of each duel."""
    if best := _champion(judged, methods, seams):
        return f"{noun(best[0])} makes the smoothest seams of the paper's methods, smoother than {best[1]}"
    shown = [part for first, second in combinations(methods, 2) if (part := _pair(judged, first, second, seams))]
    return ", ".join(shown) or "no method has been shown to make smoother seams than another"


def _pair(judged: Judged, first: str, second: str, seams: Sequence[str]) -> str:
    for one, other in ((first, second), (second, first)):
        each = duel(judged, one, other, seams)
        if each is not None and each.is_won:
            return f"{noun(one)} makes smoother seams than {noun(other)} ({each.tally})"
    each = duel(judged, first, second, seams)
    if each is not None and each.better:
        return f"{noun(first)} and {noun(second)} each make smoother seams by some measures"
    return ""


def _anchored(judged: Judged, methods: Sequence[str], keys: Sequence[str]) -> str:
    duels = {key: [duel(judged, key, anchor, keys) for anchor in ANCHORS] for key in methods}
    duels = {key: tested for key, tested in duels.items() if any(tested)}
    if not duels:
        return ""
    full = [key for key, tested in duels.items() if all(each and not each.worse and not each.open for each in tested)]
    what = "silence and another clip in the span, on every measure"
    if len(full) == len(duels) > 1:
        return f"every method beats {what}"
    if not full:
        return f"the methods cannot be ranked yet: no method beats both controls, {what}"
    return f"{listed([noun(key) for key in full])} {'beats' if len(full) == 1 else 'beat'} {what}"


def _winners(judged: Judged, zero_shot: Sequence[str], keys: Sequence[str]) -> str:
    """The zero-shot method that wins all its duels, or the outcomes of those with the paper's method."""
    if best := _champion(judged, zero_shot, keys):
        return f"of the zero-shot methods {noun(best[0])} wins, better than {best[1]}".replace(
            noun(INVERSION), "inversion"
        )
    duels = {key: duel(judged, key, INVERSION, keys) for key in zero_shot if key != INVERSION}
    if not any(duels.values()):
        return ""
    won = [f"{noun(key)} ({each.tally})" for key, each in duels.items() if each is not None and each.is_won]
    if not won:
        return "no zero-shot method has been shown to beat inversion"
    return f"of the zero-shot methods {listed(won)} {'beats' if len(won) == 1 else 'beat'} inversion"


def _numbers(judged: Judged, first: str, second: str, keys: Sequence[str]) -> str:
    items = [(key, judged.difference(key, first, second)) for key in keys]
    parts = [f"{key} {span(d)}" for key, d in items if d]
    names = f"{noun(first).capitalize()} minus {noun(second)}"
    return f"{names}, at the seams: {'; '.join(parts)}." if parts else ""


def _won_of_anchors(judged: Judged, methods: Sequence[str], keys: Sequence[str]) -> str:
    """The number of measures in which each method beats each anchor, and in which the scores' own intervals differ."""
    parts, apart, total = [], 0, 0
    for method in methods:
        tallies = []
        for anchor in ANCHORS:
            if each := duel(judged, method, anchor, keys):
                tested = [*each.better, *each.worse, *each.open]
                total += len(tested)
                apart += sum(are_apart(judged, key, method, anchor) for key in tested)
                tallies.append(f"{len(each.better)}/{len(tested)}")
        if tallies:
            parts.append(f"{noun(method)} {' and '.join(tallies)}")
    if not total:
        return ""
    return (
        f"Number of measures in which a method beats silence and another clip: {'; '.join(parts)}. "
        f"The intervals of the scores themselves do not overlap in {apart} of these {total} comparisons."
    )


def _alternatives(judged: Judged, zero_shot: Sequence[str], keys: Sequence[str]) -> str:
    duels = {key: duel(judged, key, INVERSION, keys) for key in zero_shot if key != INVERSION}
    parts = [f"{noun(key)} {each.said}" for key, each in duels.items() if each]
    return f"Zero-shot methods against inversion: {'; '.join(parts)}." if parts else ""


def _best(judged: Judged, chosen: Mapping[str, int], fidelity: Sequence[str]) -> str:
    if not chosen:
        return ""
    total = sum(chosen.values())
    counts = [f"{noun(key)} in {number}" for key, number in sorted(chosen.items(), key=lambda kv: -kv[1])]
    each = duel(judged, BEST, INVERSION, fidelity)
    tail = (
        f" Compared with always using inversion, by metrics that were not used for the choice: {each.said}."
        if each
        else ""
    )
    return f"The zero-shot take with the best seams came from {listed(counts)} of {total} clips.{tail}"
