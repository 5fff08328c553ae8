"""A search over the settings of one model's sampler, and its confirmation."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from counterpoint.bench.workload import Workload
from counterpoint.config import SamplingConfig, read_sampling
from counterpoint.generate import AudioGeneration, GenerationRequest, generate
from counterpoint.results.parts import Prompts
from counterpoint.results.search import Cost, Found, Outcome, SearchResult
from counterpoint.study.loading import model_at
from counterpoint.study.reference import reference_music
from counterpoint.study.search.climb import Climbed, Drawer, climb
from counterpoint.study.search.points import Point
from counterpoint.study.search.primary import PrimaryMetric
from counterpoint.study.search.rule import LEVEL, comparisons
from counterpoint.study.search.split import split
from counterpoint.study.settings import Grid, LadderConfig, PromptsConfig
from counterpoint.study.steps.generate import answer
from counterpoint.study.windows import list_clips
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import drawn, handled, nothing


@computes("take_part", version=1, workload=nothing)
def take_part(work: Work) -> None:
    """Write the `part` of the prompts for the search or for the confirmation, in the form of the step `prompts`."""
    prompts = Prompts.read(work.inputs["prompts"])
    parts = split(prompts.windows, seed=work.config["seed"])
    windows = parts[work.config["part"]]
    first = 0 if work.config["part"] == "search" else len(parts["search"])
    truth = work.folder / "truth"
    truth.mkdir()
    for window in windows:
        shutil.copyfile(work.inputs["prompts"] / "truth" / f"{window.id}.wav", truth / f"{window.id}.wav")
    list_clips(truth, {window.id: window.caption for window in windows})
    Prompts(duration_s=prompts.duration_s, windows=tuple(windows), first=first).write(work.folder)


def _searched(step: Step) -> Workload:
    """The work if no point is stopped, which is an upper bound."""
    grid: Grid = step.setting("grid")
    draws = [drawn(step, point.sampling) for point in grid.tried()]
    judged = handled(step, "judged", systems=1 + len(draws))
    return Workload(
        draws=[draw for each in draws for draw in each.draws],
        music=[judged, *(music for each in draws for music in each.music)],
    )


@computes("search", version=2, workload=_searched)
def search(work: Work) -> None:
    """Write a `SearchResult`: the best setting of the input `model` on the `prompts`, found in rungs.

    The reference of the metric has none of the tracks of `all_prompts`, which include those of the confirmation.
    """
    grid: Grid = work.config["grid"]
    ladder: LadderConfig = work.config["ladder"]
    prompts_config: PromptsConfig = work.config["prompts"]
    prompts = Prompts.read(work.inputs["prompts"])
    windows, duration_s = prompts.windows, prompts.duration_s
    captions, tracks = [window.caption for window in windows], [window.row for window in windows]
    primary = _primary(work, prompts)
    model = model_at(work.inputs["model"], device=work.device)

    def draw(captions: Sequence[str], *, seed: int, sampling: SamplingConfig) -> Iterator[AudioGeneration]:
        request = GenerationRequest(
            captions, duration_s=duration_s, seed=seed, sampling=sampling, batch_size=prompts_config.batch_size
        )
        return generate(request, model=model)

    drawer = Drawer(
        work.folder,
        draw,
        ids=[window.id for window in windows],
        captions=captions,
        seed=prompts_config.seed + prompts.first,
        batch_size=prompts_config.batch_size,
    )

    def judge(clips: Sequence[Path]) -> Any:
        return primary(clips, captions=captions[: len(clips)], tracks=tracks[: len(clips)])

    better = "lower" if primary.info.better == "lower" else "higher"
    rungs, points = ladder.rungs(len(windows)), grid.points()
    climbed = climb(
        points, drawer=drawer, judge=judge, rungs=rungs, better=better, keep=ladder.keep, progress=work.progress
    )
    tried = sum(not point.skipped for point in points)
    result = SearchResult(
        paradigm=work.config["paradigm"],
        primary=primary.info.name,
        better=better,
        seed=work.config["seed"],
        rungs=rungs,
        keep=ladder.keep,
        level=LEVEL,
        comparisons=comparisons(points=tried, rungs=len(rungs)),
        prompts=tuple(drawer.ids),
        reference=primary.reference,
        chosen=climbed.chosen,
        default=next(point.key for point in points if point.is_default),
        points=tuple(_found(point, climbed) for point in points),
    )
    result.write(work.folder)


def _primary(work: Work, prompts: Prompts) -> PrimaryMetric:
    return PrimaryMetric(
        work.config["primary"],
        reference=reference_music(work.inputs["data"], Prompts.read(work.inputs["all_prompts"]))[0],
        count=len(prompts.windows),
        duration_s=prompts.duration_s,
        seed=work.config["seed"],
        device=work.device,
    )


def _found(point: Point, climbed: Climbed) -> Found:
    outcome, reason = _outcome(point, climbed)
    return Found(
        key=point.key,
        settings=point.settings,
        guidance=point.guidance,
        others=point.others,
        sampling=point.sampling.model_dump(mode="json"),
        is_default=point.is_default,
        outcome=outcome,
        reason=reason,
        standings=tuple(climbed.standings.get(point.key, ())),
        cost=climbed.costs.get(point.key, Cost()),
    )


def _outcome(point: Point, climbed: Climbed) -> tuple[Outcome, str]:
    if point.skipped:
        return "skipped", point.skipped
    last = climbed.standings[point.key][-1]
    if point.key == climbed.chosen:
        return "chosen", f"best on all {last.n} prompts"
    if last.goes_on:
        return "finished", last.reason
    return "stopped", climbed.costs[point.key].broken or last.reason


def _confirmed(step: Step) -> Workload:
    """The work, with the cost of the default for the chosen setting."""
    found = step.inputs["search"]
    assert isinstance(found, Step)
    return drawn(step, found.setting("grid").default)


@computes("confirm", version=1, workload=_confirmed)
def confirm(work: Work) -> None:
    """Answer the prompts, which were not used for the search, with its chosen setting, or, according to the
    configuration, with its default."""
    found = SearchResult.read(work.inputs["search"])
    sampling = read_sampling(found.paradigm, found.point(getattr(found, work.config["take"])).sampling)
    answer(work, model_at(work.inputs["model"], device=work.device), sampling)
