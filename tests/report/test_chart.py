"""Charts: places tell values, every line is told in words, and nothing that is not a number is drawn."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from counterpoint.metrics.base import MetricInfo, Score
from counterpoint.report import Chart, Dots, Line, Mark, Point, Spread, System
from counterpoint.report.axis import Axis, fit
from counterpoint.report.chart import WIDTH, loss_chart, smooth
from counterpoint.report.dots import dots

POINTS = [Point(x=x, y=10.0 / x, low=9.0 / x, high=11.0 / x, text=f"at {x}") for x in (1, 10, 100)]


def of_class(picture: str, name: str) -> list[ElementTree.Element]:
    return [item for item in ElementTree.fromstring(picture).iter() if name in (item.get("class") or "").split()]


def draw(*lines: Line, **options: object) -> str:
    return Chart(title="A & <b>", x_name="size", lines=lines, **options).svg()  # pyright: ignore[reportArgumentType]


def places(line: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in (line.get("points") or "").split()]  # pyright: ignore[reportReturnType]


def test_equal_ratios_are_equal_distances_on_logarithmic_axes() -> None:
    picture = draw(Line(name="a", mark=Mark(), points=POINTS), log=(True, True))
    (x1, y1), (x2, y2), (x3, y3) = places(of_class(picture, "joined")[0])
    assert x2 - x1 == pytest.approx(x3 - x2, abs=0.2) and y2 - y1 == pytest.approx(y3 - y2, abs=0.2)
    assert y1 < y2, "more is higher up"
    assert len(of_class(picture, "whisker")) == len(of_class(picture, "dot")) == 3


def test_all_is_told_in_words_and_nothing_breaks_out() -> None:
    picture = draw(Line(name="<a>", mark=Mark(), points=POINTS))
    assert "A & <b>, by size: <a>: at 1, at 10, at 100" in (ElementTree.fromstring(picture).get("aria-label") or "")
    assert "<title>at 10</title>" in picture


def test_marks_of_several_lines_at_one_place_stand_beside_each_other() -> None:
    lines = [Line(name=name, mark=Mark(), points=POINTS[:2]) for name in "abc"]
    aside = [places(line)[0][0] for line in of_class(draw(*lines, is_dodged=True), "joined")]
    assert aside == sorted(aside) and aside[0] < aside[1] < aside[2]
    together = {places(line)[0][0] for line in of_class(draw(*lines), "joined")}
    assert len(together) == 1


def test_names_at_the_ends_never_overlap_and_stay_within_the_chart() -> None:
    lines = [Line(name=f"line {place}", mark=Mark(), points=POINTS) for place in range(4)]
    ends = [float(text.get("y") or 0) for text in of_class(draw(*lines), "end")]
    assert all(second - first >= 14 for first, second in pairwise(ends))
    for text in of_class(draw(*lines), "end"):
        assert float(text.get("x") or 0) + 6 * len(text.text or "") < WIDTH + 12


def test_kinds_of_lines_are_drawn_as_they_are_called() -> None:
    band = draw(Line(name="a", mark=Mark(), points=POINTS, kind="band"))
    assert len(places(of_class(band, "spread")[0])) == 6 and of_class(band, "strong")
    level = draw(
        Line(name="a", mark=Mark(), points=POINTS), Line(name="real", mark=Mark(), points=POINTS[:1], kind="level")
    )
    assert len(places(of_class(level, "level")[0])) == 3 and of_class(level, "band")
    alone = draw(Line(name="a", mark=Mark(), points=POINTS, kind="plain"))
    assert not of_class(alone, "joined") and len(of_class(alone, "dot")) == 3
    special = [Point(x=1, y=1, is_stopped=True), Point(x=2, y=2, is_ringed=True, name="best")]
    picture = draw(Line(name="a", mark=Mark(), points=special), upright=1.5, with_zero=True)
    counts = {name: len(of_class(picture, name)) for name in ("cross", "ring", "named", "chance", "zero")}
    assert counts == dict.fromkeys(counts, 1)


def test_what_is_not_a_number_is_left_out() -> None:
    points = [Point(x=1, y=math.nan), Point(x=2, y=3.0, low=math.nan, high=math.nan)]
    picture = draw(Line(name="a", mark=Mark(), points=points))
    assert len(of_class(picture, "dot")) == 1 and not of_class(picture, "whisker") and "nan" not in picture
    assert draw(Line(name="a", mark=Mark(), points=points[:1])) == ""


def test_losses_are_smoothed_without_a_bias_at_their_start() -> None:
    assert [loss for _, loss in smooth([(step, 2.0) for step in range(100)])] == pytest.approx([2.0] * 100)
    chart = loss_chart("AR", Mark(), train=[(1, 9.0), *((s, 2.0) for s in range(2, 99))], valid=[(0, 3.0)], unit="nats")
    picture = chart.svg()
    assert {name for name in ("faint", "strong", "valid", "valid-dot") if of_class(picture, name)} == {
        "faint", "strong", "valid", "valid-dot",
    }  # fmt: skip
    assert min(y for _, y in places(of_class(picture, "faint")[0])) >= 0
    assert loss_chart("AR", Mark(), train=[], valid=[], unit="nats").svg() == ""


def test_axes_show_all_values_and_start_at_zero_where_that_is_near() -> None:
    axis = fit([3.0, 5.0, math.inf], 0, 100)
    assert axis.low < 3.0 and axis.high > 5.0 and not axis.log
    assert fit([1.0, 9.0], 0, 100).low == 0.0
    assert fit([0.01, 5.0], 0, 100).log
    assert [name for _, name in Axis(0, 10, 0, 1).ticks()] == ["0", "2", "4", "6", "8", "10"]
    assert [name for _, name in Axis(0.5, 2000, 0, 1, log=True).ticks()] == ["1", "10", "100", "1000"]


def metric(**changes: object) -> MetricInfo:
    return MetricInfo("m", "d", "", "lower", **changes)  # pyright: ignore[reportArgumentType]


def test_dots_show_every_system_that_has_a_score_with_chance_and_clips() -> None:
    systems = [System(key=key, name=f"<{key}>", what="", mark=Mark()) for key in "abc"]
    scores = {"m": {key: Score("m", value, value - 0.1, value + 0.1, 8, "", "lower") for key, value in
                    (("a", 0.2), ("b", 0.9))}}  # fmt: skip
    picture = dots(Dots(systems=systems, metrics=[metric()], scores=scores), metric(chance=0.5))
    assert [text.text for text in of_class(picture, "row")] == ["<a>", "<b>"]
    assert of_class(picture, "chance") and "<a> 0.20 [0.10, 0.30]; <b> 0.90" in (
        ElementTree.fromstring(picture).get("aria-label") or ""
    )
    spread = Dots(
        systems=systems,
        metrics=[metric()],
        scores=scores,
        spreads={"m": {"a": Spread(deviation=0.3, clips=[0.1, 0.5])}},
        shown={"m": ["a"]},
    )
    picture = dots(spread, metric())
    assert (
        len(of_class(picture, "clip")) == 2 and len(of_class(picture, "row")) == len(of_class(picture, "spread")) == 1
    )
    assert dots(Dots(systems=systems, metrics=[metric()], scores={}), metric()) == ""
    assert not re.search(r"nan|inf", picture)
