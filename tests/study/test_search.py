"""A search over settings of a sampler: its grid, its rule for stopping, its resumption, and a tiny one as a whole."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from counterpoint.audio import load_audio
from counterpoint.cli.app import app
from counterpoint.config import FlowMatchingSampling, SamplingConfig, UserError, pick_sampling, read_json
from counterpoint.generate import AudioGeneration
from counterpoint.metrics import Difference, Evaluation, MetricInfo
from counterpoint.metrics.base import WeightedMean
from counterpoint.metrics.halves import Estimate, estimate
from counterpoint.report import Table
from counterpoint.results.parts import Window
from counterpoint.results.schema import Judged
from counterpoint.results.search import Cost, Found, Outcome, SearchResult, Standing
from counterpoint.study import load_study
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.pages.search import _edge, _order, _sentence, _stopping
from counterpoint.study.pages.search_page import ENDS, chart_lines, points_blocks, points_table, search_charts
from counterpoint.study.search.climb import Climbed, Drawer, climb
from counterpoint.study.search.points import Point, expand
from counterpoint.study.search.rule import comparisons, stand
from counterpoint.study.search.split import split
from counterpoint.study.shipped import find_study
from counterpoint.study.work import in_order
from untrained_codec import untrained_codec

RUNGS = (8, 16, 24)


def estimates(scores: np.ndarray) -> dict[str, Estimate | None]:
    """[points, n] made-up scores of clips, a track each."""
    tracks = [f"track-{index}" for index in range(scores.shape[1])]
    return {f"p{row}": estimate(WeightedMean(values), tracks=tracks, seed=0) for row, values in enumerate(scores)}


def survivors(scores: np.ndarray, *, keep: int = 1) -> list[list[str]]:
    """Points that go on from each rung but the last; lower is better."""
    active, found = list(range(len(scores))), []
    for n in RUNGS[:-1]:
        of_rung = {
            f"p{row}": values for row, values in zip(active, estimates(scores[active, :n]).values(), strict=True)
        }
        compared = comparisons(points=len(scores), rungs=len(RUNGS))
        standings = stand(of_rung, n=n, better="lower", keep=keep, compared=compared)
        active = [row for row in active if standings[f"p{row}"].goes_on]
        found.append([f"p{row}" for row in active])
    return found


def test_the_hopeless_go_at_once_and_the_near_stay() -> None:
    rng = np.random.default_rng(0)
    prompts = rng.normal(scale=9, size=24)  # hard and easy prompts, which pairing takes out
    scores = np.array([0.0, 0.05, 40.0, 0.8])[:, None] + prompts + rng.normal(size=(4, 24))
    first, second = survivors(scores)
    assert first == ["p0", "p1", "p3"]
    assert {"p0", "p1"} <= set(second)


def test_the_few_best_always_go_on() -> None:
    scores = np.arange(6)[:, None] * 100 + np.random.default_rng(1).normal(size=(6, 24))
    assert survivors(scores, keep=3) == [["p0", "p1", "p2"]] * 2
    assert survivors(scores, keep=1) == [["p0"]] * 2


@pytest.mark.parametrize("heavy", [False, True])
def test_noise_stops_the_best_in_less_than_one_search_of_twenty(heavy: bool) -> None:
    rng = np.random.default_rng(2)
    lost = trials = 0
    for _ in range(120):
        noise = rng.standard_t(3, size=(12, 24)) if heavy else rng.normal(size=(12, 24))
        last = survivors(noise)[-1]
        lost += "p0" not in last  # any of them may be called the best
        trials += 1
    assert lost / trials < 0.05


def test_a_higher_score_can_be_the_better() -> None:
    scores = np.array([0.0, 50.0])[:, None] + np.random.default_rng(3).normal(size=(2, 8))
    standings = stand(estimates(scores), n=8, better="higher", keep=1, compared=9)
    assert not standings["p0"].goes_on and standings["p1"].goes_on
    worse = standings["p0"]
    assert worse.best == "p1" and 45 < worse.bound < worse.difference_low < worse.difference < 55
    assert standings["p1"].difference == standings["p1"].bound == 0


def test_what_has_no_score_is_stopped_and_is_never_the_best() -> None:
    known = estimates(np.random.default_rng(4).normal(size=(2, 8)))
    standings = stand({"broken": None, **known}, n=8, better="lower", keep=3, compared=2)
    assert not standings["broken"].goes_on and math.isnan(standings["broken"].value)
    assert all(standings[key].best in known for key in known)


# Rungs, with a sampler that draws its prompt's number and counts.


class Killed(BaseException):
    """As SIGKILL: nothing after it runs that could tidy up."""


class Sampler:
    """Draws a constant that tells guidance and seed; dies before the draw number `until`."""

    def __init__(self, until: float = math.inf):
        self.until = until
        self.asked: list[tuple[float, int]] = []
        self.sizes: list[int] = []

    def __call__(self, captions: Sequence[str], *, seed: int, sampling: SamplingConfig) -> Iterator[AudioGeneration]:
        self.sizes.append(len(captions))
        for index, caption in enumerate(captions):
            if len(self.asked) >= self.until:
                raise Killed
            if sampling.guidance == 9:
                raise AssertionError("underflow in dt 0.0")
            self.asked.append((sampling.guidance, seed + index))
            level = (sampling.guidance + 0.01 * ((seed + index) % 7)) / 10
            audio = np.full(64, level, dtype=np.float32)
            yield AudioGeneration(audio, 32_000, caption, seed + index, 5, 10, None)


def points(*guidance: float) -> list[Point]:
    return expand(SamplingConfig(guidance=guidance[0]), guidance=guidance, axes=[])


def run(folder: Path, sampler: Sampler, *, guidance: Sequence[float] = (1, 2, 3, 4, 5)) -> Climbed:
    """Lower guidance is better; the score of a clip is its level."""
    ids = [f"clip-{index}" for index in range(24)]
    drawer = Drawer(folder, sampler, ids=ids, captions=ids, seed=100, batch_size=5)

    def judge(clips: Sequence[Path]) -> Estimate:
        levels = np.array([load_audio(clip, sample_rate=32_000)[0].mean() for clip in clips])
        return estimate(WeightedMean(levels), tracks=ids[: len(clips)], seed=0)

    return climb(points(*guidance), drawer=drawer, judge=judge, rungs=RUNGS, better="lower", keep=2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Climbed, Sampler]:
    sampler = Sampler()
    return run(tmp_path_factory.mktemp("whole"), sampler), sampler


def test_only_what_is_left_answers_more_prompts(whole: tuple[Climbed, Sampler]) -> None:
    climbed, sampler = whole
    assert climbed.chosen == "guidance-1"
    assert [len(climbed.standings[f"guidance-{value}"]) for value in (1, 2, 3, 4, 5)] == [3, 3, 1, 1, 1]
    assert len(sampler.asked) == 2 * 24 + 3 * 8 == sum(cost.clips for cost in climbed.costs.values())
    assert sampler.asked.count((2, 100 + 23)) == 1
    assert set(sampler.sizes) == {5, 3}  # memory: no more than a batch at once
    assert climbed.costs["guidance-1"].evaluations == 10 and climbed.costs["guidance-1"].passes == 5


@pytest.mark.parametrize("until", [0, 3, 8, 39, 40, 43, 56, 60, 71])
def test_a_killed_search_goes_on_and_draws_nothing_twice(
    until: int, whole: tuple[Climbed, Sampler], tmp_path: Path
) -> None:
    first, second = Sampler(until), Sampler()
    with pytest.raises(Killed):
        run(tmp_path, first)
    again = run(tmp_path, second)
    expected, counted = whole
    kept = [draw for draw in first.asked if draw not in second.asked]
    assert len(first.asked) - len(kept) < 5  # of the batch that was being drawn nothing had been written
    assert sorted(kept + second.asked) == sorted(counted.asked)
    assert again.standings == expected.standings and again.chosen == expected.chosen
    third = Sampler()
    assert run(tmp_path, third).standings == expected.standings
    assert not third.asked
    assert not list(tmp_path.glob("points/*/.*"))


def test_a_setting_that_cannot_be_drawn_ends_nothing_but_itself(tmp_path: Path) -> None:
    climbed = run(tmp_path, Sampler(), guidance=(1, 2, 9))
    assert climbed.chosen == "guidance-1"
    assert climbed.costs["guidance-9"].broken == "underflow in dt 0.0"
    assert [standing.goes_on for standing in climbed.standings["guidance-9"]] == [False]
    with pytest.raises(UserError, match=r"No setting of the search gave clips that can be evaluated .underflow"):
        run(tmp_path / "none", Sampler(), guidance=(9,))


# Prompts.


def windows(tracks: int, each: int) -> list[Window]:
    return [Window(id=f"{row}-{turn}", row=f"row-{row}") for row in range(tracks) for turn in range(each)]


def test_search_and_confirmation_share_no_track() -> None:
    parts = split(windows(9, 3), seed=1)
    rows = {part: [window.row for window in of_part] for part, of_part in parts.items()}
    assert not set(rows["search"]) & set(rows["confirmation"])
    assert sorted(map(len, rows.values())) == [12, 15]
    assert len(set(rows["search"][:5])) == 5  # one of every track before a second of any
    assert split(windows(9, 3), seed=1) == parts != split(windows(9, 3), seed=2)


@pytest.mark.parametrize(("tracks", "each"), [(7, 10), (14, 1)])
def test_too_little_music_for_both_is_refused(tracks: int, each: int) -> None:
    with pytest.raises(UserError, match=f"from {tracks} tracks; a search and its confirmation each need 8"):
        split(windows(tracks, each), seed=0)


# Configuration.


def appendix_d(scale: str, *changes: str) -> SearchStudy:
    study = load_study(find_study("appendix_d"), scale=scale, overrides=list(changes))
    assert isinstance(study, SearchStudy)
    return study


def test_the_paper_grid_is_whole_and_the_quick_one_says_what_it_leaves_out() -> None:
    paper, quick = (appendix_d(scale).searches for scale in ("paper", "quick"))
    for paradigm, count in (("autoregressive", 9 * 7 * 4), ("flow_matching", 9 * 6)):
        assert len(paper[paradigm].tried()) == len(paper[paradigm].points()) == count
        assert [point.key for point in quick[paradigm].points()] == [point.key for point in paper[paradigm].points()]
        assert sum(point.is_default for point in quick[paradigm].tried()) == 1
    skipped = next(point for point in quick["autoregressive"].points() if point.skipped)
    assert skipped.skipped == "top-k 500 is skipped at this scale" and skipped.guidance == 1


def test_it_trains_nothing_that_the_comparison_has_trained() -> None:
    own, quick = (
        {step.name: step.key for step in in_order(study.plan().values())}
        for study in (appendix_d("quick"), load_study(find_study("quick")))
    )
    assert {name for name, key in own.items() if key in quick.values()} == {
        *("data", "encode", "train_autoregressive", "train_flow_matching"),
        *("examine_train_autoregressive", "examine_train_flow_matching"),
    }


def test_what_it_would_draw_is_known_before() -> None:
    study = appendix_d("paper")
    workload = study.workload()
    assert len(workload.trainings) == 2
    assert len(workload.draws) == 9 * 7 * 4 + 9 * 6 + 4
    assert {draw.clips for draw in workload.draws} == {512}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("searches.autoregressive.axes=[[{steps: 10}, {steps: 20}]]", "autoregressive does not read 'steps'"),
        ("searches.flow_matching.default={top_p: 0.5}", "flow matching has no setting top_p"),
        ("searches.flow_matching.guidance=[]", "searches.flow_matching.guidance"),
        ("searches.flow_matching.axes=[[]]", "searches.flow_matching.axes.0"),
        ("searches.flow_matching.axes=[[{steps: 10}, {steps: 10}]]", "the grid has guidance-1_steps-10 twice"),
        ("searches.flow_matching.axes=[[{steps: 0}]]", "steps"),
        ("searches.flow_matching.axes=[[{guidance: 2}]]", "guidance has its own list"),
        ("searches.flow_matching.skip=[{solver: euler}, {solver: dopri5}]", "fewer than two points"),
        ("searches.flow_matching.skip=[{steps: 11}]", "skip names {'steps': 11}"),
        ("ladder.first=4", "ladder.first"),
        ("seeds=[0, 1]", "tunes one model"),
    ],
)
def test_what_makes_no_sense_is_refused(change: str, sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        appendix_d("quick", change)


def test_a_metric_that_is_not_here_is_known_before_anything_is_computed() -> None:
    study = appendix_d("quick", "evaluation.primary=fad_nobody")
    with pytest.raises(UserError, match="A verdict cannot be based on 'fad_nobody': the available metrics"):
        study.plan()


def test_points_are_named_in_words() -> None:
    found = appendix_d("paper").searches
    assert found["autoregressive"].points()[2].others == "temperature 1, top-p 0.6"
    assert found["flow_matching"].points()[5].others == "Dopri5"
    assert found["flow_matching"].points()[0].key == "guidance-1_solver-euler_steps-10"
    other = expand(FlowMatchingSampling(guidance=3, steps=7), guidance=[1, 2], axes=[[{"steps": 4}]])
    assert [point.is_default for point in other] == [True, False, False]
    assert replace(other[0], key="").settings == {"guidance": 3.0, "steps": 7}


# The report.


def made_up(paradigm: str, *, chosen: str = "b") -> SearchResult:
    """Three points: the default `a`, `b` and a stopped `c`; a fourth was skipped."""

    def standing(n: int, value: float, *, goes_on: bool) -> Standing:
        apart = value - 10
        return Standing(
            n=n,
            value=value,
            low=value - 1,
            high=value + 1,
            best="b",
            difference=apart,
            difference_low=apart - 1,
            difference_high=apart + 1,
            bound=apart - 2,
            goes_on=goes_on,
            reason="told",
        )

    def found(key: str, guidance: float, outcome: Outcome, *standings: Standing) -> Found:
        clips = standings[-1].n if standings else 0
        return Found(
            key=key,
            settings={"guidance": guidance, "steps": 4},
            guidance=guidance,
            others="4 steps",
            sampling=pick_sampling(paradigm, {"guidance": guidance, "steps": 4}).model_dump(mode="json"),
            is_default=key == "a",
            outcome=outcome,
            reason=f"of {key}",
            standings=standings,
            cost=Cost(clips=clips, seconds=clips * 0.5, passes=4, evaluations=8),
        )

    on, last = standing(8, 12, goes_on=True), standing(16, 12, goes_on=True)
    better = (each.model_copy(update={"value": 10}) for each in (on, last))
    points = (
        found("a", 1, "chosen" if chosen == "a" else "finished", on, last),
        found("b", 2, "chosen" if chosen == "b" else "finished", *better),
        found("c", 3, "stopped", standing(8, 40, goes_on=False)),
        found("d", 4, "skipped"),
    )
    prompts = tuple(f"clip-{index}" for index in range(16))
    return SearchResult(
        paradigm=paradigm,
        primary="kad_musicnn",
        better="lower",
        seed=0,
        rungs=(8, 16),
        keep=2,
        level=0.05,
        comparisons=2,
        prompts=prompts,
        reference=16,
        chosen=chosen,
        default="a",
        points=points,
    )


AR, FM = "autoregressive", "flow_matching"
METRIC = MetricInfo("kad_musicnn", "A distance.", "", "lower", title="Distance")


def page_of(
    *, gains: tuple[bool, bool] = (True, True), ahead: tuple[bool, bool] = (True, True), chosen: str = "b"
) -> Any:
    """What the verdict looks at: whether each paradigm's gain is shown; and, at the defaults and tuned, the lead of
    auto-regression."""
    pairs = [(f"{key}_tuned", f"{key}_default", -3, clear) for key, clear in zip((AR, FM), gains, strict=True)]
    pairs += [(f"{AR}_{end}", f"{FM}_{end}", -4, clear) for end, clear in zip(ENDS, ahead, strict=True)]
    found = []
    for first, second, value, clear in pairs:
        reach, p = (1, 0.001) if clear else (9, 0.5)
        span = (value, value - reach, value + reach, p, p, 16, True)
        found.append(Difference("kad_musicnn", first, second, *span))
    judged = Judged({"evaluate": Evaluation(16, 0, (METRIC,), {}, {}, tuple(found), {}, ())})
    searches = {AR: made_up(AR), FM: made_up(FM, chosen=chosen)}
    judged.metrics[METRIC.name] = METRIC
    return SimpleNamespace(judged=judged, metric=METRIC, searches=searches)


def test_the_verdict_claims_what_the_confirmation_shows() -> None:
    found = _sentence(page_of(gains=(True, False)))
    assert (
        "tuning improves auto-regression: its distance (kad_musicnn) changes by \u22123.0 [\u22124.0, \u22122.0]"
        in found
    )
    assert "no gain from tuning flow matching could be shown" in found
    kept = _sentence(page_of(gains=(True, False), chosen="a"))
    assert "for flow matching no setting was better than the default" in kept
    same, other = (_order(page_of(ahead=(True, tuned)), AR, FM) for tuned in (True, False))
    assert same.startswith("Tuning does not change") and same.count("auto-regression is ahead") == 2
    assert other.startswith("Tuning changes") and "with both tuned neither is clearly ahead" in other


def test_what_stopping_saved_is_counted() -> None:
    result = made_up("flow_matching")
    assert result.spent() == (8 * (16 + 16 + 8), 0.5 * 40)
    assert result.in_full() == (8 * 48, 0.5 * 48)
    told = _stopping(result, "flow_matching")
    assert "3 settings tried (1 more of the grid are left out at this scale); 1 were stopped early" in told
    assert "saved 17%" in told
    assert "the least guidance" in _edge(made_up("flow_matching", chosen="a")) and not _edge(result)


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    result = made_up("flow_matching")
    unknown = result.points[2].standings[0].model_copy(update={"value": math.nan})
    broken = result.points[2].model_copy(update={"standings": (unknown,)})
    result = result.model_copy(update={"points": (*result.points[:2], broken, result.points[3])})
    result.write(tmp_path)
    assert "NaN" not in (tmp_path / "search.json").read_text()
    again = SearchResult.read(tmp_path)
    assert math.isnan(again.points[2].standings[0].value)
    assert again.points[:2] == result.points[:2] and again.prompts == result.prompts
    table = points_table(again, "flow_matching")
    assert table.rows[-1].places[2][0].text == "not defined"


def test_every_point_is_in_the_tables_and_every_tried_one_in_the_chart() -> None:
    result = made_up("flow_matching")
    axes = [[{"steps": 4}, {"steps": 9}]]
    assert chart_lines(axes, result) == {"": {"4 steps": ["a", "b", "c"]}}
    page: Any = SimpleNamespace(
        searches={FM: result}, study=SimpleNamespace(searches={FM: SimpleNamespace(axes=axes)}), metric=METRIC
    )
    _, points, skipped = points_blocks(page)
    assert isinstance(points, Table) and isinstance(skipped, Table)
    assert [row.places[0][0].text for row in points.rows] == ["chosen", "finished", "stopped"]
    assert len(points.csv) == 2 + 2 + 1 + 1, "every point of the grid, rung by rung"
    assert [(row.label, row.places[0][0].text) for row in skipped.rows] == [("guidance 4, 4 steps", "of d")]
    [chart] = search_charts(page, FM)
    [line] = chart.lines
    assert [(point.x, point.name) for point in line.points] == [(1, "default"), (2, "best"), (3, "")]
    assert [point.is_stopped for point in line.points] == [False, False, True]
    assert chart.bounds == (11, 41) and chart.svg().count("<title>") >= 3


@pytest.mark.slow
def test_a_whole_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    changes = [f"codec={untrained_codec(tmp_path / 'codec')}", "training.text={width: 16, buckets: 64}"]
    arguments = ["study", "run", "appendix_d", "--scale", "debug", "--out", "out"]
    done = CliRunner().invoke(app, [*arguments, *(word for change in changes for word in ("--set", change))])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "out" / "report" / "index.html").read_text(encoding="utf-8")
    assert "<h1>Which settings of the sampler are best?" in page
    links = [link for link in re.findall(r'(?:src|href)="([^"]+)"', page) if not link.startswith("#")]
    assert all((tmp_path / "out" / "report" / link).is_file() for link in links)
    steps = tmp_path / "out" / "steps"
    for paradigm, tried in (("autoregressive", 9), ("flow_matching", 6)):
        found = SearchResult.read(steps / f"search_{paradigm}")
        assert len(found.tried) == tried
        assert all(point.reason for point in found.points)
        confirmed = read_json(steps / f"generate_{paradigm}_tuned" / "generation.json")
        assert confirmed["sampling"] == dict(found.point(found.chosen).sampling)
        lines = (steps / f"generate_{paradigm}_tuned" / "metadata.jsonl").read_text().splitlines()
        assert not {json.loads(line)["id"] for line in lines} & set(found.prompts)
        assert min(json.loads(line)["seed"] for line in lines) == 1000 + len(found.prompts)
