"""Reading and writing audio, seconds and frames, loudness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from counterpoint.audio import (
    Sound,
    audio_duration_s,
    frames,
    load_audio,
    normalize_loudness,
    save_audio,
    save_stream,
    seconds,
    stream_audio,
)
from counterpoint.config import UserError
from counterpoint.ingest.probe import probe


def _tone(duration_s: float, *, sample_rate: int, hz: float = 440.0) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(round(duration_s * sample_rate)) / sample_rate)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_saved_audio_comes_back_and_its_bytes_are_reproducible(tmp_path: Path, suffix: str):
    tone = _tone(0.5, sample_rate=32000)
    for name in ("one", "two"):
        save_audio(tmp_path / f"{name}{suffix}", tone, sample_rate=32000)
    audio, rate = load_audio(tmp_path / f"one{suffix}", sample_rate=None)
    assert rate == 32000 and audio.dtype == np.float32 and audio.shape == tone.shape
    assert np.abs(audio - tone).max() < 2 / 32768
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"two{suffix}").read_bytes()


def test_too_loud_audio_is_clipped_and_does_not_wrap(tmp_path: Path):
    save_audio(tmp_path / "x.wav", np.array([2.0, -2.0, 0.0]), sample_rate=8000)
    audio, _ = load_audio(tmp_path / "x.wav", sample_rate=None)
    assert np.allclose(audio, [1.0, -1.0, 0.0], atol=1e-4)


@pytest.mark.parametrize("own_rate", [8000, 44100, 96000])
def test_resampling_keeps_pitch_level_and_length(tmp_path: Path, own_rate: int):
    save_audio(tmp_path / "x.wav", _tone(1.0, sample_rate=own_rate), sample_rate=own_rate)
    audio, rate = load_audio(tmp_path / "x.wav", sample_rate=32000)
    assert rate == 32000 and abs(audio.size - 32000) <= 1
    assert np.abs(audio - _tone(1.0, sample_rate=32000)[: audio.size])[500:-500].max() < 5e-3


def test_channels_are_averaged_or_kept(tmp_path: Path):
    left, right = np.full(800, 0.5), np.full(800, -0.1)
    save_audio(tmp_path / "x.wav", np.stack([left, right]), sample_rate=8000)
    assert np.allclose(load_audio(tmp_path / "x.wav", sample_rate=None)[0], 0.2, atol=1e-4)
    both, _ = load_audio(tmp_path / "x.wav", sample_rate=16000, mono=False)
    assert both.shape == (2, 1600) and both.flags.c_contiguous


def test_a_part_is_the_same_as_a_slice_of_the_whole(tmp_path: Path):
    noise = np.random.default_rng(0).uniform(-1, 1, 8000)
    save_audio(tmp_path / "x.flac", noise, sample_rate=8000)
    whole, _ = load_audio(tmp_path / "x.flac", sample_rate=None)
    part, _ = load_audio(tmp_path / "x.flac", sample_rate=None, start_s=0.25, duration_s=0.5)
    assert np.array_equal(part, whole[2000:6000])
    rest, _ = load_audio(tmp_path / "x.flac", sample_rate=None, start_s=0.9, duration_s=5)
    assert np.array_equal(rest, whole[7200:])


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path):
    (tmp_path / "text.wav").write_text("hello")
    (tmp_path / "zero.wav").write_bytes(b"")
    save_audio(tmp_path / "empty.wav", np.zeros(0), sample_rate=8000)
    save_audio(tmp_path / "short.wav", np.zeros(80), sample_rate=8000)
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    for name, reason in {
        "missing.wav": "There is no audio file",
        "text.wav": "cannot be read as audio",
        "zero.wav": "cannot be read as audio",
        "empty.wav": "has no audio",
        "nan.wav": "not numbers",
    }.items():
        with pytest.raises(UserError, match=reason) as error:
            load_audio(tmp_path / name, sample_rate=8000)
        assert name in str(error.value)
    with pytest.raises(UserError, match="no audio after 3 s"):
        load_audio(tmp_path / "short.wav", sample_rate=None, start_s=3)
    with pytest.raises(UserError, match="positive"):
        load_audio(tmp_path / "short.wav", sample_rate=None, duration_s=0)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path):
    save_audio(tmp_path / "x.wav", np.zeros(80), sample_rate=8000)
    with pytest.raises(UserError, match="not numbers"):
        save_audio(tmp_path / "x.wav", np.array([np.nan]), sample_rate=8000)
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]
    assert load_audio(tmp_path / "x.wav", sample_rate=None)[0].size == 80
    with pytest.raises(UserError, match=r"\.wav or \.flac"):
        save_audio(tmp_path / "x.xyz", np.zeros(80), sample_rate=8000)


def test_frames_round_to_the_nearest_and_are_at_least_one():
    assert [frames(s, frame_rate=25) for s in (10, 0.03, 0.019, 0.06, 0.001)] == [250, 1, 1, 2, 1]
    assert all(
        frames(seconds(n, frame_rate=rate), frame_rate=rate) == n for n in range(1, 500) for rate in (25, 50, 99.7)
    )
    for bad in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UserError, match="positive number of seconds"):
            frames(bad, frame_rate=25)


def test_loudness_reaches_minus_20_dbfs_within_the_peak_limit():
    quiet = normalize_loudness(0.01 * _tone(1, sample_rate=8000), sample_rate=8000)
    assert np.isclose(20 * np.log10(np.sqrt(np.mean(quiet.astype(float) ** 2))), -20, atol=1e-3)
    click = np.zeros(8000)
    click[100] = 0.2
    assert np.isclose(np.abs(normalize_loudness(click, sample_rate=8000)).max(), 0.99)
    hiss = np.full(800, 1e-4, np.float32)
    assert np.array_equal(normalize_loudness(hiss, sample_rate=8000), hiss)
    assert normalize_loudness(np.zeros(0), sample_rate=8000).size == 0


@pytest.mark.parametrize(("own_rate", "sample_rate"), [(8000, 8000), (44_100, 32_000), (22_050, 32_000)])
@pytest.mark.parametrize("samples", [1, 700, 44_101, 123_456])
def test_a_stream_is_what_is_loaded_whole(tmp_path: Path, own_rate: int, sample_rate: int, samples: int):
    noise = np.random.default_rng(0).uniform(-1, 1, (2, samples))
    save_audio(tmp_path / "x.wav", noise, sample_rate=own_rate)
    whole, _ = load_audio(tmp_path / "x.wav", sample_rate=sample_rate)
    pieces = list(stream_audio(tmp_path / "x.wav", sample_rate=sample_rate, piece_s=0.7))
    assert np.array_equal(np.concatenate(pieces), whole) and whole.dtype == pieces[0].dtype == np.float32
    assert max(piece.size for piece in pieces) < 0.7 * sample_rate + 3000
    assert len(pieces) == 1 or samples > 0.7 * own_rate
    assert audio_duration_s(tmp_path / "x.wav") == pytest.approx(samples / own_rate)


@pytest.mark.parametrize("largest", [2e6, 1e30, -3e38])
def test_levels_that_no_music_has_are_refused_wherever_audio_enters(tmp_path: Path, largest: float):
    audio = np.full(8000, 0.1, np.float32)
    audio[4000] = largest
    soundfile.write(tmp_path / "loud.wav", audio, 8000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"has samples as large as .*, where full scale is 1, the first at 0\.500 s"):
        load_audio(tmp_path / "loud.wav", sample_rate=None)
    with pytest.raises(UserError, match="as large as"):
        Sound(audio, 8000)
    assert "as large as" in (probe(tmp_path / "loud.wav").error or "")


def test_samples_in_units_of_integers_are_taken(tmp_path: Path):
    soundfile.write(tmp_path / "x.wav", 32767 * _tone(0.5, sample_rate=8000), 8000, subtype="FLOAT")
    assert not probe(tmp_path / "x.wav").error
    assert load_audio(tmp_path / "x.wav", sample_rate=None)[0].max() > 10_000


@pytest.mark.parametrize("sample_rate", [1, 99, 2_000_000])
def test_sample_rates_that_no_music_has_are_refused(tmp_path: Path, sample_rate: int):
    soundfile.write(tmp_path / "x.wav", np.zeros(3000), sample_rate)
    with pytest.raises(UserError, match=rf"x\.wav cannot be read as audio \(its sample rate is {sample_rate} Hz\)"):
        load_audio(tmp_path / "x.wav", sample_rate=None)
    assert f"{sample_rate} Hz" in (probe(tmp_path / "x.wav").error or "")


def test_a_stream_tells_what_is_wrong_where_it_is(tmp_path: Path):
    audio = np.zeros((8000 * 3, 2))
    audio[8000 * 2 + 4000, 1] = np.inf
    soundfile.write(tmp_path / "inf.wav", audio, 8000, subtype="FLOAT")
    read = []
    with pytest.raises(UserError, match=r"inf\.wav has samples that are not numbers .* the first at 2\.500 s"):
        read.extend(stream_audio(tmp_path / "inf.wav", sample_rate=8000, piece_s=1.0))
    assert len(read) == 2
    with pytest.raises(UserError, match=r"the first at 2\.500 s"):
        load_audio(tmp_path / "inf.wav", sample_rate=None, start_s=1.0)
    save_audio(tmp_path / "empty.wav", np.zeros(0), sample_rate=8000)
    save_audio(tmp_path / "point.wav", np.zeros(1), sample_rate=32_000)
    (tmp_path / "text.wav").write_text("hello")
    for name, rate, reason in (
        ("empty.wav", 8000, "has no audio"),
        ("point.wav", 8000, "has no audio"),  # less than a sample at that rate
        ("text.wav", 8000, "cannot be read as audio"),
        ("missing.wav", 8000, "There is no audio file"),
    ):
        with pytest.raises(UserError, match=reason):
            list(stream_audio(tmp_path / name, sample_rate=rate))
        with pytest.raises(UserError, match=reason):
            load_audio(tmp_path / name, sample_rate=rate)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_audio_written_in_pieces_has_the_bytes_of_the_whole(tmp_path: Path, suffix: str):
    tone = np.stack([_tone(0.5, sample_rate=8000), _tone(0.5, sample_rate=8000, hz=300)])
    save_audio(tmp_path / f"whole{suffix}", tone, sample_rate=8000)
    pieces = np.array_split(tone, 7, axis=1)
    assert save_stream(tmp_path / f"pieces{suffix}", pieces, sample_rate=8000) == 4000
    whole, joined = (
        load_audio(tmp_path / f"{name}{suffix}", sample_rate=None, mono=False)[0] for name in ("whole", "pieces")
    )
    assert np.array_equal(whole, joined)


def test_a_stream_that_breaks_off_writes_nothing(tmp_path: Path):
    def pieces():
        yield np.zeros(800)
        raise UserError("no more")

    with pytest.raises(UserError, match="no more"):
        save_stream(tmp_path / "x.wav", pieces(), sample_rate=8000)
    with pytest.raises(UserError, match="not numbers"):
        save_stream(tmp_path / "x.wav", [np.zeros(8), np.array([np.nan])], sample_rate=8000)
    assert not list(tmp_path.iterdir())
