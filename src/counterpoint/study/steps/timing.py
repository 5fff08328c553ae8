"""How long a clip of every system takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from counterpoint.config import read_json, write_json
from counterpoint.generate import generate
from counterpoint.generate.model import load_model

if TYPE_CHECKING:
    from counterpoint.study.engine import Work
    from counterpoint.study.kinds.samplers import TimingConfig

TIMES_FILE = "times.json"


def time_systems(work: Work) -> None:
    """Write `times.json`: by system, the seconds a clip took in each turn, text and codec included.

    The systems take turns, and whatever else the machine does falls on all of them. Goes on where it was.
    """
    timing: TimingConfig = work.config["timing"]
    systems = work.config["systems"]
    models = {name: load_model(work.inputs[name]) for name in {paradigm for paradigm, _ in systems.values()}}
    chosen = read_json(work.inputs["prompts"] / "prompts.json")
    captions = [window["caption"] for window in chosen["windows"][: timing.batch_size]]
    path = work.folder / TIMES_FILE
    times: dict[str, list[float]] = read_json(path) if path.is_file() else {system: [] for system in systems}

    def draw(system: str) -> float:
        paradigm, sampling = systems[system]
        started = time.perf_counter()
        clips = generate(
            captions,
            model=models[paradigm],
            duration_s=chosen["duration_s"],
            seed=work.config["seed"],
            sampling=sampling,
            batch_size=timing.batch_size,
        )
        drawn = len(list(clips))
        return (time.perf_counter() - started) / drawn

    for turn in range(timing.repeats):
        for number, system in enumerate(systems):
            if len(times[system]) > turn:
                continue
            times[system].append(draw(system))
            write_json(path, times)
            work.progress(turn * len(systems) + number + 1, timing.repeats * len(systems))
