"""The steps of every study that trains which tell whether its results mean anything."""

from __future__ import annotations

from counterpoint.config import TrainingConfig
from counterpoint.study.engine import Source, Step
from counterpoint.study.settings import ExamineConfig


def examined(*steps: Step | Source) -> list[Step | Source]:
    """The steps of a study, and those that tell whether its results mean anything: what each model that it trains has
    learned, and whether the clips that it judges are copies of the music that they learned from."""
    from counterpoint.results.learned import EXAMINES
    from counterpoint.study.steps.copies import find_copies
    from counterpoint.study.steps.evaluate import evaluate_systems
    from counterpoint.study.steps.examine import examine_model

    known = [step for step in steps if isinstance(step, Step)]
    trainings = [step for step in known if isinstance(step.config, TrainingConfig) and step.config.steps]
    found = []
    for step in trainings:
        inputs = {"model": step, "data": step.inputs["data"], "encode": step.inputs["encode"]}
        found.append(Step(f"{EXAMINES}{step.name}", examine_model, ExamineConfig(), inputs))
    for step in known:
        if step.function is evaluate_systems and trainings:
            inputs = {name: given for name, given in step.inputs.items() if name != "data"}
            found.append(Step(step.name.replace("evaluate", "copies", 1), find_copies, {}, inputs))
    return [*steps, *found]
