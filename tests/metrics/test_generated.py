"""Reading a folder of generated clips."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.metrics import load_generated


def _put(path: Path) -> None:
    save_audio(path, np.full(4000, 0.1), sample_rate=8000)


def test_metadata_names_captions_and_ids(tmp_path):
    for name in ("000.wav", "001.wav"):
        (tmp_path / name).touch()
    rows = [{"file_name": "001.wav", "caption": "b", "id": 7, "seed": 1}, {"file_name": "000.wav", "text": "a"}]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    first, second = load_generated(tmp_path)
    assert (first.audio.name, first.caption, first.key) == ("001.wav", "b", "7")
    assert (second.audio.name, second.caption, second.key) == ("000.wav", "a", "000")


def test_any_folder_of_audio_does_without_captions(tmp_path):
    for name in ("b.MP3", "a.flac", "notes.txt"):
        (tmp_path / name).touch()
    assert [(clip.audio.name, clip.caption) for clip in load_generated(tmp_path)] == [("a.flac", ""), ("b.MP3", "")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1 is not valid JSON"),
        ('{"a": 1}', "names no `file_name`"),
        ('{"file_name": "x.wav"}', "does not exist"),
    ],
)
def test_bad_metadata_is_named(tmp_path, line, message):
    (tmp_path / "metadata.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=message):
        load_generated(tmp_path)


def test_no_folder_and_no_audio_are_named(tmp_path):
    with pytest.raises(UserError, match="give a folder of generated clips"):
        load_generated(tmp_path / "nowhere")
    with pytest.raises(UserError, match="contains no audio"):
        load_generated(tmp_path)


def test_other_listings_and_captions_beside_the_files_are_read(tmp_path):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).touch()
    (tmp_path / "a.txt").write_text("slow\n piano ")
    assert [(clip.key, clip.caption) for clip in load_generated(tmp_path)] == [("a", "slow piano"), ("b", "")]
    (tmp_path / "metadata.csv").write_text('file_name,text,id\nb.wav,"loud, fast",7\n')
    assert [(clip.key, clip.caption) for clip in load_generated(tmp_path)] == [("7", "loud, fast")]
    (tmp_path / "manifest.jsonl").write_text(json.dumps({"path": "a.wav", "description": "calm"}))
    assert [(clip.key, clip.caption) for clip in load_generated(tmp_path / "manifest.jsonl")] == [("a", "calm")]


def test_audio_that_the_listing_omits_is_told_and_audio_listed_twice_refused(tmp_path):
    for name in ("a.wav", "b.wav", "c.wav"):
        _put(tmp_path / name)
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "b.wav"}\n')
    notes: list[str] = []
    assert [clip.key for clip in load_generated(tmp_path, notes=notes)] == ["b"]
    assert len(notes) == 1 and "2 audio files" in notes[0] and "does not list a.wav" in notes[0]
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "b.wav"}\n\n{"file_name": "./b.wav", "caption": "x"}\n')
    with pytest.raises(UserError, match=r"line 3 names .*b\.wav, as line 1 does"):
        load_generated(tmp_path)


def test_a_listing_that_is_not_text_is_named(tmp_path):
    (tmp_path / "metadata.jsonl").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match=r"metadata\.jsonl begins as UTF-16"):
        load_generated(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"a": 1}',
        '{"file_name": "gone.wav"}',
        '{"file_name": "pipe.wav"}',
        '{"file_name": "cut.wav"}',
        f'{{"file_name": "{"n" * 500}.wav"}}',
        '{"file_name": "a.wav"}',
        '{"file_name": "a\\u0000.wav"}',
    ],
)
def test_a_clip_that_cannot_be_judged_costs_itself_alone(tmp_path: Path, line: str):
    for name in ("a.wav", "b.wav"):
        _put(tmp_path / name)
    (tmp_path / "cut.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:30])
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "captions.jsonl").write_text(f'{{"file_name": "a.wav"}}\n{line}\n{{"file_name": "b.wav"}}\n')
    notes: list[str] = []
    assert [clip.key for clip in load_generated(tmp_path, notes=notes)] == ["a", "b"]
    assert sum("not judged" in note and "do not list" not in note for note in notes) >= 1
    assert all(len(note) < 800 for note in notes)
    if "cut" not in line:
        with pytest.raises(UserError):
            load_generated(tmp_path)


def test_a_folder_without_a_table_leaves_out_what_cannot_be_decoded(tmp_path: Path):
    _put(tmp_path / "a.wav")
    (tmp_path / "a.caption.txt").write_bytes("weiche Flöte".encode("latin-1"))
    (tmp_path / "b.wav").write_bytes(b"no audio")
    (tmp_path / "c.wav").symlink_to("/dev/zero")
    notes: list[str] = []
    assert [clip.caption for clip in load_generated(tmp_path, notes=notes)] == ["weiche Flöte"]
    assert len(notes) == 3 and "Latin-1" in notes[0] and "b.wav" in notes[1] and "is a device" in notes[2]
    (tmp_path / "a.wav").unlink()
    with pytest.raises(UserError, match=r"b\.wav"):
        load_generated(tmp_path, notes=notes)


def test_semicolons_and_line_breaks_in_quotes_are_read_as_ingest_reads_them(tmp_path: Path):
    _put(tmp_path / "a.wav")
    (tmp_path / "metadata.csv").write_text('File_Name;Prompt\na.wav;"one\ntwo"\n')
    assert load_generated(tmp_path)[0].caption == "one two"
