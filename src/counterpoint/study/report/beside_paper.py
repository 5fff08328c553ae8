"""The paper's table of Appendix B with our values between its rows."""

from __future__ import annotations

from collections.abc import Sequence

from counterpoint.report.numbers import interval
from counterpoint.study.paper import PaperTable, paper_table
from counterpoint.study.report.codec import KINDS, Codec
from counterpoint.study.report.content import PaperCell, PaperComparison, PaperRow
from counterpoint.study.report.tables import Table


def beside_paper(codecs: Sequence[Codec], *, has_visqol: bool) -> PaperComparison:
    """The table for the page."""
    table = paper_table("appendix_b")
    rows = []
    for row in table.rows:
        rows.append(PaperRow(f"{row.measure}, the paper", False, [PaperCell(f"{value:.3f}") for value in row.values]))
        rows += _our_rows(codecs, table, measure=row.ours)
    remarks = [
        "The paper's codecs are full-size, and were trained and heard on other music: read the two side by side, not "
        "one against the other.",
        "log-MSD is not defined in the paper; log_mel_distance is our guess at such a measure, and nothing certifies "
        "that the two are the same quantity.",
    ]
    if not has_visqol:
        remarks.append(
            "ViSQOL was not measured: no program named visqol is on the PATH. Build it from github.com/google/visqol, "
            "put it there and run the study again; nothing else will be computed anew."
        )
    homeless = [codec.label for codec in codecs if _column(codec, table) is None]
    if homeless:
        remarks.append(f"The paper's table has no place for {', '.join(homeless)}; see the full table.")
    columns = [(f"{column.frame_rate:g}", KINDS[column.codec]) for column in table.columns]
    return PaperComparison(columns, rows, f"{table.source}: {table.where}. {table.about}", remarks)


def _column(codec: Codec, table: PaperTable) -> int | None:
    """Where in the paper's table a codec belongs."""
    for index, column in enumerate(table.columns):
        if column.codec == codec.kind and abs(column.frame_rate - codec.facts["frame_rate"]) < 0.5:
            return index
    return None


def _our_rows(codecs: Sequence[Codec], table: PaperTable, *, measure: str) -> list[PaperRow]:
    """Ours in the paper's columns, unquantised as there; a second row where two codecs share a column."""
    columns: dict[int, list[Codec]] = {}
    for codec in codecs:
        place = _column(codec, table)
        if place is not None and measure in codec.scores:
            columns.setdefault(place, []).append(codec)
    rows = []
    for turn in range(max(map(len, columns.values()), default=1)):
        cells: list[PaperCell | None] = [None] * len(table.columns)
        for place, own in columns.items():
            if turn < len(own):
                score = own[turn].scores[measure]["latents"]
                value, span = interval(score.value, score.low, score.high).split(" ", 1)
                cells[place] = PaperCell(value, span, own[turn].label)
        rows.append(PaperRow(f"{measure}, ours", True, cells))
    return rows


def paper_text(paper: PaperComparison) -> Table:
    """The same as plain text."""
    header = ["", *(f"{rate} Hz {codec}" for rate, codec in paper.columns)]
    return Table(
        f"Ours, unquantised, beside {paper.source} {' '.join(paper.remarks)}",
        header,
        [[row.label, *map(_cell_text, row.cells)] for row in paper.rows],
    )


def _cell_text(cell: PaperCell | None) -> str:
    return "" if cell is None else " ".join(filter(None, (cell.value, cell.interval, cell.codec)))
