"""One item, one problem: whatever is wrong with a file, row, sidecar or folder, the rest of the library comes in."""

from __future__ import annotations

import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.config import UserError
from counterpoint.data import open_dataset
from counterpoint.ingest import IngestReport, ingest

TEXTS = ["a.txt", "a.caption.txt", "a.caption", "a_prompt.txt", "a.lab", "A.TXT", "a.wav.txt", "a.prompt.txt"]
TABLES = ["a.json", "metadata.jsonl", "captions.jsonl", "captions.csv", "Metadata.CSV", "metadata.tsv"]


def _put(path: Path, *, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).uniform(-0.5, 0.5, 9600), 8000)
    return path


def _ingest(src: Path) -> tuple[IngestReport, dict[str, str]]:
    """The report, and the caption of every clip."""
    out = src.parent / "out"
    report = ingest(src, out, workers=1)
    rows = {row["id"]: row["caption"] for part in open_dataset(out).splits.values() for row in part}
    assert report.found == report.clips + sum(report.count(kind) for kind in ("unreadable", "silent", "duplicate"))
    return report, rows


def _said(report: IngestReport, name: str) -> str:
    """The kind and reason of the problems of one path."""
    return "; ".join(f"{each.kind}: {each.reason}" for each in report.problems if Path(each.path).name == name)


def _make_odd(place: Path, kind: str) -> None:
    """Something at a path that is no readable regular file."""
    place.parent.mkdir(exist_ok=True, parents=True)
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "device":
        place.symlink_to("/dev/zero")
    elif kind == "nothing":
        place.symlink_to("/nowhere/at/all")
    elif kind == "loop":
        place.symlink_to(place.name)
    elif kind == "folder":
        place.mkdir()


@pytest.mark.parametrize("kind", ["pipe", "device", "nothing", "loop"])
@pytest.mark.parametrize("name", ["odd.wav", "a.txt", "a.json", "a.caption", "metadata.csv", "data.jsonl.gz"])
def test_what_is_no_regular_file_costs_itself_alone(tmp_path: Path, kind: str, name: str):
    src = tmp_path / "src"
    _put(src / "a.wav", seed=1)
    _put(src / "b.wav", seed=2)
    (src / "b.txt").write_text("kept")
    _make_odd(src / name, kind)
    report, rows = _ingest(src)
    assert rows == {"a.wav": "", "b.wav": "kept"}
    word = {"pipe": "named pipe", "device": "device", "nothing": "does not exist", "loop": "leads back to itself"}[kind]
    assert word in _said(report, name)


def test_names_of_any_kind_come_in_or_are_named(tmp_path: Path):
    src = tmp_path / "src"
    long = "n" * 251 + ".wav"
    for seed, name in enumerate([long, "a.b.c.wav", "new\nline.wav", "tab\t'quote\".wav", "-dash.wav", "é.wav"]):
        _put(src / name, seed=seed)
    _put(src / "x.wav", seed=9).rename(os.fsdecode(os.fsencode(src) + b"/caf\xe9.wav"))
    (src / os.fsdecode(b"fold\xe9r")).mkdir()
    _put(src / "y.wav", seed=10).rename(os.fsdecode(os.fsencode(src) + b"/fold\xe9r/y.wav"))
    report, rows = _ingest(src)
    assert len(rows) == 6 and long in rows
    assert report.count("unreadable") == 2
    assert "not UTF-8" in _said(report, "caf\\udce9.wav")
    json.dumps(report.to_dict(), ensure_ascii=False).encode()


def test_two_spellings_of_one_name_are_not_dropped_in_silence(tmp_path: Path):
    src = tmp_path / "src"
    _put(src / "caf\u00e9.wav", seed=1)
    _put(src / "cafe\u0301.wav", seed=2)
    report, rows = _ingest(src)
    assert len(rows) == 1 and report.found == 2 and report.count("unreadable") == 1


def test_a_folder_that_cannot_be_listed_is_named(tmp_path: Path, monkeypatch):
    src = tmp_path / "src"
    _put(src / "a.wav")
    _put(src / "closed" / "b.wav", seed=1)
    scandir = os.scandir

    def refuse(path="."):
        if str(path).endswith("/closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report, rows = _ingest(src)
    assert list(rows) == ["a.wav"]
    assert _said(report, "closed") == "closed folder: Permission denied"


@pytest.mark.parametrize("name", TEXTS)
def test_captions_in_files_of_text_as_trainers_write_them(tmp_path: Path, name: str):
    _put(tmp_path / "src/a.wav")
    (tmp_path / "src" / name).write_text("slow\npiano")
    report, rows = _ingest(tmp_path / "src")
    assert rows == {"a.wav": "slow piano"} and not report.problems


@pytest.mark.parametrize("key", ["caption", "Caption", "TEXT", "prompt", "description"])
@pytest.mark.parametrize("name", TABLES)
def test_captions_by_any_name_in_any_table(tmp_path: Path, key: str, name: str):
    _put(tmp_path / "src/a.wav")
    row = {key: "slow piano"} if name == "a.json" else {"file_name": "a.wav", key: "slow piano"}
    is_json = name.endswith(("json", "jsonl"))
    text = json.dumps(row) if is_json else "\n".join(map("\t".join, (row, row.values())))
    (tmp_path / "src" / name).write_text(text + "\n")
    report, rows = _ingest(tmp_path / "src")
    assert rows == {"a.wav": "slow piano"} and not report.problems


def test_a_lab_of_chords_is_no_caption(tmp_path: Path):
    _put(tmp_path / "src/a.wav")
    (tmp_path / "src/a.lab").write_text("0.0 2.1 C\n2.1 4.0 G\n")
    assert _ingest(tmp_path / "src")[1] == {"a.wav": ""}


def test_text_that_goes_unused_is_said(tmp_path: Path):
    src = tmp_path / "src"
    _put(src / "a.wav")
    (src / "a.json").write_text(json.dumps({"lyrics": "la", "style": "folk"}))
    (src / "b.txt").write_text("of no audio")
    (src / "README.txt").write_text("about")
    report, _ = _ingest(src)
    assert "has lyrics, style, and none of caption" in _said(report, "a.wav")
    assert _said(report, "src") == "unused text: README.txt and 1 more"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"[" * 100_000),
        ("a.json", b'{"caption": ' + b"1" * 5000 + b"}"),
        ("a.json", b'{"caption": "\\ud800"}'),
        ("a.json", b"\xff\xfe{"),
        ("a.json", b"5"),
        ("a.txt", b"RIFF\0\0\0\0"),
        ("data.jsonl", b'{"path": "a.wav", "info_path": 5}'),
        ("data.jsonl", b'{"path": "a.wav", "info_path": {"zip": "x"}}'),
        ("data.jsonl", b'{"path": "a.wav", "info_path": "' + b"i" * 500 + b'"}'),
        ("data.jsonl", b'{"path": "' + b"p" * 5000 + b'"}'),
        ("data.jsonl", b'{"path": "a\\u0000.wav"}'),
        ("data.jsonl", b'{"path": ["a"]}\n[]\n'),
        ("data.jsonl.gz", gzip.compress(os.urandom(3000))[:-40] + b"\xff" * 40),
        ("data.jsonl.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\0\xff\xff\xff\xff"),
        ("metadata.csv", b"file_name,caption\n" + b"p" * 500 + b",x\n"),
        ("metadata.csv", b'file_name,caption\nc.wav,"never closed\n' + b"d.wav,x\n" * 50),
        ("metadata.csv", b"file_name,caption\n../../../../dev/zero,x\n"),
        ("metadata.csv", b"\0\0\0\0"),
    ],
    ids=range(18),
)
def test_bad_text_costs_its_own_item(tmp_path: Path, name: str, data: bytes):
    src = tmp_path / "src"
    _put(src / "a.wav", seed=1)
    _put(src / "b.wav", seed=2)
    (src / "b.txt").write_text("kept")
    (src / name).write_bytes(data)
    report, rows = _ingest(src)
    assert rows == {"a.wav": rows["a.wav"], "b.wav": "kept"}
    assert any(problem.kind in ("broken metadata", "missing file") for problem in report.problems)
    assert all(len(problem.reason) < 400 and len(problem.path) < 400 for problem in report.problems)


def test_a_separator_inside_a_caption_keeps_it(tmp_path: Path):
    _put(tmp_path / "src/a.wav")
    (tmp_path / "src/metadata.jsonl").write_text(
        '{"file_name": "a.wav", "caption": "one\u2028two\x85three"}\n', "utf-8"
    )
    report, rows = _ingest(tmp_path / "src")
    assert rows["a.wav"].split() == ["one", "two", "three"] and not report.problems


@pytest.mark.parametrize("named", ["audio\\song.wav", "Audio/Song.wav", "AUDIO/SONG.WAV"])
def test_the_file_that_a_table_may_have_meant_is_named(tmp_path: Path, named: str):
    _put(tmp_path / "src/audio/song.wav")
    (tmp_path / "src/metadata.jsonl").write_text(json.dumps({"file_name": named, "caption": "x"}))
    report, _ = _ingest(tmp_path / "src")
    [missing] = [problem for problem in report.problems if problem.kind == "missing file"]
    assert "did you mean audio/song.wav?" in missing.reason


def test_a_guessed_encoding_is_said(tmp_path: Path):
    _put(tmp_path / "src/a.wav")
    (tmp_path / "src/a.txt").write_bytes("Größe".encode("latin-1"))
    report, rows = _ingest(tmp_path / "src")
    assert rows["a.wav"] == "Größe" and report.count("guessed encoding") == 1


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_damaged_audio_costs_itself_alone(tmp_path: Path, suffix: str):
    src, drawn = tmp_path / "src", random.Random(suffix)
    _put(src / "good.wav", seed=99)
    whole = bytearray(_put(tmp_path / f"whole{suffix}", seed=1).read_bytes())
    for turn in range(12):
        data = whole[: drawn.randrange(len(whole))] if turn % 2 else whole[:]
        for _ in range(drawn.randrange(30)):
            if data:
                data[drawn.randrange(len(data))] = drawn.randrange(256)
        (src / f"{turn}{suffix}").write_bytes(data)
    out = tmp_path / "out"
    report = ingest(src, out, workers=1)
    known = {row["id"] for part in open_dataset(out).splits.values() for row in part}
    assert report.found == 13 and "good.wav" in known
    assert known | {Path(problem.path).name for problem in report.problems} >= {path.name for path in src.iterdir()}


def test_what_stands_at_out_is_looked_at_first(tmp_path: Path):
    _put(tmp_path / "src/a.wav")
    (tmp_path / "out").mkdir()
    for content in ("[]", "5", '"x"'):
        (tmp_path / "out/dataset.json").write_text(content)
        with pytest.raises(UserError, match="not an ingested dataset"):
            ingest(tmp_path / "src", tmp_path / "out")
    with pytest.raises(UserError, match="not UTF-8"):
        ingest(tmp_path / "src", tmp_path / os.fsdecode(b"caf\xe9"))


@pytest.mark.parametrize("kind", ["pipe", "device", "nothing", "loop"])
def test_a_source_that_is_no_folder_is_refused(tmp_path: Path, kind: str):
    _make_odd(tmp_path / "data.jsonl", kind)
    with pytest.raises(UserError, match="give the folder of your music"):
        ingest(tmp_path / "data.jsonl", tmp_path / "out")


def test_machines_that_do_not_say_which_cores_may_be_used(tmp_path: Path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    _put(tmp_path / "src/a.wav")
    assert ingest(tmp_path / "src", tmp_path / "out").clips == 1
