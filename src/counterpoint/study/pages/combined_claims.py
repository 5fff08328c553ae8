"""Decisions about claims, as blocks of the report of several studies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from counterpoint.claims.decide import TIME, Decided, Decision
from counterpoint.claims.rules import Effect, Outcome
from counterpoint.metrics.preferences import PUBLISHED
from counterpoint.report import Cell, Column, Row, Section, Table, Text, plain
from counterpoint.report.numbers import decimals, number, p_value, span

OUTCOMES: Mapping[Outcome, str] = {
    "supported": "supported",
    "contradicted": "contradicted",
    "undecided": "undecided",
    "untested": "not tested",
}
"""Outcomes in words."""


def all_claims(decided: Sequence[Decided]) -> Table:
    """All claims by axis; the CSV file has one line per comparison, in full precision."""
    rows: list[Row] = []
    lines: list[Mapping[str, object]] = []
    for found in decided:
        for decision in found.decisions:
            texts = [OUTCOMES[decision.outcome], _judge_and_study(decision), _said(decision)]
            rows.append(Row(label=decision.claim.claim, group=found.row.axis, places=plain(*texts)))
            lines += _csv_lines(found, decision)
    titles = ("Verdict", "Metric, study", "Evidence")
    return Table(
        name="table1",
        label="All claims",
        by="Axis",
        corner="Claim",
        columns=[Column(title=title, kind="text") for title in titles],
        rows=rows,
        caption="Table 1 of the paper, re-derived, claim by claim.",
        csv=lines,
        widths=(0.1, 0.3, 0.12, 0.18, 0.3),
        is_narrow=True,
    )


def _csv_lines(found: Decided, decision: Decision) -> Iterator[dict[str, object]]:
    """The lines of a claim; one line without numbers if it was not tested."""
    head: dict[str, object] = {"axis": found.row.axis, "claim": decision.claim.claim}
    head |= {"verdict": OUTCOMES[decision.outcome], "judge": decision.judge, "study": decision.study}
    for effect, says in decision.effects:
        own = {"comparison": effect.what, "says": OUTCOMES[says], "better": effect.better, "value": effect.value}
        p = "" if effect.p is None else effect.p
        yield {**head, **own, "low_95": effect.low, "high_95": effect.high, "p": p, "n": effect.n or ""}
    if not decision.effects:
        yield {**head, **dict.fromkeys(("comparison", "says", "better", "value", "low_95", "high_95", "p", "n"), "")}


def _judge_and_study(decision: Decision) -> str:
    return ", ".join(filter(None, (decision.judge, decision.study)))


def _said(decision: Decision) -> str:
    unit = _unit(decision)
    parts = [f"{effect.what}: {span(effect)}{unit} {_test(effect, decision)}" for effect, _ in decision.effects]
    return "; ".join(parts) or decision.reason


def _test(effect: Effect, decision: Decision) -> str:
    """The test of an effect, in a few words."""
    is_margin = decision.claim.test in ("comparable", "not_worse")
    parts = [
        f"margin {number(effect.margin, places=decimals(effect.margin, digits=2))}" if is_margin else "",
        "" if effect.p is None or is_margin else f"p {p_value(effect.p)}",
        f"n {effect.n}" if effect.n else "",
        "" if effect.paired or not effect.n else "from intervals",
    ]
    return ", ".join(filter(None, parts))


def _unit(decision: Decision) -> str:
    return " s" if decision.judge == TIME else ""


def row_section(found: Decided, place: int, kind: str) -> Section:
    """A takeaway in the paper's words, and its claims with their evidence."""
    rows = [
        Row(
            label=decision.claim.claim,
            places=[[Cell(text="", state=OUTCOMES[decision.outcome])], [*_evidence_cells(decision)]],
        )
        for decision in found.decisions
    ]
    table = Table(
        name=f"{kind}-{place}",
        label=f"Claims on {found.row.axis}",
        corner="Claim",
        columns=[Column(title="Verdict", kind="text"), Column(title="Evidence", kind="text")],
        rows=rows,
        files=False,
        is_narrow=True,
    )
    notes = [
        f"{decision.claim.claim}: {decision.claim.note}"
        for decision in found.decisions
        if decision.claim.note and decision.outcome != "untested"
    ]
    where = found.row.section if found.row.in_table else f"{found.row.section}, outside Table 1"
    return Section(
        id=f"{kind}-{place}",
        title=found.row.axis,
        lead=f"The paper ({where}) says:",
        blocks=[Text(quotes=[found.row.takeaway]), table, *([Text(items=notes, is_small=True)] if notes else [])],
        state=OUTCOMES[found.outcome],
        is_listed=False,
    )


def _evidence_cells(decision: Decision) -> Iterator[Cell]:
    if not decision.effects:
        yield Cell(text=decision.reason, state="open")
        return
    stand_in = "" if decision.judge in PUBLISHED or decision.judge == TIME else " (stand-in)"
    yield Cell(text=f"{decision.judge}{stand_in} in {decision.study}", link=f"#study-{decision.study}")
    for effect, says in decision.effects:
        note = "; ".join(filter(None, (_test(effect, decision), OUTCOMES[says])))
        cell = Cell.of(effect, what=f"{effect.what}:", note=note)
        yield replace(cell, interval=cell.interval + _unit(decision))
