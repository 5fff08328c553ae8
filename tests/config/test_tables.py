"""The reader of tables: every row that can be read is, and every other is named."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from counterpoint.config import write_json_lines
from counterpoint.config.tables import CAPTION_KEYS, first_text, read_table

ODD = ["", "plain", "a, b", 'say "hi"', "two\nlines", "U+2028 \u2028 and \x0b and \x85", ";\t|", "'", "Grüße", " x "]


def _read(path: Path, text: str):
    path.write_text(text, encoding="utf-8", newline="")
    return read_table(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_what_a_spreadsheet_writes_comes_back(tmp_path: Path, delimiter: str, line_end: str):
    drawn = random.Random(2)
    rows = [{"file_name": f"{n}.wav", "caption": drawn.choice(ODD), "id": str(n)} for n in range(200)]
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file, ["file_name", "caption", "id"], delimiter=delimiter, lineterminator=line_end, quoting=csv.QUOTE_ALL
    )
    writer.writeheader()
    writer.writerows(rows)
    table = _read(tmp_path / "metadata.csv", file.getvalue())
    assert not table.faults
    assert [row.values for row in table.rows] == rows


def test_our_own_lines_of_json_come_back(tmp_path: Path):
    values = [{"file_name": f"{n}.wav", "caption": caption} for n, caption in enumerate(ODD)]
    write_json_lines(tmp_path / "metadata.jsonl", values)
    data = (tmp_path / "metadata.jsonl").read_text(encoding="utf-8")
    assert len(data.splitlines()) == len(values)  # by anybody's lines, U+2028 included
    table = read_table(tmp_path / "metadata.jsonl")
    assert [row.values for row in table.rows] == values and not table.faults


def test_a_separator_inside_a_line_of_json_does_not_divide_it(tmp_path: Path):
    table = _read(tmp_path / "metadata.jsonl", '{"Caption": "slow\u2028piano\x85"}\n')
    assert first_text(table.rows[0].values, CAPTION_KEYS) == "slow piano" and not table.faults


@pytest.mark.parametrize("place", [0, 7, 5999])
@pytest.mark.parametrize("cell", ['"never closed', '"said "hi" there"', '"closed" badly'])
def test_a_bad_quote_costs_its_own_row(tmp_path: Path, place: int, cell: str):
    lines = [f"{n}.wav,caption {n}" for n in range(6000)]
    lines[place] = f"{place}.wav,{cell}"
    table = _read(tmp_path / "metadata.csv", "file_name,caption\n" + "\n".join(lines) + "\n")
    assert len(table.rows) == 5999
    assert len(table.faults) == 1 and table.faults[0].startswith(f"line {place + 2} has a quote")


def test_every_row_may_have_a_bad_quote(tmp_path: Path):
    table = _read(tmp_path / "metadata.csv", "file_name,caption\n" + 'a.wav,"x "y" z\n' * 3000)
    assert len(table.rows) == 0 and len(table.faults) == 3000


def test_a_cell_may_have_any_length(tmp_path: Path):
    table = _read(tmp_path / "metadata.csv", f"file_name,caption\na.wav,{'x' * 200_000}\nb.wav,y\n")
    assert [len(row.values["caption"]) for row in table.rows] == [200_000, 1] and not table.faults


def test_a_row_with_too_many_cells_is_not_cut_in_silence(tmp_path: Path):
    table = _read(tmp_path / "metadata.csv", "file_name,caption\na.wav,soft, warm piano\nb.wav,y,,\n")
    assert [row.values["file_name"] for row in table.rows] == ["b.wav"]
    assert "line 2 has 3 cells under 2 headings" in table.faults[0]


@pytest.mark.parametrize(
    "line",
    ["{", "[1]", "5", "[" * 50_000, '{"a": ' + "9" * 5000 + "}", r'{"caption": "\ud800"}'],
)
def test_a_bad_line_of_json_costs_that_line(tmp_path: Path, line: str):
    table = _read(tmp_path / "data.jsonl", f'{{"path": "a.wav"}}\n{line}\n\n{{"path": "b.wav"}}\n')
    assert [row.number for row in table.rows] == [1, 4]
    assert len(table.faults) == 1 and table.faults[0].startswith("line 2 ") and len(table.faults[0]) < 200


def test_headings_come_in_any_case(tmp_path: Path):
    spreadsheet, lines = "File_Name ; PROMPT\na.wav;slow", '{"File_Name": "a.wav", "Prompt": "slow"}'
    for name, text in (("a.csv", spreadsheet), ("b.jsonl", lines)):
        row = _read(tmp_path / name, text).rows[0].values
        assert first_text(row, ["file_name"]) == "a.wav" and first_text(row, CAPTION_KEYS) == "slow"


def test_mutated_tables_never_raise_and_account_for_every_line(tmp_path: Path):
    drawn = random.Random(3)
    for turn in range(150):
        lines = [drawn.choice(['a.wav,x', 'b.wav,"y, z"', 'c.wav,"two', 'lines"', "", ',', '"', '""', 'd.wav,5" tape'])
                 for _ in range(drawn.randrange(12))]  # fmt: skip
        table = _read(tmp_path / f"{turn}.csv", "\n".join(["file_name,caption", *lines]))
        numbers = [row.number for row in table.rows]
        assert numbers == sorted(set(numbers))
        known = {*numbers, *(int(fault.split()[1]) for fault in table.faults)}
        for number, line in enumerate(lines, start=2):
            if line in ("a.wav,x", 'd.wav,5" tape') and number not in known:
                owner = max(each for each in known if each < number)  # it lies within a cell of an earlier row
                assert line in str(next(row.values for row in table.rows if row.number == owner))


def test_a_caption_is_one_line_without_control_characters(tmp_path: Path):
    table = _read(tmp_path / "metadata.jsonl", '{"caption": "\\u0000slow\\u0000\\u001b\\r\\npiano\\u007f"}\n')
    assert first_text(table.rows[0].values, CAPTION_KEYS) == "slow piano" and not table.faults
