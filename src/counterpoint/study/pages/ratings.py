"""Listeners' ratings in the layout of the paper's Table 5, and the metrics that agree with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from counterpoint.claims.paper import PaperScores
from counterpoint.metrics.contrasts import Estimate
from counterpoint.report import Block, Cell, Column, Mark, Place, Row, Section, System, Table, Text, place_of
from counterpoint.report.numbers import MINUS, listed, number, p_value
from counterpoint.report.scores import LEVEL
from counterpoint.results.correlations import Correlation, best_measures, correlations
from counterpoint.results.listening import ListeningResults, Question
from counterpoint.results.schema import Results

Key = TypeVar("Key")


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


def _rows(
    found: ListeningResults,
    labels: Mapping[Key, str],
    place: Callable[[Key, Question], Place],
    *,
    marks: Mapping[Key, Mark] | None = None,
    **look: Any,
) -> list[Row]:
    """One row for each label with a value, with a place per question.

    Args:
        place: the place of a key of `labels` and a question.
        look: options of `Row`.
    """
    rows = []
    for key, label in labels.items():
        places = [place(key, question) for question in found.questions]
        if any(places):
            rows.append(Row(label=label, mark=(marks or {}).get(key), places=places, **look))
    return rows


def _means(found: ListeningResults, *, marks: Mapping[str, Mark], paper: PaperScores | None, name: str) -> Table:
    known = {} if paper is None else {rating.criterion: rating.values for rating in paper.ratings}
    beside = any(question.name in known for question in found.questions)

    def ours(key: str, question: Question) -> Place:
        mean = found.mean(question.id, key)
        return place_of(mean, places=2, note=f"{mean.n} judgments") if mean else []

    def theirs(key: str, question: Question) -> Place:
        read = known.get(question.name, {}).get(key)
        return place_of(read and Estimate(read[0], read[0] - read[1], read[0] + read[1]), places=2)

    rows = _rows(found, found.systems, ours, marks=marks, group="Here" if beside else "")
    caption = "Means with 95% intervals over raters and items."
    if beside:
        rows += _rows(found, found.systems, theirs, marks=marks, group="Paper", tone="theirs")
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

    def place(pair: tuple[str, str], question: Question) -> Place:
        each = tested.get((*pair, question.id))
        if each is None:
            return []
        return [Cell.of(each, places=2, note=f"p {p_value(each.p_holm)}", state="" if each.p_holm < LEVEL else "open")]

    pairs = dict.fromkeys((each.first, each.second) for each in found.differences)
    labels = {(one, other): f"{found.systems[one]} {MINUS} {found.systems[other]}" for one, other in pairs}
    return Table(
        name=name,
        label="Differences of ratings",
        columns=[Column(title=question.name) for question in found.questions],
        rows=_rows(found, labels, place),
        corner="Difference",
        caption="By the same raters on the same items; p after Holm's correction over all pairs.",
    )


def _duels(found: ListeningResults, *, name: str) -> Table:
    rows = [
        Row(
            label=f"{found.systems[duel.first]} against {found.systems[duel.second]}",
            places=[place_of(Estimate(duel.share, duel.low, duel.high), places=2, note=f"{duel.n} pairs")],
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

    def place(metric: str, question: Question) -> Place:
        each = by_place.get((metric, question.id))
        if each is None:
            return []
        note = f"{each.n} {each.over}"
        if each.low is None or each.high is None:
            return [Cell(text=number(each.value, places=2), note=note, numbers=(each.value,), state="open")]
        return place_of(Estimate(each.value, each.low, each.high), places=2, note=note)

    return Table(
        name=name,
        label="Rank correlations of measures with ratings",
        columns=[Column(title=question.name) for question in found.questions],
        rows=_rows(found, {each.metric: each.metric for each in agreeing}, place),
        corner="Measure",
        caption="Rank correlations with 95% intervals over items.",
    )
