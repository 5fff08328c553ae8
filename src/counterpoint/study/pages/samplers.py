"""The report of a study of samplers (Figure 3, Table 8): what an evaluation of the network buys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from counterpoint.claims.paper import paper_table
from counterpoint.metrics.base import Difference, Score
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    Cell,
    Chart,
    Charts,
    Column,
    Fact,
    Line,
    Point,
    Report,
    Row,
    Section,
    Table,
    Verdict,
)
from counterpoint.report.chart import scored
from counterpoint.report.numbers import MINUS, duration, number, p_value
from counterpoint.report.scores import is_clear
from counterpoint.report.tables import grid as plain_grid
from counterpoint.results.schema import TRUTH, Results
from counterpoint.study.kinds.samplers import SamplerStudy
from counterpoint.study.kinds.trained import BOTH as PAIR
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.looks import of_paradigm
from counterpoint.study.pages.notes import source_of
from counterpoint.study.pages.samplers_methods import sampler_facts, sampler_notes
from counterpoint.study.pages.samplers_page import SOLVER_MARKS, SamplerPage, Setting
from counterpoint.study.pages.sections import (
    compared_section,
    examples_of,
    listen_section,
    methods_section,
    report_of,
    scores_section,
)
from counterpoint.study.pages.words import against_outside, sentences, span, terms

AR, FM = PAIR


def sampler_report(study: SamplerStudy, results: Results) -> Report:
    """The report of a finished study."""
    page = SamplerPage(study, results)
    shown = [TRUTH, page.reference.label, *([page.best.label] if page.best else []), AR]
    outside = {key: key for key in study.systems if key in page.systems}
    own = {AR: PARADIGMS[AR].label.lower(), page.reference.label: page.reference.label}
    return report_of(
        results,
        title="What does an evaluation buy?",
        verdict=Verdict(
            _sentence(page.reference, page.best, budget=study.budget, metric=page.metric),
            sentences([*_steady(page), *_points(page), *against_outside(page.judged, page.metric, own, outside)]),
        ),
        facts=[
            Fact("Settings", str(len(study.settings))),
            said.prompts_headline(results.prompts["prompts"]),
            said.budget_headline(study.training, label="Training of each"),
            said.time_headline(results),
        ],
        sections=[
            _charts(page),
            listen_section(
                examples_of(results, page.systems, shown),
                lead="The same prompts, and for flow matching the same noise.",
            ),
            _table(page),
            _paper(page),
            scores_section(page.judged, page.systems, page.judged.judges, with_all=True, is_folded=True),
            compared_section(sampler_facts(page), page.systems.values()),
            methods_section(sampler_notes(page)),
        ],
        terms=terms(page.judged),
    )


def _sentence(reference: Setting, best: Setting | None, *, budget: int, metric: str) -> str:
    """What the question's answer is; the tests decide how strongly it is put."""
    if best is None or best.difference is None:
        return f"No setting of at most {budget} model evaluations was among those tried."
    difference, spans = best.difference, [span(item.score) for item in (best, reference)]
    against = f"{metric} {spans[0]} against {spans[1]}; the difference is {span(difference)}"
    cost = f"{best.evaluations} model evaluations, rows of guidance counted, in place of {reference.evaluations}"
    if best.score.value <= reference.score.value:
        return f"{best.label} reaches the quality of {reference.label} with {cost}: {against}."
    if difference.low <= 0:
        return f"{best.label} comes within chance of {reference.label} with {cost}: {against}."
    return (
        f"No setting of at most {budget} model evaluations reaches {reference.label}; the nearest, {best.label}, needs "
        f"{cost}, and scores {against}."
    )


def _steady(page: SamplerPage) -> list[str]:
    """The best that guides throughout, where the best of all does not: the solver's own merit."""
    setting = page.steady if page.steady is not page.best else None
    if setting is None or setting.difference is None:
        return []
    return [
        f"Of those that guide all the time, as {page.reference.label} does, {setting.label} is best with "
        f"{setting.evaluations} evaluations: {page.metric} {span(setting.score)}, a difference of "
        f"{span(setting.difference)}."
    ]


def _points(page: SamplerPage) -> list[str]:
    other, reference, best, found = page.other, page.reference, page.best, []
    label = PARADIGMS[AR].label.lower()
    if best is not None:
        faster = reference.seconds[0] / best.seconds[0]
        found.append(
            f"A clip takes {duration(best.seconds[0])} with {best.label}, {duration(reference.seconds[0])} with "
            f"{reference.label} ({number(faster, places=1)} times as long) and {duration(other.seconds[0])} with the "
            f"{label} model."
        )
    lowest = min(page.settings, key=lambda item: item.score.value)
    found.append(
        f"The lowest {page.metric} of all settings is {lowest.label}'s, {span(lowest.score)}, with "
        f"{lowest.evaluations} evaluations; the {label} model scores {span(other.score)} with {other.evaluations}."
    )
    clear = [(item, item.difference) for item in page.settings if item.difference and is_clear(item.difference)]
    for word, names in (
        ("better", [item.label for item, difference in clear if difference.high < 0]),
        ("worse", [item.label for item, difference in clear if difference.low > 0]),
    ):
        if names:
            found.append(f"Shown to be {word} than {reference.label}: {', '.join(names)}.")
    return found


def _charts(page: SamplerPage) -> Section:
    """Paired differences against evaluations, since what all settings share would hide them; and quality against
    speed."""
    lead = (
        "Each mark is a setting of flow matching's sampler, with its 95% interval; lines join settings that differ in "
        "the number of steps alone. Hollow marks sway the grid or guide in a part of the time. The dashed upright line "
        f"is the budget of {page.study.budget} evaluations. Lower is better."
    )
    d, info = page.other.difference, page.judged.metrics[page.metric]
    beside = f" {PARADIGMS[AR].label}: {span(d)} with {page.other.evaluations}." if d else ""
    named = page.best.label if page.best else ""
    cost = Chart(
        title=f"{info.title or info.name} minus that of {page.reference.label}",
        exact=info.name if info.title else "",
        better=info.better,
        what=f"Against model evaluations a clip, rows of guidance counted.{beside}",
        x_name="model evaluations a clip",
        log=(True, False),
        lines=[*_lines(page, by_evaluations=True, named=[named])],
        upright=page.study.budget,
        with_zero=True,
    )
    alone = _point(page.other, x=1 / page.other.seconds[0], score=page.other.score, is_named=True)
    speed = Chart(
        title=info.title or info.name,
        exact=info.name if info.title else "",
        better=info.better,
        what=f"Against clips a second on this machine, {page.study.timing.batch_size} at once: right and low is best.",
        x_name="clips a second",
        log=(True, None),
        lines=[
            *_lines(page, by_evaluations=False, named=[named, page.reference.label]),
            Line(name=PARADIGMS[AR].label, mark=page.other.mark, points=[alone], kind="plain", is_named=False),
        ],
    )
    solvers = dict.fromkeys(page.study.settings[item.label].solver for item in page.settings)
    legend = [(SOLVER_MARKS.get(solver) or of_paradigm(FM), solver.capitalize()) for solver in solvers]
    blocks = [Charts(name="charts", charts=[cost, speed], legend=[*legend, (page.other.mark, PARADIGMS[AR].label)])]
    return Section(id="settings", title="Cost and quality", lead=lead, blocks=blocks)


def _lines(page: SamplerPage, *, by_evaluations: bool, named: Sequence[str]) -> list[Line]:
    """Settings, those of a series joined."""
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
    point = scored(x, score.value, score.low, score.high, name=f"{item.label}, {number(x)}:", n=score.n)
    return replace(point, name=item.label if is_named else "")


def _table(page: SamplerPage) -> Section:
    rows = []
    for item in (*page.settings, page.other):
        d, seconds = item.difference, item.seconds
        tone = "subject" if item in (page.reference, page.best) else ""
        rows.append(
            Row(
                label=item.label,
                mark=item.mark,
                tone=tone,
                places=[
                    [Cell(text=f"{item.passes:,}")],
                    [Cell(text=f"{item.evaluations:,}")],
                    [Cell(text=duration(seconds[0]), numbers=seconds)],
                    [Cell(text=f"{number(page.reference.seconds[0] / seconds[0])} ×")],
                    [Cell.span(item.score.value, item.score.low, item.score.high)],
                    [Cell.span(d.value, d.low, d.high)] if d else [],
                    [Cell(text=p_value(d.p))] if d else [],
                ],
            )
        )
    titles = ("Passes", "Evaluations", "Time a clip", "Speed")
    table = Table(
        name="settings",
        label="Table of settings",
        corner="Setting",
        columns=[
            *(Column(title=title) for title in titles),
            Column.of(page.judged.metrics[page.metric]),
            Column(title=f"{MINUS} {page.reference.label}"),
            Column(title="p"),
        ],
        rows=rows,
        caption="Passes of the network and model evaluations (a guided pass is two) a clip; time a clip, the median of "
        f"turns, {page.study.timing.batch_size} clips at once; speed against {page.reference.label}; scores and paired "
        "differences with 95% intervals, p two-sided.",
        csv=_csv(page),
    )
    return Section(id="table", title="All settings", blocks=[table])


def _csv(page: SamplerPage) -> list[list[object]]:
    """The table in full precision."""
    header = ["setting", "passes", "evaluations", "seconds", "seconds_low", "seconds_high"]
    header += [page.metric, "low_95", "high_95", "difference", "difference_low", "difference_high", "p"]
    rows: list[list[object]] = [list(header)]
    for item in (*page.settings, page.other):
        d = item.difference
        tested = [d.value, d.low, d.high, d.p] if d else [""] * 4
        own = [item.label, item.passes, item.evaluations, *item.seconds]
        rows.append([*own, item.score.value, item.score.low, item.score.high, *tested])
    return rows


def _paper(page: SamplerPage) -> Section:
    """Table 8 with ours at its right, each beside its ratio to 50 steps: the scales differ, the shapes need not."""
    table = paper_table("table_8")
    euler = {page.study.settings[item.label].steps: item.score for item in page.settings if item.series == "euler"}
    middle = next(row.values for row in table.rows if row.ours == "50")
    header = ["Steps", *(f"{column.frame_rate:g} Hz, FAD" for column in table.columns), f"Ours, {page.metric}"]
    rows = []
    for row in table.rows:
        ratios = [number(value / at_50, places=2) for value, at_50 in zip(row.values, middle, strict=True)]
        cells = [f"{value:g} ({ratio} ×)" for value, ratio in zip(row.values, ratios, strict=True)]
        ours = euler.get(int(row.ours))
        cell = "" if ours is None else span(ours)
        if ours is not None and 50 in euler:
            cell += f" ({number(ours.value / euler[50].value, places=3)} ×)"
        rows.append([row.measure, *cells, cell])
    lead = (
        "Table 8: what fewer steps of Euler's method cost there and here, each as a multiple of 50 steps. The two "
        "distances have different scales."
    )
    block = plain_grid("paper", header, rows, label="Table 8", caption=source_of(table))
    return Section(id="paper", title="Beside the paper", lead=lead, blocks=[block], is_digest=True)
