"""Changes of segments: what they are drawn from, and that nothing breaks."""

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.training.codec.augment import augmented
from counterpoint.training.codec.data import Clips

RATE, N = 3200, 6400


def tone(count: int) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 / RATE * np.arange(count))).astype(np.float32)


def change(seed: int, read=tone) -> np.ndarray:
    return augmented(read, np.random.default_rng(seed), samples=N, sample_rate=RATE)


@pytest.mark.parametrize("read", [tone, lambda count: np.zeros(count, np.float32)], ids=["tone", "silence"])
def test_every_segment_is_whole_finite_and_a_function_of_its_draws(read) -> None:
    for seed in range(40):
        found = change(seed, read)
        assert found.shape == (N,) and found.dtype == np.float32 and np.isfinite(found).all()
        assert np.array_equal(found, change(seed, read))


def test_half_of_the_segments_stay_as_they_are() -> None:
    untouched = sum(np.array_equal(change(seed), tone(N)) for seed in range(200)) / 200
    assert 0.4 < untouched < 0.7


def test_speed_moves_pitch_by_a_third_at_most() -> None:
    moved = []
    for seed in range(60):
        spectrum = np.abs(np.fft.rfft(change(seed) * np.hanning(N)))
        moved.append(12 * np.log2(spectrum.argmax() * RATE / N / 220))
    assert max(map(abs, moved)) < 4.5 and sum(abs(step) > 0.5 for step in moved) > 10


@pytest.fixture
def with_drums(tmp_path) -> Clips:
    """A clip of a tone and clicks, and its drum stem, the clicks; another without a stem, shorter than a segment."""
    clicks = np.zeros(5 * RATE, np.float32)
    clicks[::800] = 0.5
    save_audio(tmp_path / "0.wav", tone(5 * RATE) + clicks, sample_rate=RATE)
    save_audio(tmp_path / "drums.wav", clicks, sample_rate=RATE)
    save_audio(tmp_path / "1.wav", tone(RATE), sample_rate=RATE)
    paths = (tmp_path / "0.wav", tmp_path / "1.wav")
    return Clips(paths=paths, durations_s=(5.0, 1.0), sample_rate=RATE, drums=(tmp_path / "drums.wav", None))


def test_batches_of_changed_segments_depend_on_the_draws_alone_and_never_clip(with_drums: Clips) -> None:
    first, again, other = (
        with_drums.batch(np.random.default_rng(seed), batch_size=24, samples=N, augment=True) for seed in (1, 1, 2)
    )
    assert first.shape == (24, N) and np.isfinite(first).all() and 0.05 < np.abs(first).max() <= 1
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_drums_are_heard_alone_and_left_out(with_drums: Clips) -> None:
    kinds = set()
    for seed in range(60):
        part = with_drums._part(0, np.random.default_rng(seed), samples=N)
        tonal = np.abs(np.fft.rfft(part))[round(220 * N / RATE)] > 100
        kinds.add((bool(tonal), bool(np.abs(np.diff(part)).max() > 0.3)))
    assert kinds == {(True, True), (False, True), (True, False)}
