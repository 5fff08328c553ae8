"""The process that judges finds the results of the processes that analyzed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.config import UserError
from counterpoint.config.workers import Workers
from counterpoint.metrics import features
from counterpoint.metrics.ahead import analyze_ahead
from counterpoint.metrics.base import Clip
from counterpoint.metrics.cache import FOLDER_VARIABLE
from counterpoint.metrics.registry import judges


@pytest.mark.slow
def test_workers_hear_for_the_process_that_judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "analyzed"))
    noise = np.random.default_rng(0)
    clips = [Clip(tmp_path / f"{number}.wav") for number in range(3)]
    for clip in clips:
        save_audio(clip.audio, (0.1 * noise.standard_normal(48_000)).astype(np.float32), sample_rate=16_000)
    analyze_ahead(clips, workers=Workers(2))

    def deaf(*_: object) -> None:
        raise AssertionError("it was analyzed already")

    for name in ("signals", "output_of"):
        monkeypatch.setattr(features._Sound, name, deaf)
    found = [features.features_of(clip, judges=judges()) for clip in clips]
    assert all(each.seconds == pytest.approx(3) for each in found)


def test_workers_need_a_folder_for_what_they_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, "off")
    analyze_ahead([], workers=Workers())
    with pytest.raises(UserError, match="--workers needs a cache folder: set COUNTERPOINT_HEARD"):
        analyze_ahead([], workers=Workers(2))
