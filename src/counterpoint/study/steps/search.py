"""A search over the settings of one model's sampler, and what confirms it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from counterpoint.config import read_json, read_sampling, write_json, write_json_lines
from counterpoint.generate import generate, generate_folder
from counterpoint.generate.model import load_model
from counterpoint.results.search import Cost, Found, Outcome, SearchResult
from counterpoint.study.search.climb import Climbed, Drawer, climb
from counterpoint.study.search.ear import Ear
from counterpoint.study.search.points import Point
from counterpoint.study.search.rule import LEVEL, comparisons
from counterpoint.study.search.split import split
from counterpoint.study.steps.evaluate import training_music

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.search import Grid, LadderConfig
    from counterpoint.study.kinds.trained import PromptsConfig


def take_part(work: Work) -> None:
    """Write the `part` of the prompts that the search goes by, or that confirms it, as the step `prompts` does.

    `first` in `prompts.json` is the place of the first one among all: prompt i of the part has the seed of `first + i`.
    """
    prompts = read_json(work.inputs["prompts"] / "prompts.json")
    parts = split(prompts["windows"], seed=work.config["seed"])
    windows = parts[work.config["part"]]
    first = 0 if work.config["part"] == "search" else len(parts["search"])
    truth = work.folder / "truth"
    truth.mkdir()
    for window in windows:
        shutil.copyfile(work.inputs["prompts"] / "truth" / f"{window['id']}.wav", truth / f"{window['id']}.wav")
    lines = [{"file_name": f"{each['id']}.wav", "caption": each["caption"], "id": each["id"]} for each in windows]
    write_json_lines(truth / "metadata.jsonl", lines)
    write_json(
        work.folder / "prompts.json",
        {"duration_s": prompts["duration_s"], "first": first, "windows": windows},
    )


def search(work: Work) -> None:
    """Write `search.json`, a `SearchResult`: the best setting of the input `model` on the prompts, found by rungs."""
    grid: Grid = work.config["grid"]
    ladder: LadderConfig = work.config["ladder"]
    prompts: PromptsConfig = work.config["prompts"]
    chosen = read_json(work.inputs["prompts"] / "prompts.json")
    windows, duration_s = chosen["windows"], chosen["duration_s"]
    captions, tracks = ([window[name] for window in windows] for name in ("caption", "row"))
    ear = Ear(
        work.config["primary"],
        reference=training_music(work.inputs["data"]),
        count=len(windows),
        duration_s=duration_s,
        seed=work.config["seed"],
    )
    drawer = Drawer(
        work.folder,
        partial(generate, model=load_model(work.inputs["model"]), duration_s=duration_s, batch_size=prompts.batch_size),
        ids=[window["id"] for window in windows],
        captions=captions,
        seed=prompts.seed + chosen["first"],
        batch_size=prompts.batch_size,
    )

    def judge(clips: Sequence[Path]) -> Any:
        return ear(clips, captions=captions[: len(clips)], tracks=tracks[: len(clips)])

    better = "lower" if ear.info.better == "lower" else "higher"
    rungs, points = ladder.rungs(len(windows)), grid.points()
    climbed = climb(
        points, drawer=drawer, judge=judge, rungs=rungs, better=better, keep=ladder.keep, progress=work.progress
    )
    tried = sum(not point.skipped for point in points)
    result = SearchResult(
        paradigm=work.config["paradigm"],
        primary=ear.info.name,
        better=better,
        seed=work.config["seed"],
        rungs=rungs,
        keep=ladder.keep,
        level=LEVEL,
        comparisons=comparisons(points=tried, rungs=len(rungs)),
        prompts=tuple(drawer.ids),
        reference=ear.reference,
        chosen=climbed.chosen,
        default=next(point.key for point in points if point.is_default),
        points=tuple(_found(point, climbed) for point in points),
    )
    result.write(work.folder)


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


def confirm(work: Work) -> None:
    """Answer the prompts, which the search never saw, with the setting that it has chosen, or, if the configuration
    says so, with its default."""
    prompts: PromptsConfig = work.config["prompts"]
    found = SearchResult.read(work.inputs["search"])
    chosen = read_json(work.inputs["prompts"] / "prompts.json")
    windows = chosen["windows"]
    generate_folder(
        [window["caption"] for window in windows],
        model=work.inputs["model"],
        out=work.folder,
        duration_s=chosen["duration_s"],
        seed=prompts.seed + chosen["first"],
        sampling=read_sampling(found.paradigm, found.point(getattr(found, work.config["take"])).sampling),
        ids=[window["id"] for window in windows],
        batch_size=prompts.batch_size,
        progress=work.progress,
    )
