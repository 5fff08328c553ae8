"""Copies of training music lie next to it, whatever their level and however a codec has blurred them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from counterpoint.audio import save_audio
from counterpoint.metrics import Clip
from counterpoint.metrics.copies import nearest

RATE, SECONDS = 32_000, 1.0


def tune(seed: int) -> np.ndarray:
    """A few notes under a little noise, of a kind of their own for every seed."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(RATE * SECONDS)) / RATE
    notes = 100 * 2 ** rng.uniform(0, 5, 4)
    audio = sum(np.sin(2 * np.pi * note * time) * rng.uniform(0.2, 1) for note in notes)
    return (0.05 * audio + 0.01 * rng.uniform() * rng.standard_normal(len(time))).astype(np.float32)


def clips(folder: Path, name: str, audio: list[np.ndarray]) -> list[Clip]:
    found = []
    for index, each in enumerate(audio):
        path = folder / f"{name}{index}.wav"
        save_audio(path, each, sample_rate=RATE)
        found.append(Clip(path, id=f"{name}{index}"))
    return found


@pytest.fixture(scope="module")
def distances(tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    folder, rng = tmp_path_factory.mktemp("copies"), np.random.default_rng(0)
    training = [tune(seed) for seed in range(40)]
    blurred = [0.5 * each + 0.0005 * rng.standard_normal(len(each)).astype(np.float32) for each in training[:10]]
    systems = {
        "unheard": clips(folder, "unheard", [tune(seed) for seed in range(100, 120)]),
        "copies": clips(folder, "copies", training[:10]),
        "blurred": clips(folder, "blurred", blurred),
    }
    found, windows = nearest(systems, training=clips(folder, "training", training), duration_s=SECONDS)
    assert windows == 40
    return found


def test_a_copy_is_at_no_distance_and_a_quieter_noisy_one_is_near(distances: dict[str, np.ndarray]) -> None:
    border = np.quantile(distances["unheard"], 0.05)
    assert distances["copies"].max() < 0.01
    assert (distances["blurred"] < border).all()
    assert (distances["unheard"] < border).mean() <= 0.1
