"""The decoder of text, and its lines."""

from __future__ import annotations

import ast
import gzip
import random
import warnings
from pathlib import Path

import pytest

import counterpoint
from counterpoint.config import UserError
from counterpoint.config.text import check_text, on_one_line, printable, read_text, split_lines

TEXT = "Grüße, slow piano\u2028soft\x0bstrings\x85end\n"
OTHERS = ("codec/loading.py", "generate/chart.py", "study/catalog.py", "study/report/assemble.py")
"""Files that divide messages or text of our own, or read music of a few lines."""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_text_comes_back_from_every_marked_encoding(tmp_path: Path, encoding: str):
    (tmp_path / "a.txt").write_bytes(TEXT.encode(encoding))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_text(tmp_path / "a.txt") == TEXT


def test_a_guessed_encoding_is_said(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes("Grüße – “soft”".encode("cp1252"))
    notes: list[str] = []
    assert read_text(tmp_path / "a.txt", notes=notes) == "Grüße – “soft”"
    assert len(notes) == 1 and "read as Latin-1" in notes[0]
    with pytest.warns(UserWarning, match="read as Latin-1"):
        read_text(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"RIFF\0\0\0\0WAVE", "not text"),
        ("a.txt", b"\xff\xfe{", "begins as UTF-16"),
        ("a.txt", b"\xef\xbb\xbf\xff", "begins as UTF-8"),
        ("a.gz", gzip.compress(b"x" * 1000, mtime=0)[:-9], "unpacked"),
        ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 30, "unpacked"),
        ("a.gz", b"no gzip", "unpacked"),
        ("a.gz", gzip.compress(b"x" * 1000, mtime=0)[:-8] + b"12345678", "unpacked"),
        ("a.gz", gzip.compress(b"x" * 5000, mtime=0), "unpacks to more"),
        ("a.txt", b"x" * 5000, "may have"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, name: str, data: bytes, said: str):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=said):
        read_text(tmp_path / name, most_bytes=4000)


@pytest.mark.parametrize("sign", ["\0", "\x07", "\x1b", "\x7f", "\x9b"])
def test_control_characters_are_refused_from_a_user_and_count_as_space_elsewhere(sign: str):
    with pytest.raises(UserError, match=r"The caption .* holds the control character .*; remove it"):
        check_text(f"slow{sign}piano", what="caption")
    assert on_one_line(f"{sign}slow{sign}\r\n\tpiano {sign}") == "slow piano"


def test_white_space_and_all_scripts_are_text():
    text = "a\tb\nc\u2028d\x85 \U0001f3b9 日本 e\u0301"
    assert check_text(text, what="caption") == text


def test_lines_end_at_line_ends_alone():
    assert split_lines("a\u2028b\x0b\x0c\x1c\x85c\nd\r\ne\rf") == ["a\u2028b\x0b\x0c\x1c\x85c", "d", "e", "f"]
    assert split_lines("") == []
    assert split_lines("a\n\n") == ["a", ""]
    drawn = random.Random(0)
    for _ in range(200):
        lines = ["".join(drawn.choices('ab," \u2028\x0b\x85', k=drawn.randrange(6))) for _ in range(drawn.randrange(9))]
        text = "".join(line + drawn.choice(["\n", "\r\n"]) for line in lines)
        assert split_lines(text) == lines


def test_nothing_divides_lines_in_another_way():
    root = Path(counterpoint.__file__).parent
    sites = [
        f"{path.relative_to(root)}:{node.lineno}"
        for path in root.rglob("*.py")
        if path.relative_to(root).as_posix() not in OTHERS
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "splitlines"
    ]
    assert not sites, f"str.splitlines divides at U+2028 too; use config.text.split_lines in {sites}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2Jred\x07", r"\x1b[2Jred\x07"),
        ("abc\u202ecba", r"abc\u202ecba"),
        ("caf\udce9.wav", r"caf\udce9.wav"),
        ("a\rb\x9bc\x00", r"a\rb\x9bc\x00"),
        ("caf\xe9 \U0001f3b5\n\t\u2028", "caf\xe9 \U0001f3b5\n\t\u2028"),
    ],
)
def test_a_terminal_gets_nothing_to_obey(text: str, shown: str):
    assert printable(text) == shown
