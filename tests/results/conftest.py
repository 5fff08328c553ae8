"""Results of a small study, made up."""

from __future__ import annotations

import pytest

from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.results.records import Provenance, StepRecord, StudyInfo
from counterpoint.results.schema import Results, System

PAIR = ("autoregressive", "flow_matching")
DISTANCE = MetricInfo("fad_musicnn", "a distance", "", "lower", at_least=0.0)
MATCH = MetricInfo("tag_match_musicnn", "agreement with the caption", "", "higher", chance=0.0)


def score(info: MetricInfo, value: float) -> Score:
    per_clip = (value, None, value) if info is MATCH else None
    return Score(info.name, value, value - 1, value + 1, 3, info.unit, info.better, per_clip=per_clip)


def evaluation(first: float = 4.0, second: float = 6.0) -> Evaluation:
    """Two metrics of both systems, of the ground truth and of two halves of the reference."""
    values = {PAIR[0]: first, PAIR[1]: second, "ground_truth": 2.0}
    return Evaluation(
        n=3,
        seed=0,
        metrics=(DISTANCE, MATCH),
        scores={key: {info.name: score(info, value) for info in (DISTANCE, MATCH)} for key, value in values.items()},
        floors={"ground truth": {info.name: score(info, 1.0) for info in (DISTANCE, MATCH)}},
        differences=(Difference(DISTANCE.name, *PAIR, first - second, -3.0, -1.0, 0.01, 0.02, 3, True, effect=-0.5),),
        ids=dict.fromkeys(values, ("a", "b", "c")),
        notes=("Something is left out.",),
    )


def record(name: str, *, code: str = "c0de") -> StepRecord:
    return StepRecord(
        name=name, function=name, version=1, key=f"key-of-{name}", code=code, package="1.0", finished=1.0, seconds=2.5
    )


@pytest.fixture
def results() -> Results:
    return Results(
        study=StudyInfo(name="table2", kind="grid", shipped="table2", scale="debug", config={"kind": "grid"}),
        provenance=Provenance(steps={name: record(name) for name in ("train", "evaluate")}, changed=("train",)),
        systems={key: System(key=key, name=key, paradigm=key, clips=(f"steps/generate_{key}",)) for key in PAIR},
        evaluations={"evaluate": evaluation()},
    )
