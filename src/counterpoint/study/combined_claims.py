"""A claim of the paper's held against finished studies: who decides it, what is compared, and what comes of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoint.report.numbers import MINUS
from counterpoint.study.claims import (
    Effect,
    Outcome,
    all_of,
    any_of,
    contrast,
    corrected,
    outcome,
    slope_weights,
    surface_weights,
)
from counterpoint.study.combined_studies import Finished
from counterpoint.study.paper import Claim, ClaimSource, Takeaway
from counterpoint.study.report.content import Better, Difference, Score

TIME = "latency_s"
"""What stands for the judge where times are compared."""
_NUMBERS = ("x", "rate", "duration")
_TRUTH = "ground_truth"
_SURFACE = {
    "rate": "per doubling of the frame rate, the length of the sequence held",
    "length": "per doubling of the length, the frame rate held",
    "rate_over_length": f"doubling the frame rate {MINUS} doubling the length",
}

Bound = Mapping[str, str]
"""What the words in braces stand for."""


@dataclass(frozen=True)
class Decision:
    """What came of a claim.

    Attributes:
        effects: that decided, each with what it says.
        judge: the metric; "" where nothing was tested.
        study: whose results these are; None where nothing was tested.
        passed_over: judges before this one that the study does not have.
        reason: why nothing was tested, and what would.
    """

    claim: Claim
    outcome: Outcome
    effects: Sequence[tuple[Effect, Outcome]] = ()
    judge: str = ""
    study: Finished | None = None
    passed_over: Sequence[str] = ()
    reason: str = ""


@dataclass(frozen=True)
class Decided:
    """A row of Table 1, and what came of its claims."""

    row: Takeaway
    outcome: Outcome
    decisions: Sequence[Decision]


def decide_row(row: Takeaway, *, studies: Mapping[str, Finished], judges: Mapping[str, Sequence[str]]) -> Decided:
    """A takeaway says that all of its claims are so.

    Args:
        studies: by name.
        judges: by family, in order of preference.
    """
    found = [decide(claim, studies=studies, judges=judges) for claim in row.claims]
    return Decided(row, all_of([each.outcome for each in found]), found)


def decide(claim: Claim, *, studies: Mapping[str, Finished], judges: Mapping[str, Sequence[str]]) -> Decision:
    """By the first study that has something to compare, and the first judge that it has of it."""
    wanted = judges[claim.judges]
    reasons = []
    for source in claim.sources:
        study = studies.get(source.study)
        if study is None:
            continue
        for judge in _judges_of(study, wanted):
            effects = corrected(_effects(source, study, judge, claim.systems))
            if effects:
                found: list[Outcome] = [outcome(effect, claim.test) for effect in effects]
                whole = all_of(found) if claim.holds == "all" else any_of(found)
                told = list(zip(effects, found, strict=True))
                return Decision(claim, whole, told, judge, study, wanted[: wanted.index(judge)])
        reasons.append(_nothing_in(study, wanted, claim.judges))
    return Decision(claim, "untested", reason=reasons[0] if reasons else _no_study(claim))


def _judges_of(study: Finished, wanted: Sequence[str]) -> list[str]:
    return [name for name in wanted if name in study.scores or (name == TIME and study.timings)]


def _no_study(claim: Claim) -> str:
    names = list(dict.fromkeys(source.study for source in claim.sources))
    others = f" (or {', '.join(names[1:])})" if names[1:] else ""
    return f"Not tested: run `counterpoint study run {names[0]}`{others}."


def _nothing_in(study: Finished, wanted: Sequence[str], family: str) -> str:
    if _judges_of(study, wanted):
        remedy = "." if study.scale == "paper" else f"; `counterpoint study run {study.study} --scale paper` has it."
        return f"Not tested: {study.name} has nothing to compare here{remedy}"
    return (
        f"Not tested: {study.name} has no judge of {family}; `counterpoint metrics status` says how "
        "to get one, and with it the study is run again."
    )


def _effects(source: ClaimSource, study: Finished, judge: str, allowed: Mapping[str, Sequence[str]]) -> list[Effect]:
    if judge == TIME:
        return _times(source, study)
    names = list(study.scores[judge])
    if source.effect:
        return _surface(source, study, judge, _matches(source.along, names, allowed))
    if source.along:
        groups = _groups(source.along, names, allowed)
        if source.to_largest is not None:
            return _against_largest(source, study, judge, groups)
        return _slopes(source, study, judge, groups, _groups(source.against, names, allowed))
    return [
        effect
        for bound, first in _matches(source.first, names, allowed)
        for _, second in _matches(_filled(source.second, bound), names, allowed)
        if (effect := _pair(study, judge, first, second)) is not None
    ]


def _matches(template: str, names: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> list[tuple[Bound, str]]:
    """The names that fit a template, and what its words stand for in each."""

    def group(found: re.Match[str]) -> str:
        word = found[1]
        fits = "|".join(map(re.escape, allowed[word])) if word in allowed else r"[\w.]+?"
        return rf"(?P<{word}>{r'[0-9.]+' if word in _NUMBERS else fits})"

    pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", group, re.escape(template)))
    return [(found.groupdict(), name) for name in names if (found := pattern.fullmatch(name))]


def _filled(template: str, bound: Bound) -> str:
    return re.sub(r"\{(\w+)\}", lambda word: bound.get(word[1], word[0]), template)


def _groups(
    template: str, names: Sequence[str], allowed: Mapping[str, Sequence[str]]
) -> dict[str, list[tuple[float, str]]]:
    """(x, name) by rising x, of those that differ in x alone, by the rest of what the template's words stand for."""
    found: dict[str, list[tuple[float, str]]] = {}
    for bound, name in _matches(template, names, allowed):
        rest = " ".join(value for word, value in bound.items() if word != "x")
        found.setdefault(rest, []).append((float(bound["x"]), name))
    return {rest: sorted(own) for rest, own in found.items()}


def _better(study: Finished, judge: str) -> Better:
    return study.metrics[judge].better


def _size(study: Finished, judge: str, systems: Sequence[str]) -> float:
    """Mean of the scores; of a distance, what lies above that of the true music, which few clips alone make large."""
    scores = study.scores[judge]
    truths = [_truth(study, judge, system) for system in systems]
    above = [
        abs(scores[system].value) - (max(0.0, scores[truth].value) if truth else 0.0)
        for system, truth in zip(systems, truths, strict=True)
    ]
    return sum(above) / len(above)


def _truth(study: Finished, judge: str, system: str) -> str:
    """The true music that a system's distance counts from, of its own duration where there are several; "" for none."""
    if _better(study, judge) != "lower":
        return ""
    names = [name for name in study.scores[judge] if name.startswith(_TRUTH)]
    return next((name for name in names if system.endswith(name.removeprefix(_TRUTH))), "")


def _pair(study: Finished, judge: str, first: str, second: str) -> Effect | None:
    """First minus second: clip by clip where the study has tested it, else from the two scores."""
    if first == second:
        return None
    what = f"{study.names.get(first, first)} {MINUS} {study.names.get(second, second)}"
    item = _tested(study, judge, first, second)
    if item is None:
        return _combined(what, study, judge, {first: 1.0, second: -1.0})
    better, size = _better(study, judge), _size(study, judge, (first, second))
    return Effect(what, item.value, item.low, item.high, better, size, item.p_holm, item.n, item.paired)


def _combined(what: str, study: Finished, judge: str, weights: Mapping[str, float]) -> Effect:
    """A weighted sum of scores, as an effect."""
    value, low, high, p = _sum(study, judge, weights)
    return _effect(what, study, judge, list(weights), value=value, low=low, high=high, p=p)


def _effect(
    what: str, study: Finished, judge: str, systems: Sequence[str], *, value: float, low: float, high: float, p: float
) -> Effect:
    n = min(study.scores[judge][system].n for system in systems)
    return Effect(what, value, low, high, _better(study, judge), _size(study, judge, systems), p, n)


def _sum(study: Finished, judge: str, weights: Mapping[str, float]) -> tuple[float, float, float, float]:
    """Of scores; where the weights add up to zero and all systems were tested against one of them, of these
    differences, which are known more closely."""
    if abs(sum(weights.values())) < 1e-9:
        for reference in weights:
            others = {name: weight for name, weight in weights.items() if name != reference}
            tested = [_tested(study, judge, name, reference) for name in others]
            found = [Score(item.value, item.low, item.high, item.n) for item in tested if item is not None]
            if len(found) == len(others):
                return contrast(found, list(others.values()), together=True)
    return contrast([study.scores[judge][system] for system in weights], list(weights.values()))


def _tested(study: Finished, judge: str, first: str, second: str) -> Difference | None:
    """First minus second, clip by clip, whichever way round the study has it."""
    found = study.difference(judge, first, second)
    turned = study.difference(judge, second, first)
    if found or turned is None:
        return found
    return replace(turned, first=first, second=second, value=-turned.value, low=-turned.high, high=-turned.low)


def _slopes(
    source: ClaimSource,
    study: Finished,
    judge: str,
    groups: Mapping[str, Sequence[tuple[float, str]]],
    against: Mapping[str, Sequence[tuple[float, str]]],
) -> list[Effect]:
    found = []
    for rest, own in groups.items():
        other = against.get(rest, ())
        if len(own) < 2 or (source.against and len(other) < 2):
            continue
        what, systems = _called(source.along, rest), [name for _, name in (*own, *other)]
        value, low, high, p = _sum(study, judge, _slope(own))
        if source.against:
            what += f" {MINUS} {_called(source.against, rest)}"
            minus = _sum(study, judge, _slope(other))
            value, low, high, p = contrast([Score(value, low, high, 0), Score(*minus[:3], 0)], (1, -1))
        what += f", per doubling of {source.of}"
        found.append(_effect(what, study, judge, systems, value=value, low=low, high=high, p=p))
    return found


def _slope(own: Sequence[tuple[float, str]]) -> dict[str, float]:
    return dict(zip((name for _, name in own), slope_weights([x for x, _ in own]), strict=True))


def _called(template: str, rest: str) -> str:
    """A line of systems in words: `fm_b{x}_{at}` is FM."""
    start = template.split("{")[0].strip("_")
    words = {
        "ar": "AR",
        "fm": "FM",
        "ar_enc": "AR",
        "fm_enc": "FM (quantised codec)",
        "fm_vae": "FM (variational codec)",
    }
    name = words.get(start, words.get(start.rsplit("_", 1)[0], "FM"))
    return f"{name}, {rest}" if rest else name


def _against_largest(
    source: ClaimSource, study: Finished, judge: str, groups: Mapping[str, Sequence[tuple[float, str]]]
) -> list[Effect]:
    pairs = [
        _pair(study, judge, name, own[-1][1])
        for own in groups.values()
        for x, name in own[:-1]
        if x >= (source.to_largest or 0) * own[-1][0]
    ]
    return [effect for effect in pairs if effect is not None]


def _surface(source: ClaimSource, study: Finished, judge: str, cells: Sequence[tuple[Bound, str]]) -> list[Effect]:
    """Clips of another duration are judged against other music, from which even the true music is another distance
    away: this is taken off."""
    rates, durations = ([float(bound[word]) for bound, _ in cells] for word in ("rate", "duration"))
    both = surface_weights(rates, durations) if cells else None
    if both is None or source.effect is None:
        return []
    weights = {
        "rate": both[0],
        "length": both[1],
        "rate_over_length": [rate - length for rate, length in zip(*both, strict=True)],
    }[source.effect]
    names = [name for _, name in cells]
    of = dict(zip(names, weights, strict=True))
    truths = [_truth(study, judge, name) for name in names]
    for truth, weight in zip(truths, weights, strict=True):
        if truth:
            of[truth] = of.get(truth, 0.0) - weight
    what = _SURFACE[source.effect] + (", above the true music of each duration" if any(truths) else "")
    value, low, high, p = _sum(study, judge, of)
    return [_effect(what, study, judge, names, value=value, low=low, high=high, p=p)]


def _times(source: ClaimSource, study: Finished) -> list[Effect]:
    """Latencies, first minus second; how far apart the quartiles are stands for the interval."""

    def within(value: float, bounds: tuple[float, float]) -> bool:
        return bounds[0] <= value <= bounds[1]

    def timed(draws: str) -> dict[tuple[int, int, float], tuple[float, float, float]]:
        return {
            (each.layers, each.batch, each.seconds): each.latency
            for each in study.timings
            if (each.draws, each.engine) == (draws, source.engine)
            and within(each.layers, source.layers)
            and within(each.batch, source.batches)
            and within(each.seconds, source.seconds)
        }

    found = []
    first, second = timed(source.first), timed(source.second)
    for place in sorted(first.keys() & second.keys()):
        layers, batch, seconds = place
        one, other = first[place], second[place]
        what = f"{source.first} {MINUS} {source.second}, {_clips(batch)} of {seconds:g} s, {layers} layers"
        size = (one[0] + other[0]) / 2
        found.append(Effect(what, one[0] - other[0], one[1] - other[2], one[2] - other[1], "lower", size, p=None, n=0))
    return found


def _clips(batch: int) -> str:
    return f"{batch} clip{'' if batch == 1 else 's'}"
