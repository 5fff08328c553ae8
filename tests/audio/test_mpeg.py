"""mp3 files keep their whole length: with and without the frame that says it, with tags before, between and behind."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import audio_duration_s, load_audio, stream_audio
from counterpoint.audio.mpeg import count_frames
from counterpoint.config import UserError

DURATION_S = 8.0
PICTURE = b"ID3\x03\x00\x00" + bytes([0, 0, 8, 0]) + b"\xff\xfb\x90\xc4" * 256
"""A tag of 1,024 bytes that look like headers of frames."""


def write_mp3(path: Path, *, rate: int = 44_100, channels: int = 1, mode: str = "VARIABLE") -> Path:
    """Loud noise, then quiet noise, so that a variable rate varies and the first frames tell little of the rest."""
    draw = np.random.default_rng(0)
    audio = draw.normal(0, 0.2, (round(DURATION_S * rate), channels))
    audio[len(audio) // 4 :] *= 0.01
    soundfile.write(path, audio, rate, "MPEG_LAYER_III", format="MP3", compression_level=0.6, bitrate_mode=mode)
    return path


def without_its_length(path: Path, *, before: bytes = b"", behind: bytes = b"") -> Path:
    """The same frames without the first one, which says how many there are."""
    frames = count_frames(path)
    assert frames is not None and frames.promised == frames.count
    path.write_bytes(before + path.read_bytes()[frames.first :] + behind)
    return path


@pytest.mark.parametrize(("rate", "channels"), [(44_100, 1), (48_000, 2), (22_050, 1), (8_000, 2)])
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize(("before", "behind"), [(b"", b""), (PICTURE, b"TAG".ljust(128, b"\xff"))])
def test_without_a_length_the_frames_count(
    tmp_path: Path, rate: int, channels: int, mode: str, before: bytes, behind: bytes
) -> None:
    path = write_mp3(tmp_path / "a.mp3", rate=rate, channels=channels, mode=mode)
    said = load_audio(path, sample_rate=None)[0]
    without_its_length(path, before=before, behind=behind)
    assert audio_duration_s(path) == pytest.approx(DURATION_S, abs=0.2)
    audio = load_audio(path, sample_rate=None)[0]
    assert len(audio) / rate == pytest.approx(audio_duration_s(path), abs=1e-6)
    late = next(late for late in range(3000) if np.allclose(audio[late : late + 2000], said[:2000], atol=1e-6))
    assert np.allclose(audio[late : late + len(said) - 4000], said[: len(audio) - late][: len(said) - 4000], atol=1e-6)
    pieces = np.concatenate(list(stream_audio(path, sample_rate=rate, piece_s=1.0)))
    np.testing.assert_allclose(pieces, audio, atol=1e-6)


def test_a_part_of_such_a_file_is_a_slice_of_the_whole(tmp_path: Path) -> None:
    path = without_its_length(write_mp3(tmp_path / "a.mp3"))
    whole = load_audio(path, sample_rate=None)[0]
    part = load_audio(path, sample_rate=None, start_s=1.0, duration_s=0.5)[0]
    np.testing.assert_allclose(part, whole[44_100 : 44_100 + 22_050], atol=1e-4)


def test_a_true_length_is_left_alone_and_a_broken_promise_stays_one(tmp_path: Path) -> None:
    path = write_mp3(tmp_path / "a.mp3")
    frames = count_frames(path)
    assert frames is not None and not frames.is_misjudged
    assert len(load_audio(path, sample_rate=None)[0]) == round(DURATION_S * 44_100)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    cut = count_frames(path)
    assert cut is not None and not cut.is_misjudged and cut.promised == frames.count > cut.count
    assert audio_duration_s(path) == pytest.approx(DURATION_S), "so that the file counts as cut short"


def test_files_joined_end_to_end_last_as_long_as_both(tmp_path: Path) -> None:
    path = write_mp3(tmp_path / "a.mp3")
    path.write_bytes(path.read_bytes() + PICTURE + path.read_bytes())
    assert audio_duration_s(path) == pytest.approx(2 * DURATION_S, abs=0.3)
    assert len(load_audio(path, sample_rate=None)[0]) / 44_100 == pytest.approx(2 * DURATION_S, abs=0.3)


def test_a_length_that_is_too_short_is_not_believed(tmp_path: Path) -> None:
    path = write_mp3(tmp_path / "a.mp3")
    content = bytearray(path.read_bytes())
    at = max(content.find(b"Xing"), content.find(b"Info"))
    content[at + 8 : at + 12] = struct.pack(">I", 20)
    path.write_bytes(content)
    assert audio_duration_s(path) == pytest.approx(DURATION_S, abs=0.2)


def test_what_is_no_mp3_has_no_frames(tmp_path: Path) -> None:
    for content in (b"", b"\xff", b"ID3", b"\xff\xfb" * 50, bytes(5000), b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f"):
        (tmp_path / "a.mp3").write_bytes(content)
        assert count_frames(tmp_path / "a.mp3") is None


def test_damaged_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    content = without_its_length(write_mp3(tmp_path / "a.mp3", rate=8000)).read_bytes()[:20_000]
    draw, read = np.random.default_rng(1), 0
    for _ in range(40):
        broken = bytearray(content)
        for place in draw.integers(0, len(broken), 30):
            broken[place] = draw.integers(0, 256)
        (tmp_path / "b.mp3").write_bytes(broken[: draw.integers(1, len(broken))])
        try:
            load_audio(tmp_path / "b.mp3", sample_rate=8000)
            read += 1
        except UserError as error:
            assert "b.mp3" in str(error)
    assert read > 5
