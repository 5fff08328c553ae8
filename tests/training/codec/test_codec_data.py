"""Random segments of audio files."""

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.data import save_dataset
from counterpoint.training.codec.data import open_clips


def test_batches_depend_on_the_draws_alone_and_never_clip(clips):
    first, again = (clips.batch(np.random.default_rng([3, 5]), batch_size=6, samples=800) for _ in range(2))
    other = clips.batch(np.random.default_rng([3, 6]), batch_size=6, samples=800)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert 0.05 < np.abs(first).max() <= 1.0
    assert len({row.tobytes() for row in first}) == 6


def test_a_rate_above_all_of_the_music_is_refused(tmp_path):
    save_audio(tmp_path / "audio" / "a.wav", np.zeros(16_000, np.float32), sample_rate=16_000)
    facts = {"audio": str(tmp_path / "audio" / "a.wav"), "caption": "", "duration_s": 1.0, "sample_rate": 16_000}
    row = {"id": "a", "channels": 1, **facts}
    folder = tmp_path / "dataset"
    save_dataset(folder, {"train": [row]}, info={"name": "toy", "kind": "ingested"}, audio_digests={"a": "a"})
    assert open_clips(folder, sample_rate=16_000).durations_s == (1.0,)
    assert open_clips(folder, sample_rate=8_000).batch(np.random.default_rng(0), batch_size=1, samples=80).shape == (
        1,
        80,
    )
    with pytest.raises(UserError, match="set it to 16000 or less"):
        open_clips(folder, sample_rate=32_000)
