"""The numbers of a table are in every form of it, and nothing in them breaks any."""

from __future__ import annotations

import csv
import io
import re

import pytest

from counterpoint.metrics.base import Difference, MetricInfo, Score
from counterpoint.metrics.contrasts import Estimate
from counterpoint.report import Cell, Column, Differences, Mark, Row, Scores, System, Table, judge
from counterpoint.report.numbers import MINUS, day, interval, listed, number, p_value, shared_places
from counterpoint.report.scores import around_zero
from counterpoint.report.tables import plain_table

LOWER = MetricInfo("fad_toy", "A distance", "", "lower", title="Distance")
SYSTEMS = [System(key=key, name=key.upper(), what="", mark=Mark()) for key in ("a", "b", "c")]


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def score(value: float, low: float, high: float) -> Score:
    return Score("fad_toy", value, low, high, 8, "", "lower")


def test_markdown_and_latex_escape_what_would_break_them() -> None:
    table = plain_table("t", ["System", "x|y"], [["a & b_c", f"{MINUS}1 < 2"]], label="T", caption="50% of a_b")
    assert "x\\|y" in table.markdown()
    latex = table.latex()
    assert r"a \& b\_c" in latex
    assert r"\ensuremath{-}1 \ensuremath{<} 2" in latex
    assert r"50\% of a\_b" in latex
    assert not re.search(r"(?<!\\)[%_#]", latex)


def test_values_with_intervals_are_in_the_csv_in_full_precision() -> None:
    cells = [
        Cell.of(Estimate(1.23456, 1.1, 1.4), what="chords"),
        Cell.of(Estimate(2.0, 1.5, 2.5), what="drums", note="p 0.01"),
    ]
    row = Row(label="AR", group="25 Hz", places=[cells, [Cell(text="–0.5")], []])
    columns = [
        Column.of(LOWER),
        Column(title="FAD", over="The paper", is_theirs=True),
        Column(title="", kind="picture"),
    ]
    table = Table(name="t", label="T", columns=columns, rows=[row], by="Rate")
    first, second, third = rows_of(table.to_csv())
    assert (first["column"], first["of"], first["value"], first["low_95"]) == ("fad_toy", "chords", "1.23456", "1.1")
    assert second["note"] == "p 0.01" and third["value"] == "–0.5" and third["low_95"] == ""
    assert table.texts()[0] == ["Rate", "", "fad_toy ↓", "FAD (The paper)"], "pictures are for the page alone"
    assert "chords 1.23 [1.10, 1.40] / drums 2.0 [1.5, 2.5] p 0.01" in table.markdown()
    assert table.overs == [("", 1), ("The paper", 1), ("", 1)]


def test_a_plain_table_is_the_same_in_csv() -> None:
    table = plain_table("t", ["Model", "Time"], [["AR", "1 s"], ["FM", "2 s"]], label="T")
    assert rows_of(table.to_csv()) == [{"Model": "AR", "Time": "1 s"}, {"Model": "FM", "Time": "2 s"}]


def test_groups_are_neighbours_of_one_name_and_floors_stand_apart() -> None:
    rows = [Row(label=name, group=group, tone=tone, places=[]) for name, group, tone in
            (("a", "x", ""), ("b", "x", ""), ("c", "x", "floor"), ("d", "y", "floor"))]  # fmt: skip
    table = Table(name="t", label="T", columns=[], rows=rows, by="Group")
    assert [(group, [row.label for row in own]) for group, own in table.groups] == [
        ("x", ["a", "b"]), ("x", ["c"]), ("y", ["d"]),
    ]  # fmt: skip


def test_scores_have_one_number_of_decimals_a_metric_and_only_systems_that_have_any() -> None:
    scores = {"fad_toy": {"a": score(-24.3123, -24.9, -23.7), "b": score(-23.36, -23.63, -23.09)}}
    block = Scores(name="scores", systems=SYSTEMS, metrics=[LOWER], scores=scores, subjects=["b"])
    first, second = block.table().rows
    assert [cell.text for cell in (first.places[0][0], second.places[0][0])] == [f"{MINUS}24.3", f"{MINUS}23.4"]
    assert (first.tone, second.tone) == ("", "subject") and first.places[1][0].text == "8"
    csv_rows = rows_of(block.table().to_csv())
    assert [(row["system"], row["value"], row["better"]) for row in csv_rows] == [
        ("a", "-24.3123", "lower"),
        ("b", "-23.36", "lower"),
    ]


def difference(value: float, low: float, high: float, *, p: float = 0.001) -> Difference:
    return Difference("fad_toy", "a", "b", value, low, high, p, p, 8, True)


def test_a_difference_says_who_is_better_and_only_where_it_is_clear() -> None:
    found = [difference(-2, -3, -1), difference(2, 1, 3), difference(2, -1, 3), difference(2, 1, 3, p=0.2)]
    assert [judge(item, LOWER) for item in found] == ["first", "second", "open", "open"]
    neutral = MetricInfo("fad_toy", "", "", "neither")
    table = Differences(name="d", systems=SYSTEMS, metrics=[LOWER], differences=found).table()
    assert [row.places[-1][0].text for row in table.rows] == ["A is better", "B is better", *["could be chance"] * 2]
    described = Differences(name="d", systems=SYSTEMS, metrics=[neutral], differences=found[:1]).table()
    assert described.rows[0].places[-1][0].text == "describes, does not judge"
    assert [row["difference"] for row in rows_of(table.to_csv())] == ["-2", "2", "2", "2"]


def test_differences_of_one_metric_share_a_scale_around_zero() -> None:
    small, large = difference(1, 0.5, 1.5), difference(-4, -5, -3)
    both = [small, large]
    places = [[float(x) for x in re.findall(r'cx="([\d.]+)"', around_zero(each, both, mark=Mark()))] for each in both]
    [zero] = re.findall(r'class="zero" x1="([\d.]+)"', around_zero(small, both, mark=Mark()))
    assert places[0][0] > float(zero) > places[1][0]
    assert (float(zero) - places[1][0]) / (places[0][0] - float(zero)) == pytest.approx(4, abs=0.1)


@pytest.mark.parametrize(
    ("value", "low", "high", "text"),
    [
        (1.306, 0.82, 1.897, "1.3 [0.8, 1.9]"),
        (-0.012, -0.05, 0.03, f"{MINUS}0.012 [{MINUS}0.050, 0.030]"),
        (1234.5, 1100.2, 1400.7, "1234 [1100, 1401]"),
        (0.0, 0.0, 0.0, "0.00 [0.00, 0.00]"),
        (71.2, 57.0, 78.3, "71 [57, 78]"),
    ],
)
def test_an_interval_has_the_same_decimals_throughout(value: float, low: float, high: float, text: str) -> None:
    assert interval(value, low, high) == text


def test_small_numbers_and_lists_read_well() -> None:
    assert p_value(0.0004) == "< 0.001"
    assert p_value(0.0312) == "0.031"
    assert number(-0.0001, places=2) == "0.00", "no minus before a zero"
    assert number(float("inf")) == "not defined"
    assert [listed(names) for names in ([], ["a"], ["a", "b", "c"])] == ["nothing", "a", "a, b and c"]
    assert shared_places([Estimate(1, 0.5, 1.7), Estimate(1, 0.99, 1.02), Estimate(*[float("nan")] * 3)]) == 1


def test_columns_of_one_title_are_told_apart_in_files_by_their_headings() -> None:
    titles = (("25 Hz", "VAE"), ("25 Hz", "EnCodec"), ("50 Hz", "VAE"))
    table = Table(
        name="t",
        label="",
        columns=[Column(title=title, over=over) for over, title in titles],
        rows=[Row(label="r", places=[[Cell.of(Estimate(value, 0.0, 9.0))] for value in (1.0, 2.0, 3.0)])],
    )
    assert table.texts()[0] == ["", "25 Hz, VAE", "EnCodec", "50 Hz, VAE"]
    assert '"25 Hz, VAE",,1.0' in table.to_csv() and ",EnCodec,,2.0" in table.to_csv()


def test_a_day_is_written_without_a_leading_zero() -> None:
    assert re.fullmatch(r"[1-9]\d? [A-Z][a-z]+ \d{4}", day())
    assert day(0.0) in ("31 December 1969", "1 January 1970")
