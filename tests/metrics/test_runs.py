"""Several training runs: intervals that cover whatever varies, tests that claim no more than the runs allow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from counterpoint.config import UserError
from counterpoint.metrics import Clip
from counterpoint.metrics.base import MetricInfo, WeightedMean
from counterpoint.metrics.scoring import Scorer, mean_differences, mean_scores
from counterpoint.metrics.statistics import (
    between_runs,
    half_samples,
    interval,
    of_runs,
    pair_runs,
    paired_difference,
    unpaired_difference,
)
from counterpoint.metrics.systems import JudgedSystems, runs_note, same_prompts

NOTHING, LITTLE, MUCH = 0.0, 0.15, 1.0
"""Standard deviation between runs; that between prompts is 1, and of one answer 0.5."""
INFO = MetricInfo("m", "a made-up metric", "", "higher")


def answers(rng: np.random.Generator, *, trials: int, n: int, runs: int, between: float) -> np.ndarray:
    """[trials, n, runs] of which the truth is 0."""
    prompt, run, own = (rng.standard_normal(shape) for shape in ((trials, n, 1), (trials, 1, runs), (trials, n, runs)))
    return prompt + between * run + 0.5 * own


@pytest.mark.parametrize("between", [NOTHING, LITTLE, MUCH])
@pytest.mark.parametrize(("n", "runs"), [(32, 3), (96, 3), (32, 2)])
def test_intervals_of_means_over_runs_cover(n: int, runs: int, between: float) -> None:
    trials, rng = 400, np.random.default_rng(n + runs)
    halves = half_samples(n, rng=rng, resamples=300)
    covered, naive = 0, 0
    for values in answers(rng, trials=trials, n=n, runs=runs, between=between):
        functionals = [WeightedMean(run) for run in values.T]
        replicates, of_run = of_runs(functionals, halves), values.mean(0)
        low, high = interval(values.mean(), replicates.mean(1), n=n, runs=between_runs(of_run, replicates, n=n))
        covered += low <= 0 <= high
        if between == MUCH:
            low, high = interval(values.mean(), replicates.mean(1), n=n)
            naive += low <= 0 <= high
    assert covered >= 0.92 * trials
    if between == MUCH:
        assert 0 < naive < 0.6 * trials  # what the prompts alone say is no interval


@pytest.mark.parametrize("between", [NOTHING, LITTLE, MUCH])
@pytest.mark.parametrize(("n", "runs"), [(32, (3, 3)), (96, (3, 3)), (32, (3, 1)), (96, (2, 3))])
def test_intervals_of_differences_cover_and_tests_keep_their_level(
    n: int, runs: tuple[int, int], between: float
) -> None:
    """The side with one run does not vary: what another would change nobody can know."""
    trials, rng = 150, np.random.default_rng(n)
    first, second = (answers(rng, trials=trials, n=n, runs=count, between=between * (count > 1)) for count in runs)
    pairs = pair_runs(*(list("abc"[:count]) for count in runs))
    assert pairs.matched is (runs[0] == runs[1])
    found = [
        paired_difference(
            [WeightedMean(np.concatenate([a[:, i], b[:, j]])) for i, j in pairs.turns],
            n=n, seed=trial, runs=pairs, resamples=150,
        )
        for trial, (a, b) in enumerate(zip(first, second, strict=True))
    ]  # fmt: skip
    assert np.mean([each.low <= 0 <= each.high for each in found]) >= 0.92
    assert np.mean([each.p < 0.05 for each in found]) <= 0.08
    for trial, each in enumerate(found):
        assert each.value == pytest.approx(first[trial].mean() - second[trial].mean())


def test_without_runs_that_differ_in_prompts_a_difference_still_covers() -> None:
    rng, trials, size = np.random.default_rng(1), 150, (24, 40)
    first = answers(rng, trials=trials, n=24, runs=3, between=LITTLE)
    second = answers(rng, trials=trials, n=40, runs=2, between=LITTLE)
    pairs = pair_runs(list("abc"), list("de"))
    assert len(pairs.turns) == 6
    found = [
        unpaired_difference(
            [WeightedMean(np.concatenate([a[:, i], b[:, j]])) for i, j in pairs.turns],
            n=size, seed=trial, runs=pairs, resamples=200,
        )
        for trial, (a, b) in enumerate(zip(first, second, strict=True))
    ]  # fmt: skip
    assert np.mean([each.low <= 0 <= each.high for each in found]) >= 0.92
    assert np.mean([each.p < 0.05 for each in found]) <= 0.08


def test_runs_are_paired_by_seed_whatever_their_order() -> None:
    assert pair_runs(["0", "1", "2"], ["2", "0", "1"]).turns == ((0, 1), (1, 2), (2, 0))
    turns = pair_runs(["0", "1"], ["5"]).turns
    assert turns == ((0, 0), (1, 0))
    assert pair_runs([""], [""]) == pair_runs(["3"], ["3"])


def test_runs_that_agree_narrow_the_interval_and_runs_that_do_not_widen_it() -> None:
    rng = np.random.default_rng(0)
    one = answers(rng, trials=1, n=40, runs=1, between=0.0)[0]
    same, apart = np.repeat(one, 3, axis=1), one + np.array([-1.0, 0.0, 1.0])

    def width(values: np.ndarray) -> float:
        scored = Scorer({}).score([WeightedMean(run) for run in values.T], n=40, info=INFO)
        return scored.high - scored.low

    assert width(same) == pytest.approx(width(one))  # three times the same clips say no more
    assert width(apart) > 5 * width(one)
    noisy = one + 2 * rng.standard_normal((40, 3))
    assert width(noisy) < 0.8 * np.mean([width(run[:, None]) for run in noisy.T])


def test_scores_and_differences_of_values_name_their_runs() -> None:
    rng = np.random.default_rng(4)
    keys = [f"p{index}" for index in range(12)]
    systems = {
        name: {seed: {"m": dict(zip(keys, rng.standard_normal(12) + shift, strict=True))} for seed in seeds}
        for name, seeds, shift in (("a", "012", 2.0), ("b", "012", 0.0), ("c", "0", 0.0))
    }
    systems["a"]["1"]["m"]["p3"] = np.nan
    scorer = Scorer({}, resamples=100)
    score = mean_scores(systems["a"], infos=[INFO], scorer=scorer)["m"]
    assert score.seeds == 3 and score.n == 11 and score.per_clip is not None and score.per_clip[3] is None
    assert score.per_clip[0] == pytest.approx(np.mean([run["m"]["p0"] for run in systems["a"].values()]))
    found = mean_differences([("a", "b"), ("a", "c")], systems=systems, infos=[INFO], scorer=scorer, notes=[])
    assert [(each.seeds, each.n, each.paired) for each in found] == [(3, 11, True), (1, 11, True)]
    assert all(each.low > 0 for each in found)


def clips(folder: str, *, seeds: str = "", n: int = 10, captions: str = "") -> list[Clip]:
    return [
        Clip(Path(folder) / seed / f"{index}.wav", f"{captions}{index}" if captions else "", f"p{index}", seed=seed)
        for seed in seeds or ("",)
        for index in range(n)
    ]


def test_clips_are_sorted_by_run_and_keep_their_prompts() -> None:
    twice = [*clips("a", seeds="01"), *clips("b", seeds="01")]
    judged = JudgedSystems.of({"a": twice, "c": clips("c", n=20)}, [("a", "c")])
    assert list(judged.runs["a"]) == ["0", "1"] and judged.n == 20 and judged.count == 60
    assert judged.ids["a"][10] == "p0#2" and judged.prompts["p0#2"] == "p0"
    assert "a of 2. The intervals of the other systems" in runs_note(judged)[0]


def test_runs_of_different_prompts_or_too_few_are_refused() -> None:
    with pytest.raises(UserError, match="runs of a have different prompts: only one of '0' and '1' has 'p9'"):
        JudgedSystems.of({"a": clips("a", seeds="01")[:-1]}, [])
    with pytest.raises(UserError, match="a has 1 clip in a run; an interval needs at least 8"):
        JudgedSystems.of({"a": clips("a", seeds="01")[:11]}, [])
    with pytest.raises(UserError, match="a has 1 clip; an interval needs at least 8"):
        JudgedSystems.of({"a": clips("a", n=1)}, [])


def test_prompts_are_matched_by_captions_where_ids_say_nothing() -> None:
    first = clips("a", captions="a song ")
    nameless = [replace(clip, id="", audio=Path("b") / f"x{i}.wav", caption=clip.caption.upper() + "  ")
                for i, clip in enumerate(reversed(first))]  # fmt: skip
    notes: list[str] = []
    named = same_prompts({"a": first, "b": nameless}, notes=notes)
    assert [clip.key for clip in named["b"]] == [clip.key for clip in reversed(first)]
    assert notes == ["The clips of b are matched with those of a by their captions."]
    # Stems that agree by chance, over other captions, pair nothing.
    stems = {name: [replace(clip, id="") for clip in clips(name, captions=f"{name} ")] for name in "ab"}
    named = same_prompts(stems, notes=notes)
    assert not {clip.key for clip in named["a"]} & {clip.key for clip in named["b"]}
    # Ids that are given are believed.
    given = {"a": first, "b": clips("b", captions="another ")}
    assert same_prompts(given, notes=[]) == given
    assert same_prompts({"a": clips("a"), "b": clips("b")}, notes=[]) == {"a": clips("a"), "b": clips("b")}
