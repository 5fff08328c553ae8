"""The verdict says what the intervals allow, and no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counterpoint.study.report import Difference, Metric, Score, System, Verdict, verdict

PAIR = ("autoregressive", "flow_matching")
SYSTEMS = [
    System("autoregressive", "Auto-regressive", "AR", ""),
    System("flow_matching", "Flow matching", "FM", ""),
]
FAD = Metric("fad_musicnn", "lower", "")
TAGS = Metric("tag_match_musicnn", "higher", "")
BRIGHTNESS = Metric("sig_centroid_hz", "neither", "")
FLOORS = {"autoregressive": "untrained_autoregressive", "flow_matching": "untrained_flow_matching"}
SCORES = {
    "fad_musicnn": {
        "autoregressive": Score(13, 11, 15, 64),
        "flow_matching": Score(16, 14, 18, 64),
        "untrained_autoregressive": Score(70, 60, 80, 64),
        "untrained_flow_matching": Score(17, 15, 19, 64),
    }
}
BETTER_FIRST = Difference("fad_musicnn", *PAIR, value=-3.3, low=-5.1, high=-1.6, p=0.001, p_holm=0.003, n=64)


def judged(*differences: Difference, metrics: tuple[Metric, ...] = (FAD, TAGS, BRIGHTNESS)) -> Verdict:
    return verdict(
        differences,
        scores=SCORES,
        metrics=metrics,
        systems=SYSTEMS,
        primary="fad_musicnn",
        pair=PAIR,
        floors=FLOORS,
    )


def test_a_lower_distance_is_better_and_comes_with_its_interval() -> None:
    sentence = judged(BETTER_FIRST).sentence
    assert "auto-regressive does better than flow matching" in sentence
    assert "lower by 3.3 [1.6, 5.1]" in sentence


def test_the_sign_turns_the_sentence() -> None:
    sentence = judged(replace(BETTER_FIRST, value=3.3, low=1.6, high=5.1)).sentence
    assert "flow matching does better than auto-regressive" in sentence
    assert "lower by 3.3 [1.6, 5.1]" in sentence


def test_where_higher_is_better_the_same_numbers_favour_the_other() -> None:
    higher = replace(FAD, better="higher")
    sentence = judged(BETTER_FIRST, metrics=(higher,)).sentence
    assert "flow matching does better than auto-regressive" in sentence
    assert "higher by" in sentence


@pytest.mark.parametrize(
    ("low", "high", "p_holm"),
    [(-5.1, 0.2, 0.2), (-0.1, 4.0, 0.001), (-5.1, -1.6, 0.06)],
    ids=["interval holds zero", "interval holds zero though p is small", "p too large once corrected"],
)
def test_no_difference_is_claimed_that_is_not_shown(low: float, high: float, p_holm: float) -> None:
    sentence = judged(replace(BETTER_FIRST, low=low, high=high, p_holm=p_holm)).sentence
    assert "no difference between auto-regressive and flow matching could be shown" in sentence
    assert "better" not in sentence


def test_an_interval_without_zero_that_fails_the_corrected_test_is_explained() -> None:
    sentence = judged(replace(BETTER_FIRST, p_holm=0.06)).sentence
    assert "leaves out zero" in sentence


def test_the_other_judges_are_counted_and_descriptions_are_not() -> None:
    tags = Difference("tag_match_musicnn", *PAIR, -0.1, -0.15, -0.05, 0.001, 0.002, 64)
    brightness = Difference("sig_centroid_hz", *PAIR, -300, -400, -200, 0.001, 0.002, 64)
    points = " ".join(judged(BETTER_FIRST, tags, brightness).points)
    assert "tag_match_musicnn favours flow matching" in points
    assert "sig_centroid_hz" not in points


def test_learning_is_claimed_only_where_the_intervals_are_apart() -> None:
    points = judged(BETTER_FIRST).points
    learned = [point for point in points if "has learned" in point]
    not_shown = [point for point in points if "has not been shown to beat its untrained floor" in point]
    assert len(learned) == len(not_shown) == 1
    assert learned[0].startswith("Auto-regressive")
    assert not_shown[0].startswith("Flow matching")


def test_a_missing_primary_metric_is_said() -> None:
    assert "could not be compared on fad_musicnn" in judged().sentence
