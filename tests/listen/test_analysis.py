"""The analysis of ratings: it finds what is true as surely as it says, and who did not listen."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from counterpoint.listen.design import Screening
from counterpoint.listen.folder import ListeningTest, read_test
from counterpoint.listen.judgments import Judgment, Rater
from counterpoint.listen.results import analyse
from counterpoint.listen.screening import rules_in_words, screen
from counterpoint.listen.statistics import bradley_terry, crossed_means, krippendorff_alpha

New = Callable[..., Path]
Simulate = Callable[..., tuple[list[Rater], list[Judgment]]]
MEANS = {"ground_truth": 8.5, "ar": 5.5, "fm": 7.5, "fm_inversion": 4.5, "other_clip": 2.0}


def _study(rng: np.random.Generator, *, raters: int, items: int) -> tuple[np.ndarray, ...]:
    """Ratings of two systems with true means 0 and 1, by a model with all crossed effects."""
    grid = np.meshgrid(range(raters), range(items), range(2), indexing="ij")
    rater, item, system = (axis.ravel() for axis in grid)
    effects = (
        rng.normal(0, 1.0, raters)[rater]
        + rng.normal(0, 0.7, items)[item]
        + rng.normal(0, 0.5, (raters, 2))[rater, system]
        + rng.normal(0, 0.6, (items, 2))[item, system]
        + rng.normal(0, 1.5, len(rater))
    )
    return system + effects, system, rater, item


@pytest.mark.parametrize(("raters", "items"), [(21, 12), (40, 12)])
def test_intervals_cover_the_truth_where_those_of_independent_judgments_do_not(raters: int, items: int) -> None:
    rng = np.random.default_rng(5)
    covered = np.zeros(3)
    for _ in range(400):
        values, system, rater, item = _study(rng, raters=raters, items=items)
        found = crossed_means(values, system, rater, item, count=2)
        _, low, high, _ = found.interval(np.array([0.0, 1.0]))
        _, below, above, _ = found.interval(np.array([-1.0, 1.0]))
        naive = 1.96 * math.sqrt(found.naive[1])
        covered += [low <= 1 <= high, below <= 1 <= above, abs(found.values[1] - 1) <= naive]
    mean, difference, independent = covered / 400
    assert mean >= 0.92 and difference >= 0.92
    assert independent < 0.65, "1.96 s / sqrt(n) is about half of what it claims"


def test_the_variance_agrees_with_a_mixed_model() -> None:
    statsmodels = pytest.importorskip("statsmodels.api")
    import pandas as pd

    values, system, rater, item = _study(np.random.default_rng(1), raters=15, items=10)
    mine = system == 1
    frame = pd.DataFrame({"y": values[mine], "rater": rater[mine], "item": item[mine], "all": 1})
    parts = {"rater": "0 + C(rater)", "item": "0 + C(item)"}
    fitted = statsmodels.MixedLM.from_formula("y ~ 1", frame, groups="all", vc_formula=parts, re_formula="0").fit()
    found = crossed_means(values, system, rater, item, count=2)
    weights = np.array([0.0, 1.0])
    assert found.values[1] == pytest.approx(fitted.params["Intercept"], abs=1e-6)
    assert math.sqrt(found.variance(weights)) == pytest.approx(fitted.bse["Intercept"], rel=0.15)


def test_more_raters_narrow_only_what_varies_between_raters() -> None:
    values, system, rater, item = _study(np.random.default_rng(2), raters=30, items=12)
    found = crossed_means(values, system, rater, item, count=2)
    weights = np.array([0.0, 1.0])
    _, low, high, _ = found.interval(weights)
    assert found.raters_needed(weights, raters=30, half_width=(high - low) / 2 + 1e-9) == 0
    narrower = found.raters_needed(weights, raters=30, half_width=0.9 * (high - low) / 2)
    assert narrower is not None and narrower > 0
    assert found.raters_needed(weights, raters=30, half_width=0.01) is None, "items differ, whoever rates them"


def test_agreement_is_one_for_echoes_and_zero_for_noise() -> None:
    units = np.repeat(np.arange(50), 6)
    assert krippendorff_alpha(units.astype(float), units) == pytest.approx(1.0)
    assert krippendorff_alpha(np.random.default_rng(0).normal(size=300), units) == pytest.approx(0, abs=0.1)
    assert math.isnan(krippendorff_alpha(np.ones(300), units))
    # Krippendorff's own small table of interval data: two units, (1, 2) and (3, 3), one value alone
    alpha = krippendorff_alpha(np.array([1.0, 2, 3, 3, 9]), np.array([0, 0, 1, 1, 2]))
    observed, expected = 2 * 0.5 / 4, 2 * np.var([1, 2, 3, 3], ddof=1)
    assert alpha == pytest.approx(1 - 2 * observed / expected)


def test_bradley_terry_finds_strengths_from_pairs() -> None:
    rng, true = np.random.default_rng(0), np.array([1.0, 0.0, -1.0])
    first, second = rng.integers(0, 3, 6000), rng.integers(0, 3, 6000)
    kept = first != second
    first, second = first[kept], second[kept]
    share = rng.random(len(first)) < 1 / (1 + np.exp(true[second] - true[first]))
    assert bradley_terry(first.tolist(), second.tolist(), share.tolist(), count=3) == pytest.approx(true, abs=0.12)
    certain = bradley_terry([0] * 20, [1] * 20, [1.0] * 20, count=2)
    assert np.isfinite(certain).all() and certain[0] > 1


@pytest.fixture
def test_of_paper(new_test: New) -> ListeningTest:
    return read_test(new_test(items=6))


def test_a_study_of_forty_raters_recovers_the_true_means(test_of_paper: ListeningTest, simulate: Simulate) -> None:
    careless = ["random"] * 6 + ["constant"] * 2 + ["loudspeakers"] * 2 + ["hasty"] * 2
    inside, total, found_bad, kept_good = 0, 0, [], []
    for seed in range(4):
        raters, judgments = simulate(test_of_paper, raters=40, careless=careless, seed=seed)
        excluded = screen(test_of_paper, raters, judgments)
        found_bad.append(np.mean([rater in excluded for rater in range(40, 52)]))
        kept_good.append(np.mean([rater not in excluded for rater in range(40)]))
        found = analyse(test_of_paper, raters, judgments)
        for mean in found.means:
            # a scale with ends pulls extreme means towards its middle, by about this much
            inside += mean.low - 0.15 <= MEANS[mean.system] <= mean.high + 0.15
            total += 1
    assert np.mean(found_bad) >= 0.9 and np.mean(kept_good) >= 0.95
    assert total == 4 * 2 * 5 and inside / total >= 0.9


def test_results_say_what_is_apart_and_who_was_left_out(test_of_paper: ListeningTest, simulate: Simulate) -> None:
    raters, judgments = simulate(test_of_paper, raters=20, careless=["random", "constant", "loudspeakers", "hasty"])
    found = analyse(test_of_paper, raters, judgments, half_width=0.5)
    assert (found.entered, found.finished) == (24, 24) and found.kept == 24 - len(found.excluded)
    reasons = {each.rater: " ".join(each.reasons) for each in found.excluded}
    assert "attention" in reasons[21] and "all answers are the same" in reasons[22]
    assert "headphone check: 1 of 6" in reasons[23] and "too fast" in reasons[24]
    mean = found.mean("audio_match", "fm")
    assert mean and mean.n == 20 * 6 and mean.items == 6 and set(mean.per_item) == {*test_of_paper.items}
    assert mean.naive_low > mean.low and mean.naive_high < mean.high
    apart = {(each.first, each.second): each for each in found.differences if each.question == "audio_match"}
    assert len(apart) == 10 and apart["ground_truth", "other_clip"].p_holm < 0.001
    assert all(each.p_holm >= each.p for each in apart.values())
    assert found.agreement["audio_match"] > 0.5
    everyone = {each.system: each for each in found.unscreened if each.question == "audio_match"}
    assert everyone["fm"].n == 24 * 6, "results without screening stand beside"


def test_results_are_an_evaluation_as_any_judge_s(test_of_paper: ListeningTest, simulate: Simulate) -> None:
    found = analyse(test_of_paper, *simulate(test_of_paper, raters=12))
    evaluation = found.evaluation()
    assert [info.name for info in evaluation.metrics] == ["rated_transition_smoothness", "rated_audio_match"]
    score = evaluation.scores["fm"]["rated_audio_match"]
    assert score.per_clip and len(score.per_clip) == len(evaluation.ids["fm"]) == 6
    assert np.mean([value for value in score.per_clip if value is not None]) == pytest.approx(score.value)
    assert type(found).model_validate_json(found.model_dump_json()) == found


def test_nobody_yet_gives_empty_results(test_of_paper: ListeningTest) -> None:
    found = analyse(test_of_paper, [], [])
    assert (found.entered, found.judgments, found.means, found.differences) == (0, 0, (), ())


def test_rules_are_said_in_words_and_can_be_switched_off(test_of_paper: ListeningTest) -> None:
    assert len(rules_in_words(Screening())) == 6
    off = Screening(
        headphones=False, attention=0, reference_below_anchor=1, repeats=1, alike=False, too_fast=0
    )  # fmt: skip
    assert rules_in_words(off) == ()
