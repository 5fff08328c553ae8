"""Entropies are compared track by track, early and late apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

from counterpoint.metrics.entropies import EARLY, LATE, by_track, evaluate_entropies, reach_of

PAIRS = [("ar_all", "ar_text"), ("ar_all", "ar_null")]
TRACKS = [f"track-{index}" for index in range(8)]


def curves(steps: int) -> dict[str, np.ndarray]:
    """With all controls entropy is half a nat lower for 50 steps, and then a third higher."""
    rng = np.random.default_rng(0)
    base = 4 + rng.normal(0, 1, (8, 1)) + np.zeros((8, steps))
    shift = np.where(np.arange(steps) < 50, -0.5, 0.3) + 0.05 * np.linspace(-1, 1, 8)[:, None]
    return {"ar_text": base, "ar_all": base + shift, "ar_null": base + rng.normal(0, 0.02, (8, 1))}


def test_early_and_late_are_tested_apart_and_paired() -> None:
    found = evaluate_entropies(curves(80), pairs=PAIRS, names=TRACKS)
    tested = {(item.metric, item.second): item for item in found.differences}
    assert tested[EARLY, "ar_text"].value == pytest.approx(-0.5) and tested[EARLY, "ar_text"].high < 0
    assert tested[LATE, "ar_text"].value == pytest.approx(0.3) and tested[LATE, "ar_text"].low > 0
    own = {name: curve[:, :50].mean(axis=1) for name, curve in curves(80).items()}
    p = float(np.asarray(ttest_rel(own["ar_all"], own["ar_null"]))[1])
    assert tested[EARLY, "ar_null"].p == pytest.approx(p)
    assert tested[EARLY, "ar_null"].p_holm >= tested[EARLY, "ar_null"].p
    score = found.scores["ar_text"][EARLY]
    assert score.value == pytest.approx(own["ar_text"].mean()) and score.n == 8
    assert score.high - score.value == pytest.approx(reach_of(own["ar_text"]))
    assert found.ids["ar_all"] == tuple(TRACKS)


def test_short_clips_have_no_late_steps_and_one_track_no_tests() -> None:
    short = evaluate_entropies(curves(50), pairs=PAIRS, names=TRACKS)
    assert [info.name for info in short.metrics] == [EARLY] and set(short.scores["ar_all"]) == {EARLY}
    one = {name: curve[:1] for name, curve in curves(80).items()}
    alone = evaluate_entropies(one, pairs=PAIRS, names=TRACKS[:1])
    assert not alone.differences and alone.scores["ar_all"][EARLY].low == alone.scores["ar_all"][EARLY].high


def test_prompts_of_one_track_count_once() -> None:
    found = by_track(np.array([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]), ["a", "a", "b"])
    assert found.tolist() == [[2.0, 3.0], [9.0, 9.0]]
