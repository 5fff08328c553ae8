"""The time per clip of every system."""

from __future__ import annotations

import time

from counterpoint.bench.draw import Draw
from counterpoint.bench.workload import Workload
from counterpoint.generate import GenerationRequest, generate
from counterpoint.generate.model import load_model
from counterpoint.results.parts import Prompts, Times
from counterpoint.study.settings import TimingConfig
from counterpoint.study.work import Step, Work, computes
from counterpoint.study.workload import clips_config, run_of


def _drawn(step: Step) -> Workload:
    timing: TimingConfig = step.setting("timing")
    size, clips = timing.batch_size, timing.repeats * timing.batch_size
    duration_s = clips_config(step).duration_s
    return Workload(
        draws=[
            Draw(run_of(step.inputs[paradigm]), sampling, clips, duration_s, size)
            for paradigm, sampling in step.setting("systems").values()
        ]
    )


@computes("time_systems", version=1, workload=_drawn)
def time_systems(work: Work) -> None:
    """Write `Times`: by system, the seconds per clip in each turn, including text and codec.

    The systems take turns, so that disturbances affect all of them. The step can be continued.
    """
    timing: TimingConfig = work.config["timing"]
    systems = work.config["systems"]
    names = {paradigm for paradigm, _ in systems.values()}
    models = {name: load_model(work.inputs[name], device=work.device) for name in names}
    prompts = Prompts.read(work.inputs["prompts"])
    captions = [window.caption for window in prompts.windows[: timing.batch_size]]
    known = Times.read(work.folder).systems if Times.is_in(work.folder) else {}
    times = {system: list(known.get(system, ())) for system in systems}

    def draw(system: str) -> float:
        paradigm, sampling = systems[system]
        started = time.perf_counter()
        request = GenerationRequest(
            captions,
            duration_s=prompts.duration_s,
            seed=work.config["seed"],
            sampling=sampling,
            batch_size=timing.batch_size,
        )
        drawn = len(list(generate(request, model=models[paradigm])))
        return (time.perf_counter() - started) / drawn

    for turn in range(timing.repeats):
        for number, system in enumerate(systems):
            if len(times[system]) > turn:
                continue
            times[system].append(draw(system))
            Times(systems={name: tuple(seconds) for name, seconds in times.items()}).write(work.folder)
            work.progress(turn * len(systems) + number + 1, timing.repeats * len(systems))
