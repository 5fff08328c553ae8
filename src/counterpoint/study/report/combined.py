"""The report of several finished studies at once: the paper's Table 1 as they see it, and a section for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.study.claims import Effect, Outcome
from counterpoint.study.report.content import CellTable, Grid, Page, Verdict
from counterpoint.study.report.page import write_page
from counterpoint.study.report.tables import Table, cells_table, to_csv

if TYPE_CHECKING:
    from markupsafe import Markup

OUTCOMES: dict[Outcome, str] = {
    "supported": "supported",
    "contradicted": "contradicted",
    "undecided": "undecided",
    "untested": "not tested",
}
"""In words."""
_MARKS: dict[Outcome, str] = {"supported": "✓", "contradicted": "✗", "undecided": "~", "untested": "–"}


@dataclass(frozen=True)
class Evidence:
    """One comparison.

    Attributes:
        value: with its interval, in text.
        test: p, n and margin, in text.
    """

    outcome: Outcome
    effect: Effect
    value: str
    test: str


@dataclass(frozen=True)
class ClaimResult:
    """A claim and what came of it.

    Attributes:
        judge: key of the metric that decided; "" for none.
        is_published: it is the paper's own.
        study: name of the folder of the study that decided; "" for none.
        where: the same with scale and seeds, in text.
        reason: why nothing was tested, and what would.
        note: what to bear in mind.
    """

    claim: str
    outcome: Outcome
    judge: str
    is_published: bool
    study: str
    where: str
    evidence: Sequence[Evidence]
    reason: str
    note: str


@dataclass(frozen=True)
class RowResult:
    """A takeaway of the paper and what came of it.

    Attributes:
        tally: of its claims, in text.
        in_table: it stands in Table 1.
    """

    axis: str
    section: str
    takeaway: str
    in_table: bool
    outcome: Outcome
    tally: str
    claims: Sequence[ClaimResult]


@dataclass(frozen=True)
class JudgeResult:
    """A judge that decided.

    Attributes:
        instead_of: what the paper has in its place; "" where it is the paper's own.
        claims: how many.
    """

    key: str
    what: str
    instead_of: str
    claims: int


@dataclass(frozen=True)
class StudySection:
    """One study: what it found, in its own words, beside the paper.

    Attributes:
        name: of its folder, and of that of its report here.
        reproduces: of the paper; "" for nothing.
        sentences: its verdict.
        table, grid: ours beside the paper's: one of the two, or none.
        remarks: what must be known before two numbers are compared.
        claims: what the paper concludes.
        source: where the paper's numbers stand.
    """

    name: str
    reproduces: str
    scale: str
    sentences: Sequence[str]
    table: CellTable | None
    grid: Grid | None
    remarks: Sequence[str]
    claims: Sequence[str]
    source: str


@dataclass(frozen=True, kw_only=True)
class CombinedContent(Page):
    """All that the report says.

    Attributes:
        kind: tells such a report from those of studies.
        runs: what was run: a row a study.
        deciding: the judges that did.
        missing: sentences on those that were not there.
        judge_names: of all judges that the page may speak of.
        rules: how verdicts are reached.
        source: of Table 1.
    """

    kind: str
    verdict: Verdict
    runs: Grid
    rows: Sequence[RowResult]
    deciding: Sequence[JudgeResult]
    missing: Sequence[str]
    judge_names: Sequence[str]
    rules: Sequence[str]
    sections: Sequence[StudySection]
    source: str


def write_combined(content: CombinedContent, out: Path) -> Path:
    """Write the report into `out`, where the studies' own lie in `studies/NAME`; returns its `index.html`."""
    return write_page(
        content,
        out,
        template="combined.html",
        tables={
            "table1": table_1(content),
            "studies": Table("What was run.", content.runs.header, content.runs.rows),
            **{f"study-{section.name}": table for section in content.sections if (table := _beside(section))},
        },
        csv={"table1": to_csv([_CSV_HEADER, *_csv_rows(content.rows)])},
        outcomes=OUTCOMES,
        marks=_MARKS,
        told=lambda text: _told(text, content),
    )


def _told(text: str, content: CombinedContent) -> Markup:
    """Escaped text, with commands, which stand in backticks, and names of judges set as code."""
    from markupsafe import Markup, escape

    names = "|".join(sorted((re.escape(key) for key in content.judge_names), key=len, reverse=True))
    pieces = re.split(f"(`[^`]+`{names and f'|{names}'})", text)
    return Markup("").join(
        Markup("<code>{}</code>").format(piece.strip("`")) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )


_HEADER = ("Claim", "Verdict", "What says so", "Judge, study")
_WIDTHS = (0.3, 0.12, 0.34, 0.18)
_CSV_HEADER = ["axis", "claim", "verdict", "judge", "study", "comparison", "says", "better"]
_CSV_HEADER += ["value", "low_95", "high_95", "p", "n"]


def table_1(content: CombinedContent) -> Table:
    """Axis by axis, claim by claim."""
    rows = []
    for row in content.rows:
        rows.append([f"{row.axis.upper()} ({row.section}): {row.takeaway}", OUTCOMES[row.outcome], row.tally, ""])
        rows += [_claim_row(found) for found in row.claims]
    return Table("Table 1 of the paper, re-derived. " + " ".join(content.rules), _HEADER, rows, _WIDTHS)


def _claim_row(found: ClaimResult) -> list[str]:
    shown = "; ".join(f"{each.effect.what}: {each.value}{each.test and f', {each.test}'}" for each in found.evidence)
    return [
        found.claim,
        OUTCOMES[found.outcome],
        shown or found.reason,
        ", ".join(filter(None, (found.judge, found.where))),
    ]


def _csv_rows(rows: Sequence[RowResult]) -> list[list[object]]:
    """One line a comparison, with full precision; of a claim that was not tested, one without numbers."""
    found: list[list[object]] = []
    for row in rows:
        for claim in row.claims:
            head = [row.axis, claim.claim, OUTCOMES[claim.outcome], claim.judge, claim.study]
            for each in claim.evidence:
                effect = each.effect
                numbers = [effect.value, effect.low, effect.high, "" if effect.p is None else effect.p, effect.n or ""]
                found.append([*head, effect.what, OUTCOMES[each.outcome], effect.better, *numbers])
            if not claim.evidence:
                found.append([*head, *[""] * (len(_CSV_HEADER) - len(head))])
    return found


def _beside(section: StudySection) -> Table | None:
    title = f"{section.name}, beside the paper's {section.reproduces}." if section.reproduces else f"{section.name}."
    if section.table is not None:
        return cells_table(section.table)
    return None if section.grid is None else Table(title, section.grid.header, section.grid.rows)


def tally(outcomes: Sequence[Outcome]) -> str:
    """`3 supported, 1 not tested`."""
    counts: Mapping[str, int] = {words: outcomes.count(key) for key, words in OUTCOMES.items()}
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count)
