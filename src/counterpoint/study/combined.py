"""`counterpoint study report`: finished studies to one report, with the paper's Table 1 as they see it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from counterpoint.config import UserError, read_json
from counterpoint.report.numbers import decimals, duration, interval, number, p_value
from counterpoint.study.claims import MARGIN, Effect, Outcome
from counterpoint.study.combined_claims import TIME, Decided, Decision, decide_row
from counterpoint.study.combined_sections import section
from counterpoint.study.combined_studies import KIND, OWN_SCALE, Finished, is_combined, read_finished, told_of_version
from counterpoint.study.paper import PaperClaims, paper_claims
from counterpoint.study.report.combined import (
    ClaimResult,
    CombinedContent,
    Evidence,
    JudgeResult,
    RowResult,
    StudySection,
    tally,
    write_combined,
)
from counterpoint.study.report.content import Fact, Grid, Metric, Note, Verdict


def write_report_of(names: Sequence[str], *, out: Path, runs: Path = Path("runs")) -> Path:
    """One report of finished studies, with their own reports inside it; returns its `index.html`.

    Args:
        names: of studies below `runs`, or their folders.
        out: a new folder, or that of an earlier such report, which is replaced.

    Raises:
        UserError: a study that cannot be read (see `read_finished`), or an `out` that holds something else.
    """
    studies = read_finished(names, runs=runs)
    _require_own(out)
    content = assemble(studies, paper_claims(), command=f"counterpoint study report {' '.join(names)} --out {out}")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        for study in studies:
            shutil.copytree(study.report, aside / "studies" / study.name, copy_function=_link_or_copy)
        write_combined(content, aside)
        aside.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        aside.rename(out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return out / "index.html"


def _require_own(out: Path) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    data = out / "data.json"
    if not (data.is_file() and is_combined(read_json(data))):
        raise UserError(f"{out} holds something else than a report of several studies; give --out a new folder.")


def _link_or_copy(source: str, target: str) -> None:
    """Clips and pictures take no second place on the disk where they can share one; what is written anew is a new
    file, so neither changes with the other."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def assemble(studies: Sequence[Finished], paper: PaperClaims, *, command: str) -> CombinedContent:
    """Everything the report says."""
    by_name = {study.study: study for study in studies if study.study}
    decided = [decide_row(row, studies=by_name, judges=paper.judges) for row in paper.rows]
    decisions = [decision for row in decided for decision in row.decisions]
    metrics = _judges(decisions)
    return CombinedContent(
        name=", ".join(study.name for study in studies),
        made=time.strftime("%-d %B %Y"),
        verdict=_verdict(decided, studies, paper),
        headline_facts=_headline(decisions, studies),
        systems=[],
        metrics=metrics,
        scores={},
        examples=[],
        facts=[],
        notes=_notes(studies),
        command=command,
        kind=KIND,
        runs=Grid(_RUN_HEADER, [_run(study) for study in studies]),
        rows=[_row(row, paper) for row in decided],
        deciding=[
            JudgeResult(
                metric.key,
                metric.what,
                _instead_of(metric.key, paper),
                sum(decision.judge == metric.key for decision in decisions),
            )
            for metric in metrics
        ],
        missing=_missing(decisions, paper),
        judge_names=sorted({key for family in paper.judges.values() for key in family} | _metric_keys(studies)),
        rules=_rules(),
        sections=[_section(study, paper) for study in studies],
        source=f"{paper.source}: {paper.where}.",
    )


def _section(study: Finished, paper: PaperClaims) -> StudySection:
    with told_of_version(study.report):
        return section(study, judges=paper.judges)


def _metric_keys(studies: Sequence[Finished]) -> set[str]:
    return {key for study in studies for key in study.metrics}


def _judges(decisions: Sequence[Decision]) -> list[Metric]:
    """That decided, in the order in which they first did."""
    found = {}
    for decision in decisions:
        if decision.study is not None and decision.judge not in found:
            found[decision.judge] = decision.study.metrics.get(decision.judge) or Metric(
                TIME, "lower", "Seconds until a batch of clips is there, the median of its runs.", "s"
            )
    return list(found.values())


def _instead_of(judge: str, paper: PaperClaims) -> str:
    if judge in paper.published:
        return ""
    families = [family for family in paper.judges.values() if judge in family]
    names = dict.fromkeys(name for family in families for name in family if name in paper.published)
    return _listed(list(names)) if names else "listeners"


def _verdict(decided: Sequence[Decided], studies: Sequence[Finished], paper: PaperClaims) -> Verdict:
    in_table = [row for row in decided if row.row.in_table]
    rows = tally([row.outcome for row in in_table])
    claims = [decision for row in in_table for decision in row.decisions]
    used = {decision.judge for decision in claims if decision.judge}
    points = [
        f"Their {len(claims)} claims: {tally([each.outcome for each in claims])}.",
        _scales(studies),
        _stand_ins(used, paper),
        _remaining([decision for row in decided for decision in row.decisions], studies),
    ]
    return Verdict(
        f"Of the {len(in_table)} takeaways in the paper's Table 1: {rows}.", [each for each in points if each]
    )


def _scales(studies: Sequence[Finished]) -> str:
    scales = {study.scale for study in studies}
    if scales == {"paper"}:
        return "All studies were run at the paper's scale."
    small = [study.name for study in studies if study.scale != "paper"]
    which = "No study was" if len(small) == len(studies) else f"{_listed(small)} {_was(small)} not"
    tried = [study.name for study in studies if study.scale == "debug"]
    return (
        f"{which} run at the paper's scale. A verdict holds for the models, the music and the budget that its study "
        "states: what is contradicted here may well hold for the paper's 400M models."
        + (f" At debug scale, as {_listed(tried)}, it says nothing but that all of this works." if tried else "")
    )


def _stand_ins(used: set[str], paper: PaperClaims) -> str:
    others = sorted(used - set(paper.published))
    if not others:
        return ""
    return f"{_listed(others)} {_was(others, 'decides', 'decide')} in place of the paper's own judges."


def _remaining(decisions: Sequence[Decision], studies: Sequence[Finished]) -> str:
    there = {study.study for study in studies}
    wanted = [
        decision.claim.sources[0].study
        for decision in decisions
        if decision.outcome == "untested" and not there & {source.study for source in decision.claim.sources}
    ]
    if not wanted:
        return ""
    names = list(dict.fromkeys(wanted))
    claims = "1 more claim" if len(wanted) == 1 else f"{len(wanted)} more claims"
    return f"{claims} would be tested by `counterpoint study run` {_listed(names, 'and')}."


def _headline(decisions: Sequence[Decision], studies: Sequence[Finished]) -> list[Fact]:
    steps = {folder: seconds for study in studies for folder, seconds in study.seconds.items()}
    tested = sum(decision.outcome != "untested" for decision in decisions)
    without = [study.name for study in studies if not study.seconds]
    facts = [
        Fact("Studies", str(len(studies))),
        Fact("Claims tested", f"{tested} of {len(decisions)}"),
        Fact("Scale", ", ".join(dict.fromkeys(study.scale for study in studies))),
    ]
    if steps:
        but = f", but for {_listed(without)}" if without else ""
        facts.append(Fact(f"Time, every step once{but}", duration(sum(steps.values()))))
    return facts


_RUN_HEADER = ("Study", "Reproduces", "Scale", "Music or device", "Budget of each", "Judged on", "Seeds", "Time")


def _run(study: Finished) -> list[str]:
    music = re.sub(r" \(.*?\)|; fingerprint.*", "", study.fact("Music"))
    points = f"{len(study.timings)} points" if study.timings else ""
    seconds = duration(sum(study.seconds.values())) if study.seconds else study.fact("Time, everything")
    row = [
        study.name + (f" ({study.study})" if study.study not in ("", study.name) else ""),
        study.reproduces,
        study.scale,
        music or study.fact("Device"),
        study.fact("Training of each") or study.fact("Supervised, each") or study.fact("Budget of each"),
        points or study.fact("Clips") or study.fact("Prompts"),
        str(study.seeds or ""),
        seconds,
    ]
    return [cell or "–" for cell in row]


def _row(decided: Decided, paper: PaperClaims) -> RowResult:
    row = decided.row
    return RowResult(
        axis=row.axis,
        section=row.section,
        takeaway=row.takeaway,
        in_table=row.in_table,
        outcome=decided.outcome,
        tally=tally([decision.outcome for decision in decided.decisions]),
        claims=[_claim(decision, paper) for decision in decided.decisions],
    )


def _claim(decision: Decision, paper: PaperClaims) -> ClaimResult:
    return ClaimResult(
        claim=decision.claim.claim,
        outcome=decision.outcome,
        judge=decision.judge,
        is_published=decision.judge in paper.published,
        study=decision.study.name if decision.study else "",
        where=_where(decision.study),
        evidence=[_evidence(effect, found, decision) for effect, found in decision.effects],
        reason=decision.reason,
        note=decision.claim.note + (_TIMES if decision.judge == TIME else ""),
    )


def _where(study: Finished | None) -> str:
    if study is None:
        return ""
    seeds = {0: "", 1: ", 1 seed"}.get(study.seeds, f", {study.seeds} seeds")
    scale = "its own scale" if study.scale == OWN_SCALE else f"{study.scale} scale"
    device = f", {study.fact('Device')}" if study.timings else ""
    return f"{study.name}, {scale}{seeds}{device}"


_TIMES = " In brackets: how far apart the quartiles of the runs are."


def _evidence(effect: Effect, found: Outcome, decision: Decision) -> Evidence:
    is_margin = decision.claim.test in ("comparable", "not_worse")
    unit = " s" if decision.judge == TIME else ""
    parts = [
        f"margin {number(effect.margin, places=decimals(effect.margin, digits=2))}" if is_margin else "",
        "" if effect.p is None or is_margin else f"p {p_value(effect.p)}",
        f"n {effect.n}" if effect.n else "",
        "" if effect.paired or not effect.n else "from intervals",
    ]
    value = interval(effect.value, effect.low, effect.high) + unit
    return Evidence(found, effect, value, ", ".join(filter(None, parts)))


def _missing(decisions: Sequence[Decision], paper: PaperClaims) -> list[str]:
    """Judges of the paper's that would have come first."""
    by_study: dict[str, dict[str, None]] = {}
    for decision in decisions:
        own = [name for name in decision.passed_over if name in paper.published]
        if own and decision.study is not None:
            by_study.setdefault(decision.study.name, {}).update(dict.fromkeys(own))
    none = {decision.claim.judges for decision in decisions if decision.reason and "has no judge of" in decision.reason}
    names = dict.fromkeys(name for family in none for name in paper.judges[family])
    found = [f"{study} was judged without {_listed(list(own))}." for study, own in by_study.items()]
    if names:
        found.append(f"No study has {_listed(list(names), 'or')}, for which nothing stands in.")
    if found:
        found.append(
            "`counterpoint metrics status` says where each comes from, under which licence and how large it is; "
            "`counterpoint metrics fetch` gets it. Then run the studies again: all but the judging is kept."
        )
    return found


def _rules() -> list[str]:
    return [
        "A claim of direction is supported, or contradicted, where the 95% interval leaves out zero on its side, or on "
        "the other, and the p-value after Holm's correction is below 0.05; else it is undecided.",
        f"“Comparable” is supported where the whole interval lies within a margin of {MARGIN:.0%} of the two scores' "
        "mean, and contradicted where all of it lies beyond; of a distance, what the true music scores is first taken "
        "off. The models of Table 2 that the paper calls comparable differ by up to 6% in FAD and 10% in any score.",
        "A claim made of several comparisons, and a takeaway made of several claims, is contradicted where one of them "
        "is, supported where all are, not tested where none was, and else undecided.",
    ]


def _notes(studies: Sequence[Finished]) -> list[Note]:
    return [
        Note(
            "Comparisons",
            "Where a study tested two systems clip by clip on the same prompts, its own interval and its own p-value, "
            "corrected over its own family, are used. All others are made from the scores and their intervals, as if "
            "these were independent (Zou and Donner, 2008), which for the same prompts is wider than it had to be; "
            "where all systems of a slope were tested against one of them, from these differences, with their errors "
            "added up. Their p-values are corrected over the comparisons of the claim. Slopes are by least squares, "
            "per doubling. Times are compared by the quartiles of their runs: what overlaps is undecided.",
        ),
        Note(
            "What a verdict does not say",
            "A claim is the paper's, put into words that a machine can check, and it is held against models, music and "
            "judges that are not the paper's. Its last row, on limitations, claims nothing that could be tested. No "
            "correction is made over the claims of this page: of twenty that are true of neither side, one may come "
            "out by chance.",
        ),
        Note(
            "Where the numbers come from",
            "\n".join(
                f"{study.name}: studies/{study.name}/data.json, made {study.data['made']} by {study.fact('Versions')}."
                for study in studies
            ),
        ),
    ]


def _listed(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _was(names: Sequence[str], one: str = "was", more: str = "were") -> str:
    return one if len(names) == 1 else more
