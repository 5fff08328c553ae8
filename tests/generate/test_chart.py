"""Chords as people write them: every source says the same, and what makes no sense is said in one sentence."""

import json
import math
import re
from pathlib import Path

import pytest

from counterpoint.analysis.chords import vocabulary
from counterpoint.config import UserError
from counterpoint.generate.chart import NOT_ASKED, read_chords, understand

SPANS = ((0.0, 2.0, "C"), (2.0, 4.5, "Am7"), (4.5, math.inf, "Bb/D"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.lab", "0.000\t2.000\tC:maj\n2.0 4.5 A:min7\n# the end\n4.5 Bb:maj/3\n"),
        ("a.json", json.dumps([[0, "C"], [2, "Am7"], [4.5, "A#/D"]])),
        ("b.json", json.dumps([{"start_s": s, "label": label} for s, _, label in SPANS])),
        ("c.json", json.dumps({"duration_s": 9, "chords": [[s, label] for s, _, label in SPANS]})),
        ("chart.txt", "Cmaj:0 Amin7:2\nBb/D:4.5"),
        ("no-suffix", "C:maj:0, A-7:2, B♭/D:4.5"),
    ],
)
def test_every_way_of_writing_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    chart = read_chords(tmp_path / name)
    assert chart.spans == SPANS
    assert not chart.is_typed and not chart.taken_for
    assert read_chords("C:0 Am7:2 Bb/D:4.5").spans == SPANS


def test_a_lab_file_ends_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_text("0 2 C\n2.5 4 G\n")
    assert read_chords(tmp_path / "a.lab").spans == ((0, 2, "C"), (2.5, 4, "G"))


def test_every_label_is_understood_as_itself() -> None:
    assert [understand(label, source="x") for label in vocabulary()] == [(label, True) for label in vocabulary()]


@pytest.mark.parametrize(
    ("given", "label", "is_same"),
    [
        ("C:maj7", "Cmaj7", True),
        ("Db:hdim7", "C#m7b5", True),
        ("Bm7(b5)", "Bm7b5", True),
        ("F#-7", "F#m7", True),
        ("E:7/3", "E7/G#", True),
        ("N.C.", "N", True),
        ("X", NOT_ASKED, True),
        ("G13", "G7", False),
        ("C:maj(9)", "C", False),
        ("C6/9", "C6", False),
        ("E:min/b3", "Em", False),
        ("B:dim7", "Bdim", False),
    ],
)
def test_other_spellings_and_richer_chords(given: str, label: str, is_same: bool) -> None:
    assert understand(given, source="x") == (label, is_same)


@pytest.mark.parametrize("label", ["H", "Csus4", "D:(1,5)", "c", "C/Q", "", "maj7", "C::7x"])
def test_a_chord_that_nothing_here_is_like_is_refused(label: str) -> None:
    with pytest.raises(UserError, match="none of the 193"):
        understand(label, source="x")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The chord chart holds no chord; write LABEL:SECONDS"),
        ("C Am F", "The chord chart has 'C', which says no chord and time"),
        ("C:0 Am:two", "'two' where a time in seconds should be"),
        ("C:0 Hm:2", "The chord chart has the chord 'Hm'"),
        ("C:0 Am:4 F:2", "has F at 2 s after Am at 4 s; give the chords in order"),
        ("C:0 Am:0", "has Am at 0 s after C at 0 s"),
        ("C:-1", "has the chord C at -1 s"),
        ("C:0 Am:nan", "has the chord Am at nan s"),
        ("C:0 Am:inf", "has the chord Am at inf s"),
        ("no-such.lab", "There is no file of chords at no-such.lab"),
    ],
)
def test_a_chart_that_makes_no_sense_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_chords(text)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.lab", "0 2 C extra\n", "a line holds start, end and label"),
        ("a.lab", "0 0 C\n", "end at 0 s, no later than it starts"),
        ("a.lab", "0 nan C\n", "end at nan s"),
        ("a.json", "{", "is no list of"),
        ("a.json", '[["C", 0]]', "is no list of"),
        ("a.json", '[{"label": "C"}]', "is no list of"),
        ("a.json", "[]", "holds no chord"),
        ("a.txt", "\n\n", "holds no chord"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{re.escape(str(tmp_path / name))}.*{re.escape(sentence)}"):
        read_chords(tmp_path / name)


def test_a_file_of_bytes_is_no_chart(tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match="is not a text file"):
        read_chords(tmp_path / "a.lab")
