"""Reconstructions against their originals, clip by clip: means with 95% intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from counterpoint.audio import load_audio
from counterpoint.codec.chunked import one_block_a_core
from counterpoint.codec.measures import MEASURES, Measure, clip_measures, measures_of
from counterpoint.config import read_json, write_json
from counterpoint.metrics.base import ByGroup, Functional, WeightedMean
from counterpoint.metrics.statistics import MIN_CLIPS, half_samples, interval, value_of
from counterpoint.metrics.visqol import visqol

if TYPE_CHECKING:
    from counterpoint.study.engine import Work

SAMPLE_RATE = 32_000
"""All are compared at this rate."""
CHANCE = "chance"
VISQOL = {
    "name": "visqol",
    "what": "Mean opinion score that ViSQOL predicts in audio mode, from 1 to about 4.75",
    "unit": "MOS-LQO",
    "better": "higher",
}


def measure(work: Work) -> None:
    """Write `scores.json`: what measures say of each view of the input `reconstruction`."""
    codec = read_json(work.inputs["reconstruction"] / "codec.json")
    folders = {view: work.inputs["reconstruction"] / view for view in codec["views"]}
    _write_measures(work, folders, measures=measures_of(keeps_phase=codec.get("keeps_phase", True)))


def measure_chance(work: Work) -> None:
    """Write `scores.json`: every measure where each clip's reconstruction is another clip, the next one."""
    _write_measures(work, {CHANCE: work.inputs["clips"] / "truth"}, measures=MEASURES, shift=1)


def ask_visqol(work: Work) -> None:
    """Write `scores.json`: ViSQOL's of each view."""
    program = Path(work.config["program"])
    views = read_json(work.inputs["reconstruction"] / "codec.json")["views"]
    folders = {view: work.inputs["reconstruction"] / view for view in views}
    _write(
        work,
        folders,
        compare=lambda estimate, reference: {"visqol": visqol(estimate, reference, program=program)},
        infos=[VISQOL],
    )


def _write_measures(work: Work, folders: Mapping[str, Path], *, measures: Sequence[Measure], shift: int = 0) -> None:
    def compare(estimate: Path, reference: Path) -> dict[str, float]:
        found, wanted = (load_audio(path, sample_rate=SAMPLE_RATE)[0] for path in (estimate, reference))
        length = min(len(found), len(wanted))  # resampling from another rate may be a sample off
        return clip_measures(found[:length], wanted[:length], sample_rate=SAMPLE_RATE, measures=measures)

    infos = [{"name": m.name, "what": m.what, "unit": m.unit, "better": m.better} for m in measures]
    _write(work, folders, compare=compare, infos=infos, shift=shift)


def _write(
    work: Work,
    folders: Mapping[str, Path],
    *,
    compare: Callable[[Path, Path], dict[str, float]],
    infos: Sequence[Mapping[str, Any]],
    shift: int = 0,
) -> None:
    """Compare every clip of every folder with the original `shift` places on."""
    windows = read_json(work.inputs["clips"] / "prompts.json")["windows"]
    truth = work.inputs["clips"] / "truth"
    names = [f"{window['id']}.wav" for window in windows]
    pairs = [(name, truth / names[(index + shift) % len(names)]) for index, name in enumerate(names)]
    groups = [window["row"] for window in windows]
    scores, done = {}, 0
    with one_block_a_core() as apply:
        for view, folder in folders.items():
            found: list[dict[str, float]] = []
            for values in apply(lambda pair: compare(*pair), [(folder / name, original) for name, original in pairs]):
                found.append(values)
                done += 1
                work.progress(done, len(names) * len(folders))
            scores[view] = {
                info["name"]: _score([each[info["name"]] for each in found], groups, share=not info["unit"])
                for info in infos
            }
    write_json(work.folder / "scores.json", {"measures": list(infos), "scores": scores})


def _score(values: Sequence[float], groups: Sequence[str], *, share: bool) -> dict[str, Any]:
    """The mean over clips that have a value, with its 95% interval; clips of one track are drawn together.

    Args:
        groups: the track of each clip.
        share: the values lie between 0 and 1, so the interval does too.
    """
    functional: Functional = WeightedMean(np.asarray(values))
    names = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    value, count = value_of(functional, len(values)), len(values)
    if MIN_CLIPS <= len(names) < count:
        functional, count = ByGroup(functional, np.array([names[group] for group in groups])), len(names)
    halves = half_samples(count, rng=np.random.default_rng([0, count]))
    low, high = interval(value, functional(halves), n=count)
    low, high = (max(low, 0.0), min(high, 1.0)) if share else (low, high)
    per_clip = [value if math.isfinite(value) else None for value in values]
    known = sum(value is not None for value in per_clip)
    if not known:
        value = low = high = float("nan")
    return {"value": value, "low": low, "high": high, "n": known, "per_clip": per_clip}
