"""The report of a study of samplers (Figure 3, Table 8): quality per evaluation of the network."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from counterpoint.claims.paper import paper_scores
from counterpoint.config import FlowMatchingSampling
from counterpoint.metrics.base import Difference, Score
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Chart, Charts, Fact, Line, Mark, Point, Report, Section, System, Text, Verdict
from counterpoint.report.numbers import MINUS, duration, number, p_value, span
from counterpoint.report.scores import is_clear
from counterpoint.report.tables import Cell, Column, Row, Table, place_of, plain, plain_table
from counterpoint.results.schema import TRUTH, Results
from counterpoint.study.kinds.samplers import SamplerStudy
from counterpoint.study.kinds.trained import BOTH as PAIR
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.notes import common_notes, prose
from counterpoint.study.pages.page import Page
from counterpoint.study.pages.words import against_outside, sentences
from counterpoint.study.search.points import in_words

AR, FM = PAIR
DEFAULTS = {"guidance": 3.0, "sway": 0.0, "guidance_interval": (0.0, 1.0)}
"""Fields whose values must equal these for a setting to be part of a series."""
SOLVER_MARKS = {
    "euler": Mark(shape="circle", colour="blue"),
    "midpoint": Mark(shape="triangle", colour="ochre"),
    "heun": Mark(shape="square", colour="green"),
    "adams": Mark(shape="diamond", colour="purple"),
    "dopri5": Mark(shape="triangle-down", colour="slate"),
}
"""Marks of solvers; others have that of their paradigm."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Cost and quality of one setting of a sampler.

    Attributes:
        label: its label in the study's configuration, which is the key of its system.
        series: settings of one series differ only in the number of steps; "" for a setting outside any series.
        passes: network passes per clip.
        evaluations: the same with the rows of guidance.
        seconds: time per clip, the median of the turns, and the shortest and longest turn.
        difference: difference from the reference in the primary metric; None for the reference.
    """

    label: str
    series: str
    mark: Mark
    passes: int
    evaluations: int
    seconds: tuple[float, float, float]
    score: Score
    difference: Difference | None


class SamplerPage(Page[SamplerStudy]):
    """The data of a sampler study's page.

    Attributes:
        settings: settings of flow matching, by rising evaluations.
        other: the other paradigm.
        best: the best setting within the budget; None without any.
        steady: the best one among those that guide at all times, as the reference does.
    """

    judging = ("evaluate",)

    def __init__(self, study: SamplerStudy, results: Results):
        entry, what = PARADIGMS[AR], f"The other paradigm, trained alike: {said.settings_words(study.autoregressive)}."
        own = [System(key=AR, name=entry.label, what=what, mark=of_paradigm(AR))]
        for label in sorted(study.settings, key=lambda label: results.cost(label).model_evaluations):
            sampling = study.settings[label]
            what = f"{PARADIGMS[FM].label}: {in_words(sampling)}."
            own.append(System(key=label, name=label, what=what, mark=solver_mark(sampling)))
        super().__init__(study, results, own=own)
        self.metric = study.evaluation.primary
        found = [self._setting(label, _series(own)) for label, own in study.settings.items()]
        self.settings = sorted(found, key=lambda item: item.evaluations)
        self.other = self._setting(AR, "")
        self.reference = next(item for item in self.settings if item.label == study.reference)
        within = [item for item in self.settings if item.evaluations <= study.budget and item is not self.reference]
        self.best = min(within, key=lambda item: item.score.value, default=None)
        throughout = DEFAULTS["guidance_interval"]
        alike = [item for item in within if study.settings[item.label].guidance_interval == throughout]
        self.steady = min(alike, key=lambda item: item.score.value, default=None)

    def _setting(self, label: str, series: str) -> Setting:
        report = self.results.cost(label)
        [times] = self.results.times.values()
        turns = times.systems[label]
        score = self.judged.score(self.metric, label)
        assert score is not None, f"{label} has no {self.metric}"
        return Setting(
            label=label,
            series=series,
            mark=self.systems[label].mark,
            passes=report.network_evaluations,
            evaluations=report.model_evaluations,
            seconds=(statistics.median(turns), min(turns), max(turns)),
            score=score,
            difference=self.judged.difference(self.metric, label, self.study.reference),
        )


def solver_mark(sampling: FlowMatchingSampling) -> Mark:
    """The mark of a setting: that of its solver, hollow outside any series."""
    mark = SOLVER_MARKS.get(sampling.solver) or of_paradigm(FM)
    return mark if _series(sampling) else replace(mark, fill="hollow")


def _series(sampling: FlowMatchingSampling) -> str:
    return sampling.solver if all(getattr(sampling, name) == value for name, value in DEFAULTS.items()) else ""


def sampler_report(study: SamplerStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = SamplerPage(study, results)
    shown = [TRUTH, page.reference.label, *([page.best.label] if page.best else []), AR]
    outside = {key: key for key in study.systems if key in page.systems}
    own = {AR: PARADIGMS[AR].noun, page.reference.label: page.reference.label}
    return page.report(
        title="How much quality does an evaluation buy?",
        verdict=Verdict(
            _sentence(page.reference, page.best, budget=study.budget, metric=page.metric),
            sentences([*_steady(page), *_points(page), *against_outside(page.judged, page.metric, own, outside)]),
        ),
        facts=[
            Fact("Settings", str(len(study.settings))),
            said.prompts_headline(results.prompts["prompts"]),
            said.budget_headline(study.training, label="Training per model"),
        ],
        sections=[
            _charts(page),
            page.listen(shown),
            _table(page),
            _paper(page),
            page.scores(with_all=True),
        ],
        compared=_facts(page),
        methods=_notes(page),
    )


def _sentence(reference: Setting, best: Setting | None, *, budget: int, metric: str) -> str:
    """The answer, worded according to the tests."""
    if best is None or best.difference is None:
        return f"No tried setting has at most {budget} model evaluations."
    difference, spans = best.difference, [span(item.score) for item in (best, reference)]
    against = f"{metric} {spans[0]} against {spans[1]}; the difference is {span(difference)}"
    cost = f"{best.evaluations} model evaluations, including rows of guidance, instead of {reference.evaluations}"
    if best.score.value <= reference.score.value:
        return f"{best.label} reaches the quality of {reference.label} with {cost}: {against}."
    if difference.low <= 0:
        return f"{best.label} does not differ clearly from {reference.label} with {cost}: {against}."
    return (
        f"No setting with at most {budget} evaluations reaches {reference.label}; the nearest, {best.label}, needs "
        f"{cost}, and scores {against}."
    )


def _steady(page: SamplerPage) -> list[str]:
    """The best setting that guides at all times, if the best of all does not, which isolates the solver's merit."""
    setting = page.steady if page.steady is not page.best else None
    if setting is None or setting.difference is None:
        return []
    return [
        f"Among settings that guide at all times, as {page.reference.label} does, {setting.label} is best with "
        f"{setting.evaluations} evaluations: {page.metric} {span(setting.score)}, a difference of "
        f"{span(setting.difference)}."
    ]


def _points(page: SamplerPage) -> list[str]:
    other, reference, best, found = page.other, page.reference, page.best, []
    label = PARADIGMS[AR].noun
    if best is not None:
        faster = reference.seconds[0] / best.seconds[0]
        found.append(
            f"A clip takes {duration(best.seconds[0])} with {best.label}, {duration(reference.seconds[0])} with "
            f"{reference.label} ({number(faster, places=1)} times as long) and {duration(other.seconds[0])} with "
            f"{label}."
        )
    lowest = min(page.settings, key=lambda item: item.score.value)
    found.append(
        f"The lowest {page.metric} of all settings is {lowest.label}'s, {span(lowest.score)}, with "
        f"{lowest.evaluations} evaluations; {label} scores {span(other.score)} with {other.evaluations}."
    )
    clear = [(item, item.difference) for item in page.settings if item.difference and is_clear(item.difference)]
    for word, names in (
        ("better", [item.label for item, difference in clear if difference.high < 0]),
        ("worse", [item.label for item, difference in clear if difference.low > 0]),
    ):
        if names:
            found.append(f"Clearly {word} than {reference.label}: {', '.join(names)}.")
    return found


def _charts(page: SamplerPage) -> Section | None:
    """Paired differences over evaluations, since the common part of all settings would hide them; and quality over
    speed."""
    d, info = page.other.difference, page.judged.metrics[page.metric]
    beside = f" {PARADIGMS[AR].label}: {span(d)} with {page.other.evaluations}." if d else ""
    named = page.best.label if page.best else ""
    cost = Chart.of(
        info,
        title=f"{info.label} minus that of {page.reference.label}",
        what=f"Over model evaluations per clip, including rows of guidance.{beside}",
        x_name="model evaluations per clip",
        log=(True, False),
        lines=[*_lines(page, by_evaluations=True, named=[named])],
        upright=page.study.budget,
        with_zero=True,
    )
    alone = _point(page.other, x=1 / page.other.seconds[0], score=page.other.score, is_named=True)
    speed = Chart.of(
        info,
        what=f"Over clips per second on this machine, {page.study.timing.batch_size} at once: right and low is best.",
        x_name="clips per second",
        log=(True, None),
        lines=[
            *_lines(page, by_evaluations=False, named=[named, page.reference.label]),
            Line(name=PARADIGMS[AR].label, mark=page.other.mark, points=[alone], kind="plain", is_named=False),
        ],
    )
    solvers = dict.fromkeys(page.study.settings[item.label].solver for item in page.settings)
    legend = [(SOLVER_MARKS.get(solver) or of_paradigm(FM), solver.capitalize()) for solver in solvers]
    blocks = [Charts(name="charts", charts=[cost, speed], legend=[*legend, (page.other.mark, PARADIGMS[AR].label)])]
    return page.section("settings", *blocks, budget=page.study.budget)


def _lines(page: SamplerPage, *, by_evaluations: bool, named: Sequence[str]) -> list[Line]:
    """Settings as lines, joined within a series."""
    groups: dict[str, list[Setting]] = {}
    for item in page.settings:
        groups.setdefault(item.series or item.label, []).append(item)
    found = []
    for name, items in groups.items():
        points = []
        for item in items:
            apart = item.difference or replace(item.score, value=0.0, low=0.0, high=0.0)
            score = apart if by_evaluations else item.score
            x = item.evaluations if by_evaluations else 1 / item.seconds[0]
            points.append(_point(item, x=x, score=score, is_named=item.label in named))
        points.sort(key=lambda point: point.x)
        found.append(Line(name=name, mark=items[0].mark, points=points, is_named=False))
    return found


def _point(item: Setting, *, x: float, score: Score | Difference, is_named: bool) -> Point:
    point = Point.of(x, score, name=f"{item.label}, {number(x)}:", n=score.n)
    return replace(point, name=item.label if is_named else "")


def _table(page: SamplerPage) -> Section | None:
    rows, lines = [], []
    for item in (*page.settings, page.other):
        d, seconds, score = item.difference, item.seconds, item.score
        line: dict[str, object] = {"setting": item.label, "passes": item.passes, "evaluations": item.evaluations}
        line |= dict(zip(("seconds", "seconds_low", "seconds_high"), seconds, strict=True))
        line |= {page.metric: score.value, "low_95": score.low, "high_95": score.high}
        tested = (d.value, d.low, d.high, d.p) if d else [""] * 4
        line |= dict(zip(("difference", "difference_low", "difference_high", "p"), tested, strict=True))
        lines.append(line)
        places = [
            *plain(f"{item.passes:,}", f"{item.evaluations:,}"),
            [Cell(text=duration(seconds[0]), numbers=seconds)],
            *plain(f"{number(page.reference.seconds[0] / seconds[0])} ×"),
            place_of(score),
            place_of(d),
            *plain(p_value(d.p) if d else ""),
        ]
        tone = "subject" if item in (page.reference, page.best) else ""
        rows.append(Row(label=item.label, mark=item.mark, tone=tone, places=places))
    table = Table(
        name="settings",
        label="Table of settings",
        corner="Setting",
        columns=[
            *(Column(title=title) for title in ("Passes", "Evaluations", "Time per clip", "Speed")),
            Column.of(page.judged.metrics[page.metric]),
            Column(title=f"{MINUS} {page.reference.label}"),
            Column(title="p"),
        ],
        rows=rows,
        caption="Network passes and model evaluations (a guided pass counts as two) per clip; time per clip, the "
        f"median of turns, {page.study.timing.batch_size} clips at once; speed against {page.reference.label}; scores "
        "and paired differences with 95% intervals, p two-sided.",
        csv=lines,
    )
    return page.section("table", table)


def _paper(page: SamplerPage) -> Section | None:
    """Table 8 with our values at its right, each with its ratio to 50 steps: scales differ, shapes may agree."""
    paper = paper_scores("table_8_full")
    found = [re.fullmatch(r"fm_(\d+)hz_euler(\d+)", row.system) for row in paper.rows]
    theirs = {(int(at[2]), int(at[1])): row.scores["fad"] for at, row in zip(found, paper.rows, strict=True) if at}
    rates = list(dict.fromkeys(rate for _, rate in theirs))
    euler = {page.study.settings[item.label].steps: item.score for item in page.settings if item.series == "euler"}
    rows = []
    for steps in dict.fromkeys(steps for steps, _ in theirs):
        values = [(theirs[steps, rate], theirs[50, rate]) for rate in rates]
        ours = euler.get(steps)
        cell = "" if ours is None else span(ours)
        if ours is not None and 50 in euler:
            cell += f" ({number(ours.value / euler[50].value, places=3)} ×)"
        cells = [f"{value:g} ({number(value / at_50, places=2)} ×)" for value, at_50 in values]
        rows.append([f"Euler, {steps} steps", *cells, cell])
    header = ["Steps", *(f"{rate} Hz, FAD" for rate in rates), f"Ours, {page.metric}"]
    table = plain_table("paper", header, rows, label="Table 8", caption=f"The paper: {paper.where}.")
    return page.beside_paper(paper, table)


def _facts(page: SamplerPage) -> list[Fact]:
    study = page.study
    return [
        *said.data_facts(page.results),
        *said.model_facts(study, page.results.models.values()),
        said.fact("same_noise", seed=study.prompts.seed, guidance=DEFAULTS["guidance"]),
        said.fact("timing", timing=study.timing, seconds=study.prompts.duration_s),
    ]


def _notes(page: SamplerPage) -> list[Text]:
    return common_notes(page.study, page.results, own=prose("samplers", budget=page.study.budget))
