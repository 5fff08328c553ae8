"""Beats of music that is known: where they are, which begin a bar, and nothing where nothing sounds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from counterpoint.analysis import beat_this, beats
from counterpoint.analysis.annotation import Annotation
from counterpoint.analysis.beats import count_bars, detect_bars, detect_beats
from counterpoint.config import UserError
from counterpoint.metrics.adherence_measures import beat_f1
from fake_device import FAKE, no_cpu

RATE = 22_050


def march(*, bpm: float, beats_a_bar: int, bars: int, first_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Audio and beat times: a hat a beat, on the first of a bar a bass and another chord."""
    beat_s = 60 / bpm
    count = bars * beats_a_bar
    audio = np.zeros(round((first_s + count * beat_s) * RATE))
    rng = np.random.default_rng(0)
    for beat in range(count):
        start = round((first_s + beat * beat_s) * RATE)
        time_s = np.arange(min(round(beat_s * RATE), len(audio) - start)) / RATE
        bar, place = divmod(beat, beats_a_bar)
        root = 220 * 2 ** ((0, 5, 7, 3)[bar % 4] / 12)
        sound = (
            0.1 * sum(np.sin(2 * np.pi * root * ratio * time_s) for ratio in (1, 1.2599, 1.4983)) * np.exp(-3 * time_s)
        )
        sound += 0.2 * rng.standard_normal(len(time_s)) * np.exp(-60 * time_s)
        if place == 0:
            sound += 0.7 * np.sin(2 * np.pi * 60 * time_s) * np.exp(-10 * time_s)
        audio[start : start + len(time_s)] += sound
    return audio.astype(np.float32), first_s + beat_s * np.arange(count)


@pytest.mark.parametrize(("bpm", "beats_a_bar", "first_s"), [(120.0, 4, 0.0), (100.0, 3, 0.3), (140.0, 4, 0.21)])
def test_beats_and_bars_of_a_march_and_a_waltz(bpm: float, beats_a_bar: int, first_s: float) -> None:
    audio, true = march(bpm=bpm, beats_a_bar=beats_a_bar, bars=6, first_s=first_s)
    heard = detect_beats(audio, sample_rate=RATE)
    assert beat_f1(true.tolist(), [time for time, _ in heard]) > 0.9
    downbeats = [time for time, position in heard if position == 1]
    assert beat_f1(true[::beats_a_bar].tolist(), downbeats) > 0.9
    assert max(position for _, position in heard) == beats_a_bar
    shifted = (true[1::beats_a_bar]).tolist()
    assert beat_f1(shifted, downbeats) < 0.2  # the measure can fail


def test_composed_clips_far_above_chance() -> None:
    from counterpoint.compose import render_clip

    clips = [render_clip(2024, index, duration_s=8.0) for index in range(8)]
    true = [Annotation.of_row(clip.row).downbeats_s for clip in clips]
    heard = [
        [time for time, position in detect_beats(clip.audio, sample_rate=32_000) if position == 1] for clip in clips
    ]
    right = np.mean([beat_f1(*pair) for pair in zip(true, heard, strict=True)])
    chance = np.mean([beat_f1(*pair) for pair in zip(true, heard[1:] + heard[:1], strict=True)])
    assert right > 0.4 and right > chance + 0.2


def test_long_music_is_heard_a_minute_at_a_time_without_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    audio, true = march(bpm=120.0, beats_a_bar=4, bars=20)
    monkeypatch.setattr(beats, "_BLOCK_S", 13.0)  # 40 s in three blocks
    heard = detect_beats(audio, sample_rate=RATE)
    times = np.array([time for time, _ in heard])
    assert beat_f1(true.tolist(), times.tolist()) > 0.95
    assert np.diff(times).min() > 0.3
    assert sum(position == 1 for _, position in heard) >= 19


@pytest.mark.parametrize("audio", [np.zeros(RATE), np.zeros(0), 1e-6 * np.ones(2 * RATE), np.zeros(10)])
def test_silence_has_no_beat(audio: np.ndarray) -> None:
    assert detect_beats(audio.astype(np.float32), sample_rate=RATE) == ()


@pytest.mark.parametrize("samples", [1, 300, 3000, 20_000])
def test_short_sounds_break_nothing(samples: int) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    for time, position in detect_beats(noise, sample_rate=RATE):
        assert 0 <= time < samples / RATE and position >= 1


def test_what_half_the_spectrum_lacks_is_still_heard() -> None:
    audio, true = march(bpm=120.0, beats_a_bar=4, bars=5)
    low = audio[::1]
    from counterpoint.audio import resample

    heard = detect_beats(resample(low, own_rate=RATE, sample_rate=3200), sample_rate=3200)
    assert beat_f1(true.tolist(), [time for time, _ in heard]) > 0.8


@pytest.mark.parametrize(("length", "phase"), [(3, 0), (3, 2), (4, 0), (4, 3)])
def test_bars_begin_where_accents_are(length: int, phase: int) -> None:
    index = np.arange(25)
    accents = np.random.default_rng(1).standard_normal(25) + 3 * (index % length == phase)
    np.testing.assert_array_equal(count_bars(accents).positions, (index - phase) % length + 1)


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_few_beats_are_counted_too(count: int) -> None:
    positions = count_bars(np.ones(count)).positions
    assert len(positions) == count and (positions >= 1).all()


def test_the_count_is_as_sure_as_its_accents_are_clear() -> None:
    index, noise = np.arange(32), np.random.default_rng(2).standard_normal(32)
    clear, unclear = count_bars(noise + 5 * (index % 4 == 1)), count_bars(noise)
    assert clear.metre is not None and clear.downbeats is not None and unclear.downbeats is not None
    assert clear.downbeats > 0.95 > 0.6 > unclear.downbeats
    half_bar = count_bars(0.3 * noise + 3 * (index % 2 == 1))  # as strong on the third beat as on the first
    assert half_bar.metre is not None and half_bar.downbeats is not None
    assert half_bar.metre > 0.9 and 0.3 < half_bar.downbeats < 0.9
    nothing = count_bars(np.ones(1))
    assert nothing.metre is None and nothing.downbeats is None


def test_marches_are_surer_than_music_without_accents() -> None:
    audio, true = march(bpm=120.0, beats_a_bar=4, bars=6)
    sure = detect_bars(audio, sample_rate=RATE)
    assert sure.downbeats is not None and sure.downbeats > 0.8 and len(sure.beats) >= len(true) - 2
    assert detect_bars(np.zeros(RATE, np.float32), sample_rate=RATE).downbeats is None


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the published format, narrow and untrained, as a Lightning run of a compiled model writes it."""
    tracker = pytest.importorskip("beat_this.model.beat_tracker")
    shape = {"spect_dim": 128, "transformer_dim": 32, "ff_mult": 2, "n_layers": 1, "stem_dim": 32, "head_dim": 32}
    torch.manual_seed(0)
    model = tracker.BeatThis(**shape)
    with torch.no_grad():
        model.task_heads.beat_downbeat_lin.weight.mul_(50)
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    path = tmp_path_factory.mktemp("beat_this") / "small.ckpt"
    hyper = {**shape, "dropout": {"frontend": 0.1, "transformer": 0.2}, "lr": 0.001, "fps": 50, "sum_head": True}
    torch.save({"state_dict": state, "hyper_parameters": hyper, "pytorch-lightning_version": "2.1.3"}, path)
    return path


def test_a_checkpoint_of_beat_this_is_used(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    audio, _ = march(bpm=120.0, beats_a_bar=4, bars=20)  # 40 s: two windows
    given = detect_beats(audio, sample_rate=RATE, checkpoint=checkpoint)
    monkeypatch.setenv(beats.CHECKPOINT_VARIABLE, str(checkpoint))
    assert detect_beats(audio, sample_rate=RATE) == given != beats.track_beats(audio, sample_rate=RATE)
    assert all(0 <= time < 40 for time, _ in given)
    assert detect_beats(np.zeros(RATE, np.float32), sample_rate=RATE) == ()


def test_its_peaks_are_those_of_its_makers(checkpoint: Path) -> None:
    from beat_this.model.postprocessor import Postprocessor

    logits = torch.randn(2, 3000, generator=torch.Generator().manual_seed(0))
    logits[0, 100:102] = 9.0  # a peak between two frames
    expected, _ = Postprocessor()(logits[0], logits[1])
    np.testing.assert_allclose(beat_this._peaks(logits[0]) / beat_this.FRAME_RATE, expected)
    assert len(expected) > 200


def test_windows_equal_the_whole_where_both_see_enough(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = beat_this.load(checkpoint)
    spectrogram = beat_this._log_mel(np.random.default_rng(0).standard_normal(RATE * 4).astype(np.float32))
    assert spectrogram.shape == (201, 128)
    whole = beat_this._logits(model, spectrogram)
    direct = model(torch.nn.functional.pad(spectrogram, (0, 0, 6, 6))[None])["beat"][0, 6:-6]
    torch.testing.assert_close(whole[0], direct)
    monkeypatch.setattr(beat_this, "_CHUNK", 100)
    pieces = beat_this._logits(model, spectrogram)
    first = model(torch.nn.functional.pad(spectrogram[:94], (0, 0, 6, 0))[None])["downbeat"][0, 6:-6]
    torch.testing.assert_close(pieces[1][:88], first)  # of two windows the earlier one counts
    last = model(torch.nn.functional.pad(spectrogram[-94:], (0, 0, 0, 6))[None])["downbeat"][0, 6:-6]
    torch.testing.assert_close(pieces[1][-20:], last[-20:])


def test_beats_are_numbered_from_the_downbeats() -> None:
    times = np.arange(9) / 2
    numbered = beat_this.number_beats(times, downbeats=np.array([1.02, 2.5]))
    assert [position for _, position in numbered] == [2, 3, 1, 2, 3, 1, 2, 3, 4]
    assert [time for time, _ in numbered] == times.tolist()
    none = beat_this.number_beats(times, downbeats=np.zeros(0))
    assert 1 not in [position for _, position in none] and len(none) == 9
    assert beat_this.number_beats(np.zeros(0), downbeats=np.zeros(0)) == ()


def test_what_is_no_checkpoint_is_said_to_be_none(tmp_path: Path, checkpoint: Path) -> None:
    audio, _ = march(bpm=120.0, beats_a_bar=4, bars=1)
    with pytest.raises(UserError, match="is missing"):
        detect_beats(audio, sample_rate=RATE, checkpoint=tmp_path / "none.ckpt")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match="not a beat_this checkpoint"):
        detect_beats(audio, sample_rate=RATE, checkpoint=tmp_path / "other.ckpt")


def test_beat_this_gives_the_same_beats_on_another_device(checkpoint: Path) -> None:
    audio, _ = march(bpm=120.0, beats_a_bar=4, bars=20)
    with no_cpu():
        found = detect_beats(audio, sample_rate=RATE, checkpoint=checkpoint, device=FAKE)
    assert found and found == detect_beats(audio, sample_rate=RATE, checkpoint=checkpoint)
