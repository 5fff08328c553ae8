"""Audio in memory: what it takes, and what it refuses."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from counterpoint.audio import Sound
from counterpoint.config import UserError

TONE = 0.5 * np.sin(np.arange(800) / 10)


def test_any_array_or_tensor_is_a_sound() -> None:
    given = (TONE, TONE[None], TONE.tolist(), torch.tensor(TONE, requires_grad=True), (TONE * 32768).astype(np.int16))
    for audio in given:
        sound = Sound(audio, 8000)
        assert sound.audio.shape == (1, 800) and sound.audio.dtype == np.float32
        np.testing.assert_allclose(sound.mono, TONE, atol=1e-4)
    assert str(Sound(np.stack([TONE, TONE]), 8000)) == "2 channels of 0.10 s at 8000 Hz"


def test_a_file_and_a_pair_are_sounds(tmp_path: Path) -> None:
    stereo = Sound(np.stack([TONE, 0.5 * TONE]), 8000)
    path = stereo.save(tmp_path / "x.wav")
    read = Sound.of(path)
    np.testing.assert_allclose(read.audio, stereo.audio, atol=1e-4)
    assert Sound.of(read) is read and Sound.of((TONE, 8000), sample_rate=16_000).audio.shape == (1, 1600)


def test_a_notebook_gets_a_player() -> None:
    shown = re.search(r'src="data:audio/wav;base64,([^"]+)"', Sound(TONE, 8000)._repr_html_())
    assert shown
    audio, rate = soundfile.read(io.BytesIO(base64.b64decode(shown[1])))
    assert rate == 8000
    np.testing.assert_allclose(audio, TONE, atol=1e-4)


@pytest.mark.parametrize(
    ("audio", "rate", "sentence"),
    [
        (np.zeros(0), 8000, "is empty"),
        (np.zeros((800, 2)), 8000, "axes in the wrong order"),
        (np.zeros((1, 2, 3)), 8000, r"\[N\] or \[C, N\]"),
        (np.array(["a"]), 8000, r"\[N\] or \[C, N\]"),
        (np.full(8, np.nan), 8000, "not numbers"),
        (TONE, 0, "sample rate 0"),
        (TONE, True, "sample rate True"),
    ],
)
def test_what_is_no_sound_is_refused(audio: np.ndarray, rate: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Sound(audio, rate)
    with pytest.raises(UserError, match="is not audio"):
        Sound.of(3)  # pyright: ignore[reportArgumentType]
