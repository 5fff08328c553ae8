"""Reading a folder of generated clips."""

import json

import pytest

from counterpoint.config import UserError
from counterpoint.metrics import load_generated


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
    [("{", "line 1 is not JSON"), ('{"a": 1}', "names no `file_name`"), ('{"file_name": "x.wav"}', "does not exist")],
)
def test_bad_metadata_is_named(tmp_path, line, message):
    (tmp_path / "metadata.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=message):
        load_generated(tmp_path)


def test_no_folder_and_no_audio_are_named(tmp_path):
    with pytest.raises(UserError, match="no folder of generated clips"):
        load_generated(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no audio"):
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
        (tmp_path / name).touch()
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "b.wav"}\n')
    notes: list[str] = []
    assert [clip.key for clip in load_generated(tmp_path, notes=notes)] == ["b"]
    assert len(notes) == 1 and "2 audio files" in notes[0] and "does not list a.wav" in notes[0]
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "b.wav"}\n\n{"file_name": "./b.wav", "caption": "x"}\n')
    with pytest.raises(UserError, match=r"line 3 names .*b\.wav, as line 1 does"):
        load_generated(tmp_path)


def test_a_listing_that_is_not_text_is_named(tmp_path):
    (tmp_path / "metadata.jsonl").write_bytes(b"\xff\xfe{")
    with pytest.raises(UserError, match=r"metadata\.jsonl is not UTF-8"):
        load_generated(tmp_path)
