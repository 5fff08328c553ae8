"""Chords as people write them: every source says the same, and what makes no sense is said in one sentence."""

import json
import math
import os
import random
import re
from pathlib import Path

import pytest

from counterpoint.config import UserError
from counterpoint.generate.chart import read_chords

SPANS = ((0.0, 2.0, "C"), (2.0, 4.5, "Am7"), (4.5, math.inf, "Bb/D"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.lab", "0.000\t2.000\tC:maj\n2.0 4.5 A:min7\n# the end\n4.5 Bb:maj/3\n"),
        ("a.json", json.dumps([[0, "C"], [2, "Am7"], [4.5, "A#/D"]])),
        ("b.json", json.dumps([{"start_s": s, "label": label} for s, _, label in SPANS])),
        ("c.json", json.dumps({"duration_s": 9, "chords": [[s, label] for s, _, label in SPANS]})),
        ("chart.txt", "Cmaj:0 Amin7:2\nBb/D:4.5"),
        ("chordino.csv", '0.0,"C"\n2.0,"Am7"\n4.5,"Bb/D"\n'),
        ("sonic.csv", '"song.wav",0.0,"C"\n,2.0,"Am7"\n,4.5,"Bb/D"\n'),
        ("excel.csv", "TIME;LABEL\r\n0,0;C\r\n2,0;Am7\r\n4,5;Bb/D\r\n"),
        ("unordered.lab", "2 4.5 A:min7\n0 2 C\n4.5 Bb/D\n"),
        ("overlap.lab", "0 9 C\n2 4.5 Am7\n4.5 Bb/D\n"),
        ("empty-intervals.lab", "0 2 C\n2 2 N\n2 4.5 A:min7\n4 3 G\n4.5 Bb/D\n"),
        ("together.lab", "0 2 C\n2 3 G\n2 4.5 A:min7\n4.5 Bb/D\n"),
        ("clock.lab", "0:00 0:02.0 C\n0:02 0:04.5 A:min7\n0:00:04.5 Bb/D\n"),
        ("clock.txt", "C:0:00 Am7:0:02\nBb/D:0:04.5"),
        ("no-suffix", "C:maj:0, A-7:2, B♭/D:4.5"),
    ],
)
def test_every_way_of_writing_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    chart = read_chords(tmp_path / name)
    assert chart.spans == SPANS
    assert not chart.is_typed and not chart.taken_for
    assert chart.left_out == 2 * (name == "empty-intervals.lab")
    assert read_chords("C:0 Am7:2 Bb/D:4.5").spans == SPANS


def test_a_lab_file_ends_where_it_says(tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_text("0 2 C\n2.5 4 G\n")
    assert read_chords(tmp_path / "a.lab").spans == ((0, 2, "C"), (2.5, 4, "G"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The chord chart contains no chord; write LABEL:SECONDS"),
        ("C Am F", "The chord chart has 'C', which is not a chord with a time"),
        ("C:0 Am:two", "'two' where a time in seconds should be"),
        ("C:0 Hm:2", "The chord chart has the chord 'Hm'"),
        ("C:0 Am:4 F:2", "has F at 2 s after Am at 4 s; give the chords in order"),
        ("C:0 Am:0", "has Am at 0 s after C at 0 s"),
        ("C:-1", "has the chord C at -1 s"),
        ("C:0 Am:nan", "has the chord Am at nan s"),
        ("C:0 Am:inf", "has the chord Am at inf s"),
        ("| C | G |", "so it must begin with a tempo"),
        ("0 bpm | C |", "so it must begin with a tempo"),
        ("120 bpm |: C | G :|", "write out the bars"),
        ("120 bpm | / C |", "begins with '/'"),
        ("no-such.lab", "There is no file of chords at no-such.lab"),
    ],
)
def test_a_chart_that_makes_no_sense_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        read_chords(text)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.lab", "0 2 C extra\n", "a line needs start, end and label"),
        ("a.lab", "0 0 C\n", "contains no chord"),
        ("a.csv", '"C",0\n', "is not a chord with a time"),
        ("a.lab", "0 nan C\n", "has nan s as the end"),
        ("a.json", "{", "is not a list of"),
        ("a.json", '[["C", 0]]', "is not a list of"),
        ("a.json", '[{"label": "C"}]', "is not a list of"),
        ("a.json", "[]", "contains no chord"),
        ("a.txt", "\n\n", "contains no chord"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UserError, match=f"{re.escape(str(tmp_path / name))}.*{re.escape(sentence)}"):
        read_chords(tmp_path / name)


def test_a_file_of_bytes_is_no_chart(tmp_path: Path) -> None:
    (tmp_path / "a.lab").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(UserError, match=r"a.lab begins as UTF-16 and is not"):
        read_chords(tmp_path / "a.lab")


@pytest.mark.parametrize("place", ["a.lab", "pipe.lab"])
def test_only_regular_files_of_some_size_are_read(tmp_path: Path, place: str) -> None:
    if place == "a.lab":
        (tmp_path / place).write_bytes(b"0 1 C\n" * 800_000)
    else:
        os.mkfifo(tmp_path / place)
    with pytest.raises(UserError, match=r"a file of chords may have 4 MiB|is a named pipe"):
        read_chords(tmp_path / place)


def test_bars_with_a_tempo() -> None:
    chart = read_chords("120 bpm | C | Am F | % | G / / Em |")
    assert chart.spans == (
        *((0.0, 2.0, "C"), (2.0, 3.0, "Am"), (3.0, 4.0, "F"), (4.0, 5.0, "Am"), (5.0, 6.0, "F")),
        *((6.0, 6.5, "G"), (6.5, 7.0, "G"), (7.0, 7.5, "G"), (7.5, 8.0, "Em")),
    )
    waltz = read_chords("tempo=90 3/4 | C | G7 |").spans
    assert waltz == ((0.0, 2.0, "C"), (2.0, 4.0, "G7")) and read_chords("90, 3/8 | C | G7").spans == waltz


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("C:0:00 Am:1:05 F:2:10.5", (0, 65, 130.5)),
        ("C:0 G:7:12", (0, 12)),  # G7 at 12 s, as before
        ("C:0:01 G:7:12", (1, 432)),  # other times are in minutes
        ("C:maj:0 A:min7:2", (0, 2)),
        ("C:maj(9,11):0, G:sus4(b7,9):2", (0, 2)),
    ],
)
def test_times_in_minutes_and_qualities_after_colons(text: str, starts: tuple[float, ...]) -> None:
    assert tuple(start for start, _, _ in read_chords(text).spans) == starts


def test_minor_chords_in_lower_case_where_the_chart_says_so() -> None:
    def labels(text: str) -> list[str]:
        return [label for _, _, label in read_chords(text).spans]

    assert labels("C:0 a:1 F:2 f#:3 bb:4") == ["C", "Am", "F", "F#m", "Bbm"]
    assert labels("C:0 am:1 g#m7:2 bm:3") == ["C", "Am", "Abm7", "Bm"]
    for unclear in ("c:0 a:1 f:2", "C:0 Am:1 f:2", "C:0 b:1", "C:0 a7:1"):
        with pytest.raises(UserError, match="not among the 193"):
            read_chords(unclear)


def test_random_text_is_a_chart_or_one_sentence(tmp_path: Path) -> None:
    draw = random.Random(0)
    signs = "C:0|%/,;()#Nb'\"\t\n\u2028\x85Δ"
    pieces = [*signs, "nan", "-1", "1e999", *(20 * ["C:0 ", "Am:1:05 ", "0 2 C\n", "2 4 Am7\n", "90 bpm | C | G "])]
    read = 0
    for index in range(400):
        text = "".join(draw.choices(pieces, k=draw.randint(1, 12)))
        source: str | Path = text
        if index % 2:
            source = tmp_path / draw.choice(["a.lab", "a.csv", "a.json", "a.txt"])
            source.write_text(text, encoding="utf-8", newline="")
        try:
            chart = read_chords(source)
        except UserError as error:
            assert str(error)
        else:
            read += 1
            starts = [start for start, _, _ in chart.spans]
            assert starts == sorted(starts) and all(end > start for start, end, _ in chart.spans)
    assert read > 3
