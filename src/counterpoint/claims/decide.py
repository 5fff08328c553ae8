"""Tests of the paper's claims against results: the study, the comparison and the decision of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from counterpoint.claims.paper import Claim, ClaimSource, Takeaway, paper_claims
from counterpoint.claims.rules import Effect, Outcome, all_of, any_of, corrected, outcome
from counterpoint.metrics.base import Better, Score
from counterpoint.metrics.contrasts import Estimate, contrast, slope_weights, surface_weights
from counterpoint.metrics.preferences import FAMILIES
from counterpoint.report.numbers import MINUS
from counterpoint.results.gates import standing
from counterpoint.results.schema import Judged, Results

TIME = "latency_s"
"""The name used instead of a metric when times are compared."""
_NUMBERS = ("x", "rate", "duration")
_TRUTH = "ground_truth"
_SURFACE = {
    "rate": "per doubling of the frame rate, at a fixed sequence length",
    "length": "per doubling of the length, at a fixed frame rate",
    "rate_over_length": f"doubling the frame rate {MINUS} doubling the length",
}

Bound = Mapping[str, str]
"""The meaning of the words in braces."""
Groups = Mapping[str, Sequence[tuple[float, str]]]
"""(x, system) by rising x, for systems that differ only in x."""


@dataclass(frozen=True)
class FinishedStudy:
    """A finished study that may decide claims.

    Attributes:
        name: name of its folder.
    """

    name: str
    results: Results

    @cached_property
    def judged(self) -> Judged:
        """All evaluations together."""
        return self.results.judged()

    @property
    def shipped(self) -> str:
        """The study of this package that it is a run of."""
        return self.results.study.shipped

    def named(self, system: str) -> str:
        """The short name of a system."""
        known = self.results.systems.get(system)
        return (known.short or known.name) if known else system

    @property
    def times(self) -> dict[tuple[str, str, int, int, float], Estimate]:
        """Latency of a batch by (paradigm and solver, engine, layers, clips, seconds each): the median and quartiles of
        its runs. Batches that do not fit into memory have none."""
        points = [found for speed in self.results.speed.values() for found in speed.points]
        return {
            (at.label, at.engine, at.backbone.layers, at.batch, at.duration_s): Estimate(
                found.latency_s, found.low_s, found.high_s
            )
            for found in points
            if found.out_of_memory is None and (at := found.point)
        }


@dataclass(frozen=True)
class Decision:
    """The decision about a claim.

    Attributes:
        effects: the deciding effects, each with its outcome.
        judge: the metric; "" if nothing was tested.
        study: the name of the study that decided; "" if nothing was tested.
        passed_over: preferred metrics that the study does not have.
        reason: why nothing was tested, and how it can be.
        lacks_judge: whether that is because the study has no metric of the claim's family.
    """

    claim: Claim
    outcome: Outcome
    effects: Sequence[tuple[Effect, Outcome]] = ()
    judge: str = ""
    study: str = ""
    passed_over: Sequence[str] = ()
    reason: str = ""
    lacks_judge: bool = False


@dataclass(frozen=True)
class Decided:
    """A row of Table 1 and the decisions about its claims."""

    row: Takeaway
    outcome: Outcome
    decisions: Sequence[Decision]


def decide_all(found: Mapping[str, Results]) -> list[Decided]:
    """Decide the rows of the paper's Table 1, and further ones, by finished studies.

    Args:
        found: results by the name of their study's folder, one for each study of the package.
    """
    studies = {
        results.study.shipped: FinishedStudy(name, results) for name, results in found.items() if results.study.shipped
    }
    return [decide_row(row, studies=studies) for row in paper_claims().rows]


def decide_row(row: Takeaway, *, studies: Mapping[str, FinishedStudy]) -> Decided:
    """Decide a takeaway, which states that all of its claims hold.

    Args:
        studies: by the name of the package's study.
    """
    found = [decide(claim, studies=studies) for claim in row.claims]
    return Decided(row, all_of([each.outcome for each in found]), found)


def decide(claim: Claim, *, studies: Mapping[str, FinishedStudy]) -> Decision:
    """Decide by the first study that has something to compare, and the first metric that it has. A study at debug
    scale decides nothing, and neither does one with a model that has not passed its gate."""
    wanted = FAMILIES[claim.judges]
    reasons: list[tuple[str, bool]] = []
    for source in claim.sources:
        study = studies.get(source.study)
        if study is None:
            continue
        if study.results.study.scale == "debug":
            reasons.append((f"Not tested: {study.name} was run at debug scale, which is no evidence.", False))
            continue
        if barred := standing(study.results).sentence:
            reasons.append((f"Not tested: {study.name} draws no conclusion. {barred}", False))
            continue
        for judge in _judges_of(study, wanted):
            effects = corrected(_effects(source, study, judge, claim.systems))
            if effects:
                found: list[Outcome] = [outcome(effect, claim.test) for effect in effects]
                whole = all_of(found) if claim.holds == "all" else any_of(found)
                paired = list(zip(effects, found, strict=True))
                return Decision(claim, whole, paired, judge, study.name, wanted[: wanted.index(judge)])
        reasons.append((_nothing_in(study, wanted, claim.judges), not _judges_of(study, wanted)))
    reason, lacks_judge = reasons[0] if reasons else (_no_study(claim), False)
    return Decision(claim, "untested", reason=reason, lacks_judge=lacks_judge)


def _judges_of(study: FinishedStudy, wanted: Sequence[str]) -> list[str]:
    return [name for name in wanted if study.judged.scores.get(name) or (name == TIME and study.times)]


def _no_study(claim: Claim) -> str:
    names = list(dict.fromkeys(source.study for source in claim.sources))
    others = f" (or {', '.join(names[1:])})" if names[1:] else ""
    return f"Not tested: run `counterpoint study run {names[0]}`{others}."


def _nothing_in(study: FinishedStudy, wanted: Sequence[str], family: str) -> str:
    if _judges_of(study, wanted):
        has_it = study.results.study.scale == "paper"
        remedy = "." if has_it else f"; `counterpoint study run {study.shipped} --scale paper` has it."
        return f"Not tested: {study.name} has nothing to compare here{remedy}"
    return (
        f"Not tested: {study.name} has no metric of {family}; `counterpoint metrics status` shows how "
        "to get one; then run the study again."
    )


def _effects(
    source: ClaimSource, study: FinishedStudy, judge: str, allowed: Mapping[str, Sequence[str]]
) -> list[Effect]:
    if judge == TIME:
        return _times(source, study)
    scored = Scored(study, judge)
    names = list(scored.scores)
    if source.effect:
        return _surface(source, scored, _matches(source.along, names, allowed))
    if source.along:
        groups = _groups(source.along, names, allowed)
        if source.to_largest is not None:
            return _against_largest(source.to_largest, scored, groups)
        return _slopes(source, scored, groups, _groups(source.against, names, allowed))
    pairs = [
        (first, second)
        for bound, first in _matches(source.first, names, allowed)
        for _, second in _matches(_filled(source.second, bound), names, allowed)
    ]
    return [scored.pair(first, second) for first, second in pairs if first != second]


def _matches(template: str, names: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> list[tuple[Bound, str]]:
    """The names that fit a template, and the values of its words in each."""

    def group(found: re.Match[str]) -> str:
        word = found[1]
        fits = "|".join(map(re.escape, allowed[word])) if word in allowed else r"[\w.]+?"
        return rf"(?P<{word}>{r'[0-9.]+' if word in _NUMBERS else fits})"

    pattern = re.compile(re.sub(r"\\\{(\w+)\\\}", group, re.escape(template)))
    return [(found.groupdict(), name) for name in names if (found := pattern.fullmatch(name))]


def _filled(template: str, bound: Bound) -> str:
    return re.sub(r"\{(\w+)\}", lambda word: bound.get(word[1], word[0]), template)


def _groups(template: str, names: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> Groups:
    """Groups of (x, name) by rising x that differ only in x, by the values of the template's other words."""
    found: dict[str, list[tuple[float, str]]] = {}
    for bound, name in _matches(template, names, allowed):
        rest = " ".join(value for word, value in bound.items() if word != "x")
        found.setdefault(rest, []).append((float(bound["x"]), name))
    return {rest: sorted(own) for rest, own in found.items()}


@dataclass(frozen=True)
class Scored:
    """A study's scores in one metric, and effects between them."""

    study: FinishedStudy
    judge: str

    @property
    def scores(self) -> Mapping[str, Score]:
        """By system."""
        return self.study.judged.scores[self.judge]

    @property
    def better(self) -> Better:
        return self.study.judged.metrics[self.judge].better

    def truth(self, system: str) -> str:
        """The true music that a system's distance is relative to, of its own duration if there are several; "" for
        none."""
        if self.better != "lower":
            return ""
        names = [name for name in self.scores if name.startswith(_TRUTH)]
        return next((name for name in names if system.endswith(name.removeprefix(_TRUTH))), "")

    def size(self, systems: Sequence[str]) -> float:
        """Mean of the scores; for a distance, its excess over that of the true music, which few clips alone make
        large."""

        def floor(system: str) -> float:
            truth = self.truth(system)
            return max(0.0, self.scores[truth].value) if truth else 0.0

        return sum(abs(self.scores[system].value) - floor(system) for system in systems) / len(systems)

    def pair(self, first: str, second: str) -> Effect:
        """First minus second: clip by clip if the study has tested it, else from the two scores."""
        what = f"{self.study.named(first)} {MINUS} {self.study.named(second)}"
        item = self.study.judged.difference(self.judge, first, second)
        if item is None:
            return self.effect(what, (first, second), *self.total({first: 1.0, second: -1.0}))
        size = self.size((first, second))
        return Effect(what, item.value, item.low, item.high, self.better, size, item.p_holm, item.n, item.paired)

    def effect(self, what: str, systems: Sequence[str], found: Estimate, p: float) -> Effect:
        """An estimate from the scores of some systems as an effect."""
        n = min(self.scores[system].n for system in systems)
        return Effect(what, found.value, found.low, found.high, self.better, self.size(systems), p, n)

    def total(self, weights: Mapping[str, float]) -> tuple[Estimate, float]:
        """A weighted sum of scores with its p-value; if the weights add up to zero and all systems were tested against
        one of them, a sum of these differences, which have narrower intervals."""
        if abs(sum(weights.values())) < 1e-9:
            for reference in weights:
                others = {name: weight for name, weight in weights.items() if name != reference}
                tested = [self.study.judged.difference(self.judge, name, reference) for name in others]
                found = [Estimate.of(item) for item in tested if item is not None]
                if len(found) == len(others):
                    return contrast(found, list(others.values()), together=True)
        return contrast([Estimate.of(self.scores[system]) for system in weights], list(weights.values()))


def _slopes(source: ClaimSource, scored: Scored, groups: Groups, against: Groups) -> list[Effect]:
    found = []
    for rest, own in groups.items():
        other = against.get(rest, ())
        if len(own) < 2 or (source.against and len(other) < 2):
            continue
        what, systems = _called(source.along, rest), [name for _, name in (*own, *other)]
        slope, p = scored.total(_slope(own))
        if source.against:
            what += f" {MINUS} {_called(source.against, rest)}"
            slope, p = contrast([slope, scored.total(_slope(other))[0]], (1, -1))
        found.append(scored.effect(f"{what}, per doubling of {source.of}", systems, slope, p))
    return found


def _slope(own: Sequence[tuple[float, str]]) -> dict[str, float]:
    return dict(zip((name for _, name in own), slope_weights([x for x, _ in own]), strict=True))


def _called(template: str, rest: str) -> str:
    """The name of a line of systems: `fm_b{x}_{at}` is FM."""
    start = template.split("{")[0].strip("_")
    codecs = {"enc": "quantised", "vae": "variational"}
    paradigm, _, codec = start.partition("_")
    name = "AR" if paradigm == "ar" else "FM"
    name += f" ({codecs[codec]} codec)" if name == "FM" and codec in codecs else ""
    return f"{name}, {rest}" if rest else name


def _against_largest(least: float, scored: Scored, groups: Groups) -> list[Effect]:
    """Each system of at least this share of the largest x, minus that of the largest."""
    return [scored.pair(name, own[-1][1]) for own in groups.values() for x, name in own[:-1] if x >= least * own[-1][0]]


def _surface(source: ClaimSource, scored: Scored, cells: Sequence[tuple[Bound, str]]) -> list[Effect]:
    """Clips of different durations are judged against different music, from which even the true music has a different
    distance; this distance is subtracted."""
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
    truths = [scored.truth(name) for name in names]
    for truth, weight in zip(truths, weights, strict=True):
        if truth:
            of[truth] = of.get(truth, 0.0) - weight
    what = _SURFACE[source.effect] + (", above the true music of each duration" if any(truths) else "")
    return [scored.effect(what, names, *scored.total(of))]


def _times(source: ClaimSource, study: FinishedStudy) -> list[Effect]:
    """Latencies, first minus second, with the distance of the quartiles as interval."""

    def within(value: float, bounds: tuple[float, float]) -> bool:
        return bounds[0] <= value <= bounds[1]

    def timed(draws: str) -> dict[tuple[int, int, float], Estimate]:
        return {
            (layers, batch, seconds): latency
            for (drawn, engine, layers, batch, seconds), latency in study.times.items()
            if (drawn, engine) == (draws, source.engine)
            and within(layers, source.layers)
            and within(batch, source.batches)
            and within(seconds, source.seconds)
        }

    found = []
    first, second = timed(source.first), timed(source.second)
    for place in sorted(first.keys() & second.keys()):
        layers, batch, seconds = place
        one, other = first[place], second[place]
        what = f"{source.first} {MINUS} {source.second}, {_clips(batch)} of {seconds:g} s, {layers} layers"
        size = (one.value + other.value) / 2
        low, high = one.low - other.high, one.high - other.low
        found.append(Effect(what, one.value - other.value, low, high, "lower", size, p=None, n=0))
    return found


def _clips(batch: int) -> str:
    return f"{batch} clip{'' if batch == 1 else 's'}"
