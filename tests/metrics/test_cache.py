"""What was heard is kept, found by content and version, and never trusted when damaged."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.metrics import Clip, cache, features
from counterpoint.metrics.features import features_of

RATE = 32_000


class Counting:
    """A judge that counts what it is asked."""

    name, checkpoint = "counting", "none"

    def __init__(self, version: str = "1", value: float = 0.0):
        self.version, self.asked, self._value = version, 0, value

    def analyze(self, audio: np.ndarray, *, device: str) -> dict[str, np.ndarray]:
        self.asked += 1
        return {"embeddings": np.full((2, 3), audio.std() + self._value, np.float32)}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(tmp_path / "heard"))
    return tmp_path / "heard"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Clip]:
    def write(name: str, *, seed: int = 0, seconds: float = 1.0) -> Clip:
        audio = 0.1 * np.random.default_rng(seed).standard_normal(round(RATE * seconds))
        save_audio(tmp_path / name, audio.astype(np.float32), sample_rate=RATE)
        return Clip(tmp_path / name)

    return write


def test_a_clip_is_heard_once_and_what_is_kept_is_the_same_to_the_last_bit(kept, write):
    judge, clip = Counting(), write("a.wav")
    first, again = features_of(clip, [judge]), features_of(clip, [judge])
    assert judge.asked == 1
    assert again.signals == first.signals and (again.seconds, again.silent) == (first.seconds, first.silent)
    np.testing.assert_array_equal(again.outputs["counting"]["embeddings"], first.outputs["counting"]["embeddings"])
    assert again.outputs["counting"]["embeddings"].dtype == np.float32
    assert all(type(value) is float for value in again.signals.values())


def test_content_stretch_version_and_policy_each_make_it_listen_anew(kept, write, monkeypatch):
    judge, clip = Counting(), write("a.wav")
    features_of(clip, [judge])
    features_of(write("copy.wav"), [judge])
    assert judge.asked == 1  # the same bytes by another name
    features_of(write("b.wav", seed=1), [judge])
    assert judge.asked == 2
    features_of(Clip(clip.audio, start_s=0.25, duration_s=0.5), [judge])
    features_of(Clip(clip.audio, start_s=0.25), [judge])
    assert judge.asked == 4
    other = Counting(version="2")
    features_of(clip, [other])
    assert other.asked == 1
    monkeypatch.setattr(features, "policy", lambda: "another")
    features_of(clip, [judge])
    assert judge.asked == 5


def test_a_file_that_changes_in_place_is_another(kept, write):
    judge, clip = Counting(), write("a.wav")
    features_of(clip, [judge])
    write("a.wav", seed=3)
    os.utime(clip.audio, ns=(10**18, 10**18))
    features_of(clip, [judge])
    assert judge.asked == 2


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 and no more", b"noise"])
def test_a_damaged_entry_is_computed_anew(kept, write, damage):
    judge, clip = Counting(), write("a.wav")
    first = features_of(clip, [judge])
    for entry in kept.rglob("*.npz"):
        entry.write_bytes(damage)
    again = features_of(clip, [judge])
    assert judge.asked == 2 and again.signals == first.signals
    features_of(clip, [judge])
    assert judge.asked == 2  # and it was written again
    for entry in kept.rglob("*.npz"):
        entry.write_bytes(entry.read_bytes()[:-40])
    assert features_of(clip, [judge]).signals == first.signals


def test_off_keeps_nothing_and_a_folder_that_cannot_be_written_hinders_nobody(tmp_path, write, monkeypatch):
    judge, clip = Counting(), write("a.wav")
    monkeypatch.setenv(cache.FOLDER_VARIABLE, "off")
    features_of(clip, [judge])
    features_of(clip, [judge])
    assert judge.asked == 2 and cache.folder() is None
    monkeypatch.setenv(cache.FOLDER_VARIABLE, str(clip.audio / "below a file"))
    features_of(clip, [judge])
    assert judge.asked == 3
    monkeypatch.delenv(cache.FOLDER_VARIABLE)
    assert cache.folder() == Path.home() / ".cache" / "counterpoint" / "heard"


def test_threads_may_share_it(kept, write):
    judge, clip = Counting(), write("a.wav")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: features_of(clip, [judge]).signals, range(40)))
    assert all(each == found[0] for each in found)
    assert not [path for path in kept.rglob("*") if path.name.startswith(".")]  # no temporary file is left


def test_a_judge_that_hears_no_number_is_named_with_the_file_and_not_kept(kept, write):
    clip = write("a.wav")
    with pytest.raises(UserError, match=r"counting \(none\) gives embeddings for .*a\.wav that are not numbers"):
        features_of(clip, [Counting(value=np.nan)])
    good = Counting()
    features_of(clip, [good])
    assert good.asked == 1
