"""The report of several finished studies: their decisions on the paper's Table 1, and the findings of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from counterpoint.claims.decide import TIME, Decided, Decision
from counterpoint.claims.paper import PaperClaims
from counterpoint.claims.rules import MARGIN, Outcome
from counterpoint.metrics.base import MetricInfo
from counterpoint.metrics.preferences import FAMILIES, PUBLISHED
from counterpoint.report import Block, Cell, Column, Fact, Report, Row, Section, Table, Text, Verdict, plain_table
from counterpoint.report.numbers import day, duration, listed
from counterpoint.results.schema import Results
from counterpoint.study.kinds import study_of
from counterpoint.study.pages.combined_claims import OUTCOMES, all_claims, row_section
from counterpoint.study.pages.notes import prose
from counterpoint.study.pages.page import headed

OWN_SCALE = "its own"
"""The scale of a study whose configuration is not one of the package's."""
_TIMED = MetricInfo(TIME, "Seconds until a batch of clips is finished, the median of its runs", "s", "lower")


@dataclass(frozen=True)
class Studied:
    """A finished study and its own report.

    Attributes:
        name: name of its folder, and of its report's folder in this report.
    """

    name: str
    results: Results
    report: Report

    @property
    def scale(self) -> str:
        return self.results.study.scale or OWN_SCALE

    @property
    def seeds(self) -> int:
        """Number of trainings of every model; 0 without training."""
        config = self.results.study.config
        return len(config.get("seeds") or ()) or int(bool(self.results.models))

    @property
    def device(self) -> str:
        """The device on which points were timed; "" without any."""
        return next((speed.limits.name for speed in self.results.speed.values()), "")

    def fact(self, *labels: str) -> str:
        """The first of some facts in its report; "" if it has none of them."""
        known = {fact.label: fact.value for fact in self.report.facts}
        return next((known[label] for label in labels if label in known), "")


def studied(found: Mapping[str, Results]) -> list[Studied]:
    """The studies with their reports, by the names of their folders.

    Raises:
        UserError: the configuration of a study has keys that this version does not know.
    """
    return [Studied(name, results, study_of(results).report(results)) for name, results in found.items()]


def combined_report(
    studies: Sequence[Studied], decided: Sequence[Decided], paper: PaperClaims, *, command: str
) -> Report:
    """The report, which contains the studies' own reports in `studies/NAME`.

    Args:
        decided: the rows of Table 1 and the decisions about their claims.
        command: command that builds it again.
    """
    decisions = [decision for row in decided for decision in row.decisions]
    names = {name for study in studies for name in study.report.terms}
    return Report(
        title="Does the paper\u2019s Table 1 hold here?",
        name=", ".join(study.name for study in studies),
        made=day(),
        verdict=_verdict(decided, studies),
        facts=_headline(decisions, studies),
        sections=[
            section
            for section in (
                _table_1(decided, paper),
                _runs(studies),
                _judges(decisions, studies),
                *(row_section(row, place, "row") for place, row in _rows(decided, in_table=True)),
                *(row_section(row, place, "further") for place, row in _rows(decided, in_table=False)),
                *(_study_section(study) for study in studies),
                headed("combined", "methods", *_notes(studies)),
            )
            if section
        ],
        command=command,
        terms=sorted(names | {name for family in FAMILIES.values() for name in family}),
        kicker="studies",
    )


def _rows(decided: Sequence[Decided], *, in_table: bool) -> list[tuple[int, Decided]]:
    return list(enumerate((row for row in decided if row.row.in_table == in_table), start=1))


def tally(outcomes: Sequence[Outcome]) -> str:
    """`3 supported, 1 not tested`."""
    counts = {words: outcomes.count(key) for key, words in OUTCOMES.items()}
    return ", ".join(f"{count} {words}" for words, count in counts.items() if count)


def _verdict(decided: Sequence[Decided], studies: Sequence[Studied]) -> Verdict:
    in_table = [row for _, row in _rows(decided, in_table=True)]
    claims = [decision for row in in_table for decision in row.decisions]
    used = {decision.judge for decision in claims if decision.judge}
    points = [
        f"These takeaways consist of {len(claims)} claims: {tally([each.outcome for each in claims])}.",
        _stand_ins(used),
        _remaining([decision for row in decided for decision in row.decisions], studies),
    ]
    sentence = f"The paper's Table 1 has {len(in_table)} takeaways: {tally([row.outcome for row in in_table])}."
    return Verdict(sentence, [each for each in points if each], _scales(studies))


def _scales(studies: Sequence[Studied]) -> list[str]:
    """Remarks on the sizes of the studies."""
    if {study.scale for study in studies} == {"paper"}:
        return []
    small = [study.name for study in studies if study.scale != "paper"]
    were = "was" if len(small) == 1 else "were"
    which = "No study was" if len(small) == len(studies) else f"{listed(small)} {were} not"
    found = [
        f"{which} run at the paper's scale. A verdict holds for the models, the music and the budget that its study "
        "states: a claim that is contradicted here may still hold for the paper's 400M models."
    ]
    if tried := [study.name for study in studies if study.scale == "debug"]:
        found.append(f"{listed(tried)} at debug scale only shows that everything runs, and tests no claim.")
    return found


def _stand_ins(used: set[str]) -> str:
    others = sorted(used - PUBLISHED - {TIME})
    verb = "decides" if len(others) == 1 else "decide"
    return f"{listed(others)} {verb} used instead of the paper's own metrics." if others else ""


def _remaining(decisions: Sequence[Decision], studies: Sequence[Studied]) -> str:
    there = {study.results.study.shipped for study in studies}
    wanted = [
        decision.claim.sources[0].study
        for decision in decisions
        if decision.outcome == "untested" and not there & {source.study for source in decision.claim.sources}
    ]
    if not wanted:
        return ""
    claims = "1 more claim" if len(wanted) == 1 else f"{len(wanted)} more claims"
    return f"{claims} would be tested by `counterpoint study run` {listed(list(dict.fromkeys(wanted)))}."


def _headline(decisions: Sequence[Decision], studies: Sequence[Studied]) -> list[Fact]:
    tested = sum(decision.outcome != "untested" for decision in decisions)
    seconds = {step.key: step.seconds for study in studies for step in study.results.provenance.steps.values()}
    return [
        Fact("Studies", str(len(studies))),
        Fact("Claims tested", f"{tested} of {len(decisions)}"),
        Fact("Scale", ", ".join(dict.fromkeys(study.scale for study in studies))),
        Fact("Time of all steps", duration(sum(seconds.values()))),
    ]


def _table_1(decided: Sequence[Decided], paper: PaperClaims) -> Section | None:
    """The rows in short; as files, every claim with the comparisons that decided it."""
    rows = []
    for place, found in _rows(decided, in_table=True):
        claims = tally([decision.outcome for decision in found.decisions])
        cells = [[Cell(text="", state=OUTCOMES[found.outcome])], [Cell(text=claims)]]
        rows.append(Row(label=found.row.axis, places=cells, link=f"#row-{place}"))
    short = Table(
        name="table1_short",
        label="Table 1 in short",
        corner="Axis",
        columns=[Column(title="Verdict", kind="text"), Column(title="Claims", kind="text")],
        rows=rows,
        files=False,
    )
    [rules] = prose("rules", margin=MARGIN)
    source = Text(items=[*rules.items, f"The paper: {paper.cited}"], is_small=True)
    return headed("combined", "table1", short, source, all_claims(decided))


def _runs(studies: Sequence[Studied]) -> Section | None:
    header = ["Study", "Reproduces", "Scale", "Music or device", "Budget per model", "Judged on", "Seeds", "Time"]
    rows = [[study.name, *_run(study)] for study in studies]
    table = plain_table("studies", header, rows, label="Table of studies", is_narrow=True)
    linked = [replace(row, link=f"studies/{row.label}/index.html") for row in table.rows]
    return headed("combined", "run", replace(table, rows=linked))


def _run(study: Studied) -> list[str]:
    results = study.results
    points = sum(len(speed.points) for speed in results.speed.values())
    seconds = results.provenance.seconds
    return [
        results.study.reproduces,
        study.scale,
        study.device or study.fact("Music", "Datasets"),
        study.fact("Training per model", "Supervised, each", "Budget per model", "Training runs"),
        f"{points} points" if points else study.fact("Clips", "Prompts", "Confirmation prompts", "Clips of each"),
        str(study.seeds or ""),
        duration(seconds) if seconds else "",
    ]


def _judges(decisions: Sequence[Decision], studies: Sequence[Studied]) -> Section | None:
    used = dict.fromkeys(decision.judge for decision in decisions if decision.judge)
    infos: dict[str, MetricInfo] = {TIME: _TIMED}
    for study in studies:
        for evaluation in study.results.evaluations.values():
            infos |= {info.name: info for info in evaluation.metrics}
    rows = []
    for judge in used:
        count = sum(decision.judge == judge for decision in decisions)
        info = infos.get(judge)
        rows.append([judge, info.description if info else "", _instead_of(judge), str(count)])
    header = ["Metric", "Description", "In the paper", "Claims decided"]
    table = plain_table("judges", header, rows, label="Table of judges", is_narrow=True)
    texts = [replace(column, kind="text") for column in table.columns]
    nothing = Text(paragraphs=["No claim could be tested with these studies."])
    missing = _missing(decisions)
    shown = replace(table, columns=texts) if rows else nothing
    return headed("combined", "judges", shown, Text(items=missing, is_small=True) if missing else None)


def _instead_of(judge: str) -> str:
    if judge in PUBLISHED or judge == TIME:
        return "the same measure"
    families = [family for family in FAMILIES.values() if judge in family]
    names = dict.fromkeys(name for family in families for name in family if name in PUBLISHED)
    return f"stand-in for {listed(list(names)) if names else 'listeners'}"


def _missing(decisions: Sequence[Decision]) -> list[str]:
    """The paper's metrics that would have been preferred."""
    by_study: dict[str, dict[str, None]] = {}
    for decision in decisions:
        own = [name for name in decision.passed_over if name in PUBLISHED]
        if own and decision.study:
            by_study.setdefault(decision.study, {}).update(dict.fromkeys(own))
    none = {decision.claim.judges for decision in decisions if decision.lacks_judge}
    names = dict.fromkeys(name for family in none for name in FAMILIES.get(family, ()))
    found = [f"{study} was evaluated without {listed(list(own))}." for study, own in by_study.items()]
    if names:
        found.append(f"No study has {' or '.join(names)}, for which there is no stand-in.")
    if found:
        found.append(
            "`counterpoint metrics status` shows the source, licence and size of each; "
            "`counterpoint metrics fetch` fetches it. Then run the studies again: everything except the evaluation is "
            "kept."
        )
    return found


def _study_section(study: Studied) -> Section:
    """A study in a few lines: its verdict, and its numbers beside the paper's."""
    digest = [section for section in study.report.sections if section.is_digest]
    reproduces = study.results.study.reproduces
    title = f"{study.name}, {reproduces}, {study.scale} scale" if reproduces else study.name
    blocks: list[Block] = [
        Text(
            paragraphs=[study.report.verdict.sentence],
            items=study.report.verdict.warnings,
            links=[("Its own report", f"studies/{study.name}/index.html")],
        )
    ]
    for section in digest:
        blocks += [_renamed(block, study.name) for block in section.blocks]
    lead = " ".join(section.lead for section in digest)
    return Section(id=f"study-{study.name}", title=title, short=study.name, lead=lead, blocks=blocks)


def _renamed(block: Block, name: str) -> Block:
    """A block with a unique name, since tables of several studies may have the same name."""
    return replace(block, name=f"{name}-{block.name}") if isinstance(block, Table) else block


def _notes(studies: Sequence[Studied]) -> list[Text]:
    made = [
        f"{study.name}: studies/{study.name}/results.json, made {study.report.made} by "
        f"counterpoint {listed(list(study.results.provenance.packages))}."
        for study in studies
    ]
    return prose("combined", made=made)
