"""Timelines: everything is on the clip's own time axis, the target above what is heard, and words say the same."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from counterpoint.analysis.annotation import Annotation
from counterpoint.report.timelines import WIDTH, Timelines, described, downbeats_met

TARGET = Annotation(
    4.0,
    chords=((0.0, "C"), (1.0, "Am7"), (2.0, "F"), (3.0, "G/B")),
    notes=((0.0, 1.0, 60), (1.0, 3.0, 72)),
    beats=((0.0, 1), (0.5, 2), (1.0, 3), (1.5, 4), (2.0, 1)),
)
HEARD = Annotation(
    4.0, chords=((0.0, "C"), (1.0, "Am"), (2.0, "F"), (3.0, "N")), notes=((0.5, 1.5, 62),), beats=((0.03, 1), (2.2, 1))
)


def draw(target: Annotation = TARGET, heard: Annotation = HEARD, **options: object) -> ElementTree.Element:
    picture = Timelines(target=target, detected=heard, **options).svg(duration_s=4.0, name="AR & <all>")  # pyright: ignore[reportArgumentType]
    return ElementTree.fromstring(picture)


def of_class(picture: ElementTree.Element, *names: str) -> list[ElementTree.Element]:
    return [item for item in picture.iter() if set(names) <= set((item.get("class") or "").split())]


def number(element: ElementTree.Element, key: str) -> float:
    return float(element.get(key) or "nan")


def test_times_are_places_and_the_target_is_above() -> None:
    picture = draw()
    assert (picture.get("viewBox") or "").startswith(f"0 0 {WIDTH:g} ")
    for kind, count in (("wanted", 4), ("detected", 4)):
        boxes = [group.find("rect") for group in of_class(picture, "chord", kind)]
        assert [number(box, "x") for box in boxes if box is not None] == [0, 75, 150, 225][:count]
    above, below = (of_class(picture, "chord", kind)[0].find("rect") for kind in ("wanted", "detected"))
    assert above is not None and below is not None and number(above, "y") < number(below, "y")
    assert [number(line, "x1") for line in of_class(picture, "downbeat", "wanted")] == [0, 150]
    assert [number(line, "x1") for line in of_class(picture, "downbeat", "detected")] == pytest.approx(
        [2.2, 165], abs=0.1
    )
    lengths = {
        kind: abs(number(line, "y2") - number(line, "y1"))
        for kind in ("beat", "downbeat")
        for line in of_class(picture, kind, "wanted")[:1]
    }
    assert lengths["downbeat"] > 2 * lengths["beat"]


def test_higher_notes_are_higher_and_all_are_inside() -> None:
    picture = draw()
    [roll] = of_class(picture, "roll")
    low, high = of_class(picture, "note", "wanted")
    [heard] = of_class(picture, "note", "detected")
    assert number(high, "y") < number(heard, "y") < number(low, "y")
    assert number(heard, "x") == pytest.approx(37.5) and number(heard, "width") == pytest.approx(74.4)
    for note in (low, high, heard):
        assert number(note, "y") >= number(roll, "y") - 0.1
        assert number(note, "y") + number(note, "height") <= number(roll, "y") + number(roll, "height") + 0.1


def test_one_chord_has_one_colour_wherever_it_stands() -> None:
    picture = draw()
    wanted = [group.get("style") for group in of_class(picture, "chord", "wanted")]
    heard = [group.get("style") for group in of_class(picture, "chord", "detected")]
    assert len(set(wanted)) == 4 and wanted[:3] == heard[:3] and heard[3] is None
    assert "minor" in (of_class(picture, "chord", "detected")[1].get("class") or "")


def test_a_label_is_written_where_there_is_room() -> None:
    short = replace(TARGET, chords=((0.0, "C"), (0.1, "Ebm7b5/Db"), (0.5, "F")))
    picture = draw(short)
    texts = {text.text for group in of_class(picture, "chord", "wanted") for text in group.findall("text")}
    assert texts == {"F"}


def test_words_say_what_is_there() -> None:
    said = described(TARGET, HEARD)
    assert "chords requested C Am7 F G/B; detected C Am F N, the same 75% of the time" in said
    assert "melody requested 2 notes from C 4 to C 5; detected 1 note, D 4" in said
    assert "1 of 2 downbeats within 50 ms" in said
    assert draw().get("aria-label") == f"AR & <all>: {said}" and draw().get("role") == "img"
    nothing = described(TARGET, HEARD, received=())
    assert "requested" not in nothing and "chords target C" in nothing


def test_what_was_not_asked_is_faint() -> None:
    groups = draw(received=("chords",)).findall("g")
    assert [group.get("class") for group in groups] == ["received", "free", "free"]


def test_a_row_that_nobody_has_is_left_out() -> None:
    bare = Annotation(4.0)
    assert Timelines(target=bare, detected=bare).svg(duration_s=4.0, name="x") == ""
    picture = draw(replace(TARGET, notes=()), replace(HEARD, notes=()))
    assert len(picture.findall("g")) == 2 and not of_class(picture, "roll")


def test_a_hostile_label_stays_text() -> None:
    notes = Annotation(4.0, notes=((0.0, 1.0, 60),))
    picture = Timelines(target=notes, detected=HEARD).svg(duration_s=4.0, name='"><script>alert(1)</script>')
    assert "<script>" not in picture and not re.search(r'aria-label=""', picture)


def test_every_heard_downbeat_counts_once() -> None:
    target = Annotation(4.0, beats=((1.0, 1), (1.04, 1)))
    assert downbeats_met(target, Annotation(4.0, beats=((1.02, 1),))) == 1
    assert downbeats_met(target, Annotation(4.0, beats=((1.02, 1), (1.03, 2)))) == 1
    assert downbeats_met(target, Annotation(4.0, beats=((0.96, 1), (1.05, 1)))) == 2
