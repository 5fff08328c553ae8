"""Gates: models that have learned nothing allow no conclusion, and the report says what they would need."""

from __future__ import annotations

import re
from typing import Any

import pytest

from counterpoint.config import DataConfig, ModelConfig, TrainingConfig
from counterpoint.examine import Beside, Estimate, Examination, Picks
from counterpoint.results.copies import Copies, Nearest
from counterpoint.results.costs import Curve, Model
from counterpoint.results.gates import DEBUG, forecast, standing
from counterpoint.results.learned import Learned
from counterpoint.results.records import Provenance, StudyInfo
from counterpoint.results.reference import Reference
from counterpoint.results.schema import Results, System
from counterpoint.training import TrainingResult

FALLING = tuple((updates, 2 + 8 * updates**-0.5) for updates in range(50, 450, 50))
PAIR = ("autoregressive", "flow_matching")


def model(paradigm: str = "flow_matching", *, curve: Any = FALLING, steps: int = 400, inpainting: float = 0.0) -> Model:
    best = min(curve, key=lambda point: point[1], default=(None, None))
    return Model(
        config=TrainingConfig(
            model=ModelConfig(paradigm=paradigm, inpainting=inpainting), data=DataConfig(dataset="data")
        ),
        result=TrainingResult(
            steps=steps,
            loss=2.0,
            valid_loss=curve[-1][1] if curve else None,
            wall_s=120.0,
            examples=8 * steps,
            audio_s=40.0 * steps,
            parameters=1000,
            peak_memory_bytes=1,
            device="cpu",
            processes=1,
            best_step=best[0],
            best_valid_loss=best[1],
        ),
        curve=Curve(valid=curve),
    )


def around(value: float, reach: float) -> Estimate:
    return Estimate(value, value - reach, value + reach)


def learned(paradigm: str, *, difference: Estimate | None = None, share: Estimate | None = None) -> Learned:
    names = {"autoregressive": ("unigram", "bigram"), "flow_matching": ("gaussian",)}[paradigm]
    beside = {name: Beside(around(2.6, 0.1), around(-1.0, 0.1)) for name in names}
    beside[names[-1]] = Beside(around(2.5, 0.1), difference or around(-0.3, 0.1))
    picks = Picks(share or around(0.4, 0.1), candidates=8, clips=96)
    return Learned(paradigm=paradigm, examination=Examination(96, 96, ("test",), around(2.2, 0.1), beside, picks))


def study(*, scale: str = "quick", models: dict[str, Model] | None = None, **found: Learned) -> Results:
    own = models or {f"train_{paradigm}": model(paradigm) for paradigm in PAIR}
    told = {paradigm: learned(paradigm) for paradigm in PAIR} | found
    return Results(
        study=StudyInfo(name="quick", kind="grid", scale=scale, config={"kind": "grid"}),
        provenance=Provenance(steps={}),
        systems={
            paradigm: System(key=paradigm, name=paradigm.replace("_", " "), model=f"train_{paradigm}")
            for paradigm in PAIR
        },
        models=own,
        learned={f"examine_train_{paradigm}": each for paradigm, each in told.items()},
    )


def test_models_that_have_learned_allow_a_conclusion() -> None:
    found = standing(study())
    assert found.passed and not found.sentence and not found.reasons


@pytest.mark.parametrize("difference", [around(0.2, 0.1), around(-0.05, 0.1), around(0.0, 0.0)])
def test_a_model_that_is_not_clearly_past_its_predictor_bars_the_verdict(difference: Estimate) -> None:
    """As an untrained model, one that is near it, and a unigram sampler."""
    found = standing(study(autoregressive=learned("autoregressive", difference=difference)))
    assert not found.passed
    assert found.sentence.startswith("Not yet: Autoregressive, 1 of 2 models, has not been shown to have learned")
    [reason] = found.reasons
    assert "not clearly below that of bigram counts" in reason and "over 96 clips" in reason
    assert "By a power law" in reason and "on the machine that trained it" in reason


@pytest.mark.parametrize("share", [around(0.125, 0.06), around(0.16, 0.08)])
def test_a_model_that_does_not_read_captions_bars_the_verdict(share: Estimate) -> None:
    found = standing(study(flow_matching=learned("flow_matching", share=share)))
    assert found.sentence.startswith("Not yet: Flow matching")
    [reason] = found.reasons
    assert "chance is 0.125, so this is not clearly above chance" in reason
    assert ("more clips would not help" in reason) == (share.value <= 0.125)


def test_debug_is_evidence_of_nothing_whatever_its_models_have_learned() -> None:
    found = standing(study(scale="debug"))
    assert not found.passed and found.sentence == DEBUG


def test_what_mostly_fills_in_spans_is_not_asked_for_captions() -> None:
    deaf = learned("flow_matching", share=around(0.125, 0.06))
    for share, passed in ((0.9, True), (0.2, False)):
        models = {"train_flow_matching": model(inpainting=share)}
        assert standing(study(models=models, flow_matching=deaf)).passed == passed


def test_every_training_seed_must_pass_and_what_was_not_examined_does_not() -> None:
    models = {"train_flow_matching": model(), "train_flow_matching@1": model()}
    found = standing(study(models=models))
    assert [gate.passed for gate in found.gates] == [True, False]
    assert found.gates[1].name == "Flow matching, seed 1"
    assert "run the study again" in found.reasons[0]


def test_a_study_without_models_is_not_barred() -> None:
    results = study().model_copy(update={"models": {}})
    assert standing(results).passed


def test_forecasts_say_what_would_help() -> None:
    assert re.search(r"about (890|900|910) updates, 4 min", forecast(model(), fall=8 * 400**-0.5 - 8 * 900**-0.5))
    assert "levels off above" in forecast(model(), fall=1.5)
    rising = (*FALLING[:4], *((updates, 3 + updates / 1000) for updates in (250, 300, 350, 400)))
    assert "has risen since" in forecast(model(curve=rising), fall=0.1)
    assert "too few to forecast" in forecast(model(curve=FALLING[-3:]), fall=0.1)
    assert "never fell" in forecast(model(curve=((0, 2.0), (50, 3.0))), fall=0.1)
    assert "more than 40,000 updates" in forecast(model(), fall=8 * 400**-0.5 - 8 * 100_000**-0.5)


def test_a_model_that_copies_the_training_music_bars_the_verdict_however_low_its_loss() -> None:
    def near(share: Estimate) -> dict[str, Copies]:
        nearest = Nearest(median=0.1, suspicious=share, clips=48)
        return {"copies": Copies(windows=100, border=0.2, systems={"flow_matching": nearest})}

    innocent = standing(study().model_copy(update={"copies": near(around(0.1, 0.08))}))
    assert innocent.passed
    guilty = standing(study().model_copy(update={"copies": near(around(0.9, 0.08))}))
    assert [gate.passed for gate in guilty.gates] == [True, False]
    assert "copies its training music" in guilty.reasons[0]


def test_judges_that_are_given_training_music_bar_the_verdict_of_models_that_have_learned() -> None:
    honest = Reference(splits=("test", "valid"), tracks=48)
    assert standing(study().model_copy(update={"references": {"evaluate": honest}})).passed
    found = standing(study().model_copy(update={"references": {"evaluate": honest.model_copy(update={"trained": 9})}}))
    assert not found.passed and "music that the models were trained on" in found.sentence
    assert "9 pieces of the reference. Add music to the dataset" in found.reasons[0]
