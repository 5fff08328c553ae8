"""A finished study in a few lines: what it found, in its own words, and its numbers beside the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from counterpoint.report.numbers import interval, number
from counterpoint.study.combined_studies import Finished
from counterpoint.study.paper import PaperScores, paper_scores
from counterpoint.study.report.combined import StudySection
from counterpoint.study.report.content import Cell, CellRow, CellTable, Grid, Metric

_FAMILIES = {"fad": "fidelity", "clap": "text", "pq": "quality", "pc": "complexity", "ce": "enjoyment"}
"""By measure of the paper's, the judges of the same."""
_TABLES = {"quick": "table_2", "fig8": "figure_8"}
"""Of studies whose configuration names none."""
_SAME = {"quick": {"autoregressive": "ar_enc_25hz", "flow_matching": "fm_enc_25hz"}}
"""Systems that the paper's table calls otherwise."""
_OWN_TABLE = {"controls": "table", "inpainting": "table", "dataset": "paper"}
"""By kind, the part of its report that has ours beside the paper's."""
_LEFT_OUT = ("reconstruction", "untrained", "reference_halves", "another_clip")
_MOST = 8  # columns


def section(study: Finished, *, judges: Mapping[str, Sequence[str]]) -> StudySection:
    """The study's section.

    Args:
        judges: by family, in order of preference.
    """
    table, grid, remarks, source, claims = None, None, [], study.data.get("source", ""), study.data.get("claims", ())
    name = study.config.get("paper") or _TABLES.get(study.study, "")
    if name:
        paper = paper_scores(name)
        table = beside_scores(study, paper, judges=judges)
        source, claims = f"{paper.source}: {paper.where}. {paper.about}", paper.claims
        if not paper.rows:
            remarks = ["The paper shows this as a picture and states no numbers."]
    elif study.kind in _OWN_TABLE:
        table = _cell_table(study.data[_OWN_TABLE[study.kind]])
    elif own := _own_grid(study):
        grid = own
    else:
        table = _all_scores(study)
    if study.kind == "codecs":
        source, remarks = study.data["paper"]["source"], study.data["paper"]["remarks"]
    return StudySection(
        name=study.name,
        reproduces=study.reproduces,
        scale=study.scale,
        sentences=_sentences(study.data),
        table=table,
        grid=grid,
        remarks=remarks,
        claims=claims or list(filter(None, [study.data.get("claim", "")])),
        source=source,
    )


def _sentences(data: Mapping[str, Any]) -> list[str]:
    """Its verdict."""
    if "verdict" in data:
        return [data["verdict"]["sentence"]]
    return [line if isinstance(line, str) else line["text"] for line in data.get("lines", ())]


def beside_scores(study: Finished, paper: PaperScores, *, judges: Mapping[str, Sequence[str]]) -> CellTable:
    """Ours by the judge that is nearest to each measure of the paper's, and the paper's below it."""
    columns = [
        (_nearest(study, judges.get(_FAMILIES.get(key, ""), ())), title) for key, title in paper.measures.items()
    ]
    theirs = {row.system: row for row in paper.rows}
    same = _SAME.get(study.study, {})
    rows = []
    for system in _shown(study, [metric.key for metric, _ in columns]):
        rows.append(_our_row(study, system, [metric for metric, _ in columns]))
        if row := theirs.pop(same.get(system, system), None):
            rows.append(_paper_row(row.name, row.scores, paper))
    if study.study not in _SAME:
        rows += [_paper_row(row.name, row.scores, paper) for row in theirs.values()]
    lead = "Ours with 95% intervals; the paper's below each. Its models, its music and most of its judges are others."
    return CellTable(paper.where, lead, columns, rows)


def _nearest(study: Finished, wanted: Sequence[str]) -> Metric:
    """The first judge that the study has; one without a name where it has none."""
    return next((study.metrics[name] for name in wanted if study.scores.get(name)), Metric("", "neither", ""))


def _shown(study: Finished, metrics: Sequence[str]) -> list[str]:
    judged = {system for metric in metrics for system in study.scores.get(metric, ())}
    return [name for name in study.names if name in judged and not name.startswith(_LEFT_OUT)]


def _our_row(study: Finished, system: str, metrics: Sequence[Metric]) -> CellRow:
    name = study.names[system]
    if [*study.names.values()].count(name) > 1:
        name = f"{name}, {system.rsplit('_', 1)[-1]}"
    return CellRow(name, study.styles.get(system, system), [_cell(study, metric, system) for metric in metrics])


def _cell(study: Finished, metric: Metric, system: str) -> list[Cell]:
    score = study.scores.get(metric.key, {}).get(system)
    if score is None:
        return []
    value, bounds = interval(score.value, score.low, score.high).split(" ", 1)
    return [Cell(value, bounds)]


def _paper_row(name: str, scores: Mapping[str, float], paper: PaperScores) -> CellRow:
    cells = [[Cell(number(scores[key], places=2))] if key in scores else [] for key in paper.measures]
    return CellRow(f"The paper: {name}", "", cells, is_ours=False)


def _all_scores(study: Finished) -> CellTable | None:
    """Where there is nothing of the paper's to set beside."""
    metrics = [metric for metric in study.metrics.values() if not metric.key.startswith("sig_")][:_MOST]
    rows = [_our_row(study, system, metrics) for system in _shown(study, [metric.key for metric in metrics])]
    return CellTable(study.name, "Values with 95% intervals.", [(each, "") for each in metrics], rows) if rows else None


def _cell_table(plain: Mapping[str, Any]) -> CellTable:
    """As the study's own report has it."""
    return CellTable(
        plain["title"],
        plain["lead"],
        [(Metric(**metric), title) for metric, title in plain["columns"]],
        [_cell_row(row) for row in plain["rows"]],
    )


def _cell_row(plain: Mapping[str, Any]) -> CellRow:
    cells = [[Cell(**cell) for cell in place] for place in plain["cells"]]
    return CellRow(plain["label"], plain["system"], cells, plain["is_ours"])


def _own_grid(study: Finished) -> Grid | None:
    """Beside the paper's, as the study's own report has it."""
    data = study.data
    if study.kind == "speed":
        return Grid(data["crossings"]["header"], data["crossings"]["rows"])
    if study.kind == "samplers":
        return Grid(data["beside"][0], data["beside"][1:])
    if study.kind != "codecs":
        return None
    header = ["", *(f"{rate} Hz {codec}" for rate, codec in data["paper"]["columns"])]
    rows = [[row["label"], *map(_paper_cell, row["cells"])] for row in data["paper"]["rows"]]
    return Grid(header, rows)


def _paper_cell(cell: Mapping[str, str] | None) -> str:
    return "–" if cell is None else " ".join(filter(None, (cell["value"], cell["interval"], cell["codec"])))
