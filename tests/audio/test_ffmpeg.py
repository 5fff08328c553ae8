"""Formats that libsndfile does not decode are read by ffmpeg if it is installed; here a script takes its place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import audio_duration_s, ffmpeg, load_audio, stream_audio
from counterpoint.audio.files import READABLE, readable
from counterpoint.config import UserError
from counterpoint.ingest.probe import probe
from counterpoint.metrics import load_generated

STAND_IN = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/asked"
for out; do :; done
while [ "$1" != "-i" ]; do shift; done
in="${2#file:}"
head -c 4 "$in" | grep -q RIFF || { echo "Invalid data found when processing input" >&2; exit 1; }
cp "$in" "$out"
"""


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """The samples of a .wav under another name, which the stand-in accepts."""
    path = tmp_path / "clips" / "-song.m4a"
    path.parent.mkdir()
    samples = 0.3 * np.sin(np.arange(32_000) / 10)
    soundfile.write(path, samples, 16_000, format="WAV", subtype="FLOAT")
    return path


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "ffmpeg").write_text(STAND_IN)
    (folder / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_a_song_is_read_like_any_other(song: Path, installed: Path) -> None:
    assert ".m4a" in readable() and audio_duration_s(song) == 2.0
    audio, rate = load_audio(song, sample_rate=None)
    expected = soundfile.read(song.open("rb"), dtype="float32")[0]
    np.testing.assert_array_equal(audio, expected)
    part, _ = load_audio(song, sample_rate=None, start_s=0.5, duration_s=0.25)
    np.testing.assert_array_equal(part, expected[8_000:12_000])
    np.testing.assert_allclose(np.concatenate(list(stream_audio(song, sample_rate=rate))), expected)
    assert [clip.audio for clip in load_generated(song.parent)] == [song] and not probe(song).error
    asked = (installed / "asked").read_text()
    assert f"-protocol_whitelist file -i file:{song}" in asked and "-map 0:a:0" in asked


def test_what_ffmpeg_refuses_is_one_sentence(installed: Path, tmp_path: Path) -> None:
    path = tmp_path / "memo.m4a"
    path.write_bytes(b"\0" * 99)
    with pytest.raises(UserError, match=r"memo.m4a cannot be read as audio \(ffmpeg: Invalid data found"):
        load_audio(path, sample_rate=None)
    assert "Invalid data" in probe(path).error


def test_without_ffmpeg_the_remedy_is_named(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "is_installed", lambda: False)
    assert readable() == READABLE
    with pytest.raises(UserError, match="install ffmpeg, or convert the file"):
        load_audio(song, sample_rate=None)
