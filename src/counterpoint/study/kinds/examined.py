"""The steps of every study that trains which check whether its results are meaningful."""

from __future__ import annotations

from counterpoint.config import TrainingConfig
from counterpoint.study.settings import ExamineConfig
from counterpoint.study.work import Source, Step


def examined(*steps: Step | Source) -> list[Step | Source]:
    """The steps of a study, plus those that check whether its results are meaningful: an examination of each model that
    it trains, and a search for copies of the training music among its clips."""
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
