"""Listeners' ratings in the layout of the paper's Table 5, and the metrics that agree with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from counterpoint.claims.paper import PaperScores
from counterpoint.report import Block, Cell, Column, Mark, Row, Section, System, Table, Text
from counterpoint.report.numbers import MINUS, listed, number, p_value
from counterpoint.report.tables import Place
from counterpoint.results.correlations import Correlation, best_measures, correlations
from counterpoint.results.listening import ListeningResults, RatedDifference
from counterpoint.results.schema import Results

_ALPHA = 0.05


def rating_sections(
    results: Results, *, systems: Mapping[str, System], paper: PaperScores | None = None
) -> Iterator[Section]:
    """A section for each listening test of the study's clips; empty without any.

    Args:
        systems: systems as the report shows them.
        paper: a table whose ratings are shown beside those of a test with the same questions.
    """
    marks = {key: system.mark for key, system in systems.items()}
    for found in results.listening.values():
        end = "" if len(results.listening) == 1 else f"_{found.name}"
        yield _section(results, found, marks=marks, paper=paper, end=end)


def _section(
    results: Results, found: ListeningResults, *, marks: Mapping[str, Mark], paper: PaperScores | None, end: str
) -> Section:
    agreeing = correlations(results.evaluations, found)
    blocks: list[Block] = [_means(found, marks=marks, paper=paper, name=f"ratings{end}"), _how(found)]
    if found.differences:
        blocks.append(_differences(found, name=f"ratings_differences{end}"))
    if found.duels:
        blocks.append(_duels(found, name=f"ratings_duels{end}"))
    if agreeing:
        blocks += [_agreement_text(agreeing, found), _correlations(agreeing, found, name=f"ratings_measures{end}")]
    title = f"Listeners' ratings: {found.name}" if end else "Listeners' ratings"
    lead = f"{listed([question.name for question in found.questions])}, rated blindly."
    return Section(id=f"ratings{end}", title=title, lead=lead, blocks=blocks, short="Listeners", is_digest=True)


def _by_question(found: ListeningResults, rows: Mapping[str, Callable[[str], Place]], **words: Any) -> Table:
    """A table of one row each, with a place per question."""
    return Table(
        columns=[Column(title=question.name) for question in found.questions],
        rows=[Row(label=label, places=[place(each.id) for each in found.questions]) for label, place in rows.items()],
        **words,
    )


def _means(found: ListeningResults, *, marks: Mapping[str, Mark], paper: PaperScores | None, name: str) -> Table:
    known = {} if paper is None else {rating.criterion: rating.values for rating in paper.ratings}
    beside = any(question.name in known for question in found.questions)
    rows = [
        Row(
            label=label,
            mark=marks.get(key),
            places=[_mean(found, question.id, key) for question in found.questions],
            group="Here" if beside else "",
        )
        for key, label in found.systems.items()
        if any(found.mean(question.id, key) for question in found.questions)
    ]
    if beside:
        rows += _paper_rows(found, known, marks=marks)
    caption = "Means with 95% intervals over raters and items."
    if beside:
        caption += " The paper's intervals treat its judgments as independent; only these of its Table 5 could be read."
    columns = [Column(title=question.name, unit=_unit(question.low, question.high), better="higher")
               for question in found.questions]  # fmt: skip
    return Table(
        name=name,
        label="Ratings of listeners",
        columns=columns,
        rows=rows,
        corner="System",
        by="Source" if beside else "",
        caption=caption,
    )


def _unit(low: float, high: float) -> str:
    return "share of pairs won" if (low, high) == (0, 1) else f"{low:g} to {high:g}"


def _mean(found: ListeningResults, question: str, system: str) -> Place:
    mean = found.mean(question, system)
    return [Cell.span(mean.value, mean.low, mean.high, places=2, note=f"{mean.n} judgments")] if mean else []


def _paper_rows(
    found: ListeningResults,
    known: Mapping[str, Mapping[str, tuple[float, float] | None]],
    *,
    marks: Mapping[str, Mark],
) -> list[Row]:
    rows = []
    for key, label in found.systems.items():
        values = [known.get(question.name, {}).get(key) for question in found.questions]
        if any(values):
            places: list[Place] = [
                [Cell.span(value[0], value[0] - value[1], value[0] + value[1], places=2)] if value else []
                for value in values
            ]
            rows.append(Row(label=label, mark=marks.get(key), places=places, group="Paper", tone="theirs"))
    return rows


def _how(found: ListeningResults) -> Text:
    """The raters who count, and their agreement."""
    reasons = Counter(reason.partition(":")[0] for each in found.excluded for reason in each.reasons)
    excluded = "; ".join(f"{why} ({count})" for why, count in reasons.most_common())
    alphas = "; ".join(
        f"{question.name} {number(found.agreement[question.id], places=2)}"
        for question in found.questions
        if question.id in found.agreement
    )
    naive = [mean for mean in found.means if mean.high > mean.low]
    share = sum((mean.naive_high - mean.naive_low) / (mean.high - mean.low) for mean in naive) / max(1, len(naive))
    items = [
        f"{found.entered} raters entered, {found.finished} finished, {found.kept} count; {found.judgments} judgments.",
        f"Excluded: {excluded}." if excluded else "Nobody was excluded.",
        f"Rules, fixed before the test opened: {'; '.join(found.rules)}.",
        f"Agreement of raters, Krippendorff's alpha: {alphas}." if alphas else "",
        f"If all judgments were treated as independent, the intervals would be {100 * share:.0f}% as wide, which is "
        "wrong."
        if naive
        else "",
    ]
    return Text(items=[item for item in items if item], is_small=True)


def _differences(found: ListeningResults, *, name: str) -> Table:
    tested = {(each.first, each.second, each.question): each for each in found.differences}
    rows = {
        f"{found.systems[first]} {MINUS} {found.systems[second]}": lambda question, first=first, second=second: (
            _difference(tested.get((first, second, question)))
        )
        for first, second, _ in tested
    }
    return _by_question(
        found,
        rows,
        name=name,
        label="Differences of ratings",
        corner="Difference",
        caption="By the same raters on the same items; p after Holm's correction over all pairs.",
    )


def _difference(each: RatedDifference | None) -> Place:
    if each is None:
        return []
    state = "" if each.p_holm < _ALPHA else "open"
    return [Cell.span(each.value, each.low, each.high, places=2, note=f"p {p_value(each.p_holm)}", state=state)]


def _duels(found: ListeningResults, *, name: str) -> Table:
    rows = [
        Row(
            label=f"{found.systems[duel.first]} against {found.systems[duel.second]}",
            places=[[Cell.span(duel.share, duel.low, duel.high, places=2, note=f"{duel.n} pairs")]],
        )
        for duel in found.duels
    ]
    strengths = "; ".join(f"{found.systems[key]} {number(value, places=2)}" for key, value in found.strengths.items())
    return Table(
        name=name,
        label="Pairs won",
        columns=[Column(title="Share won by the first")],
        rows=rows,
        corner="Pair",
        caption=f"Ties count half. Bradley-Terry log-odds: {strengths}." if strengths else "Ties count half.",
        is_narrow=True,
    )


def _agreement_text(agreeing: Sequence[Correlation], found: ListeningResults) -> Text:
    names = {question.id: question.name for question in found.questions}
    best = "; ".join(
        f"{names[each.question]}: `{each.metric}` ({number(each.value, places=2)})" for each in best_measures(agreeing)
    )
    return Text(
        title="Which metric agrees with the listeners?",
        paragraphs=[
            "Spearman's rank correlation of each metric with the ratings, signed so that 1 is full "
            "agreement, over all rated clips, including reference and anchor; for a metric with one value per "
            f"system, over systems. The closest to the listeners: {best}."
        ],
    )


def _correlations(agreeing: Sequence[Correlation], found: ListeningResults, *, name: str) -> Table:
    by_place = {(each.metric, each.question): each for each in agreeing}
    rows = {
        each.metric: lambda question, metric=each.metric: _correlation(by_place.get((metric, question)))
        for each in agreeing
    }
    return _by_question(
        found,
        rows,
        name=name,
        label="Rank correlations of measures with ratings",
        corner="Measure",
        caption="Rank correlations with 95% intervals over items.",
    )


def _correlation(each: Correlation | None) -> Place:
    if each is None:
        return []
    note = f"{each.n} {each.over}"
    if each.low is None or each.high is None:
        return [Cell(text=number(each.value, places=2), note=note, numbers=(each.value,), state="open")]
    return [Cell.span(each.value, each.low, each.high, places=2, note=note)]
