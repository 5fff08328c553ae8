"""Results as rows, CSV and DataFrames."""

from __future__ import annotations

import csv
import io

import pytest

from counterpoint.config import UserError
from counterpoint.results.schema import Results
from counterpoint.results.tables import TABLES, rows, to_csv, to_frame


def test_every_score_is_a_row(results: Results) -> None:
    found = rows(results, "scores")
    assert len(found) == 3 * 2 + 2
    assert {row["kind"] for row in found} == {"system", "floor"}
    first = next(row for row in found if row["system"] == "flow_matching" and row["metric"] == "fad_musicnn")
    assert (first["value"], first["low"], first["high"], first["better"]) == (6.0, 5.0, 7.0, "lower")


def test_clips_that_have_no_value_are_empty(results: Results) -> None:
    found = [row for row in rows(results, "clips") if row["system"] == "flow_matching"]
    assert [(row["clip"], row["value"]) for row in found] == [("a", 6.0), ("b", None), ("c", 6.0)]


def test_csv_has_the_numbers_in_full(results: Results) -> None:
    found = list(csv.DictReader(io.StringIO(to_csv(results, "differences"))))
    assert len(found) == 1 and found[0]["first"] == "autoregressive"
    assert (float(found[0]["value"]), float(found[0]["p_holm"])) == (-2.0, 0.02)
    assert to_csv(results, "speed") == ""


def test_a_frame_has_a_column_a_field(results: Results) -> None:
    frame = to_frame(results, "steps")
    assert list(frame["step"]) == ["train", "evaluate"] and frame["seconds"].sum() == 5.0


def test_every_table_can_be_made_and_others_are_refused(results: Results) -> None:
    assert all(isinstance(rows(results, table), list) for table in TABLES)
    with pytest.raises(UserError, match=r"no table 'score'; the tables are scores, differences"):
        rows(results, "score")
