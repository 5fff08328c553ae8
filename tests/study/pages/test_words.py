"""Words say what the intervals and tests allow, and no more."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from counterpoint.metrics import Difference, Evaluation, MetricInfo, Score
from counterpoint.metrics.base import Fit
from counterpoint.results.parts import Prompts, Window
from counterpoint.results.schema import Judged
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.notes import common_notes, trained_times
from counterpoint.study.pages.words import compared, deciding, sides, warnings

PAIR = ("ar", "fm")
NAMES = {"ar": "auto-regression", "fm": "flow matching"}
FAD = MetricInfo("fad_musicnn", "", "", "lower", title="Distance to real music")
TAGS = MetricInfo("tag_match_musicnn", "", "sd", "higher", chance=0.0, title="Match with the caption")
BRIGHTNESS = MetricInfo("sig_centroid_hz", "", "Hz", "neither")
VALUES = {"ar": (13, 11, 15), "fm": (16, 14, 18), "bigram": (70, 60, 80), "gaussian": (17, 15, 19),
          "ground_truth": (4, 3, 5)}  # fmt: skip
FIRST = Difference("fad_musicnn", *PAIR, -3.3, -5.1, -1.6, 0.001, 0.003, 64, True)


def score(info: MetricInfo, value: float, low: float, high: float, **changes: Any) -> Score:
    return Score(info.name, value, low, high, 64, info.unit, info.better, **changes)


Span = tuple[float, float, float]


def evaluation(*differences: Difference, fad: MetricInfo = FAD, tags: Span = (0.1, -0.1, 0.3)) -> Evaluation:
    scores = {key: {fad.name: score(fad, *span)} for key, span in VALUES.items()}
    for key in PAIR:
        scores[key][TAGS.name] = score(TAGS, *tags)
    metrics = (fad, TAGS, BRIGHTNESS)
    return Evaluation(64, 0, metrics, scores, {}, differences, {}, ())


def judged(*differences: Difference, **changes: Any) -> Judged:
    found = Judged({"evaluate": evaluation(*differences, **changes)})
    found.metrics.setdefault(BRIGHTNESS.name, BRIGHTNESS)
    return found


def said(*differences: Difference, **changes: Any) -> str:
    return compared(judged(*differences, **changes), "fad_musicnn", *PAIR, NAMES, truth="ground_truth")


def test_a_lower_distance_is_better_and_stands_beside_real_music() -> None:
    assert said(FIRST) == (
        "Auto-regression does better than flow matching in distance to real music (fad_musicnn): 13.0 [11.0, 15.0] "
        "against 16.0 [14.0, 18.0] (real music: 4.0 [3.0, 5.0]; lower is better). The gap, 3.3 [1.6, 5.1], is well "
        "outside chance."
    )


def test_the_sign_and_the_direction_turn_the_sentence() -> None:
    turned = replace(FIRST, value=3.3, low=1.6, high=5.1)
    assert said(turned).startswith("Flow matching does better than auto-regression")
    assert said(FIRST, fad=replace(FAD, better="higher")).startswith("Flow matching does better than auto-regression")


@pytest.mark.parametrize(
    ("low", "high", "p_holm"),
    [(-5.1, 0.2, 0.2), (-0.1, 4.0, 0.001), (-5.1, -1.6, 0.06)],
    ids=["interval holds zero", "interval holds zero though p is small", "p too large once corrected"],
)
def test_no_difference_is_claimed_that_is_not_shown(low: float, high: float, p_holm: float) -> None:
    sentence = said(replace(FIRST, low=low, high=high, p_holm=p_holm))
    assert sentence.startswith("No difference between auto-regression and flow matching could be shown")
    assert "does better" not in sentence and "could be chance" in sentence
    assert ("excludes zero" in sentence) == (p_holm == 0.06)


def test_a_pair_that_was_not_tested_is_not_compared() -> None:
    assert said() == "The two were not compared in distance to real music (fad_musicnn)."


def test_metrics_are_sorted_by_whom_their_tests_favour() -> None:
    tags = Difference("tag_match_musicnn", *PAIR, -0.1, -0.15, -0.05, 0.001, 0.002, 64, True)
    brightness = Difference("sig_centroid_hz", *PAIR, -300, -400, -200, 0.001, 0.002, 64, True)
    found = judged(FIRST, tags, brightness)
    names = [FAD.name, TAGS.name, BRIGHTNESS.name, "absent"]
    assert sides(found, names, *PAIR) == {"first": [FAD.name], "second": [TAGS.name], "open": [BRIGHTNESS.name]}


def test_a_reader_is_warned_of_what_is_at_chance_and_of_what_no_training_was_needed_for() -> None:
    trained, floors = {"ar": "AR", "fm": "FM"}, {"gaussian": "Linear-Gaussian field"}
    deaf = warnings(judged(FIRST), "fad_musicnn", trained, floors)
    assert len(deaf) == 1 and deaf[0].startswith("No model has been shown to follow its caption yet: AR 0.10")
    assert warnings(judged(FIRST, tags=(0.5, 0.3, 0.7)), "fad_musicnn", trained, floors) == []
    [worse] = warnings(judged(FIRST, tags=(0.5, 0.3, 0.7)), "fad_musicnn", {"gaussian": "B"}, {"ar": "A"})
    assert worse == "B (17.0 [15.0, 19.0]) is no better than A (13.0 [11.0, 15.0]), by fad_musicnn."


def test_another_judge_of_the_family_decides_where_the_primary_is_absent() -> None:
    found = judged(FIRST)
    assert deciding(found, "fad_musicnn", PAIR) == "fad_musicnn" == deciding(found, "fad_vggish", PAIR)
    assert deciding(found, "pq_audiobox", PAIR) == "fad_musicnn" and deciding(found, "fad_musicnn", ["other"]) == ""


def study(**changes: Any) -> GridStudy:
    axes = {"paradigm": {"keys": ["paradigm"], "values": {"autoregressive": "autoregressive"}}}
    return GridStudy.model_validate({"kind": "grid", "axes": axes, **changes})


def test_an_extrapolated_distance_shows_the_line_it_rests_on() -> None:
    fit = Fit(points=((128, 9.5), (512, 7.25)), slope=320.5, residual=0.125)
    windows = tuple(
        Window(id=f"{i}", row=f"song {i}", group="", split="test", start_s=0.0, caption="A song") for i in range(8)
    )
    found = evaluation()
    own = {"fm": {"fad_inf_vggish": score(replace(FAD, name="fad_inf_vggish"), 6.5, 6, 7, fit=fit)}}
    for scores, is_there in ((own, True), (found.scores, False)):
        results: Any = SimpleNamespace(
            evaluations={"evaluate": replace(found, scores=scores)},
            prompts={"prompts": Prompts(duration_s=5.0, windows=windows)},
            models={"train": SimpleNamespace(result=SimpleNamespace(parameters=10, steps=2, wall_s=1.0))},
            study=SimpleNamespace(own_data=False),
        )
        notes = common_notes(study(), results)
        lines = {note.title: note for note in notes}
        assert ("Distances extrapolated to infinitely many clips" in lines) == is_there
        if is_there:
            [line] = lines["Distances extrapolated to infinitely many clips"].items
            assert all(number in line for number in ("fad_inf_vggish", "at 128", "at 512", "7.2", "320", "0.12"))


def test_the_reader_is_told_how_often_a_model_was_trained() -> None:
    assert "trained once (seed 3)" in trained_times(study(training={"seed": 3}))
    several = trained_times(study(seeds=[0, 1, 2]))
    assert "3 times (seeds 0, 1, 2)" in several and "training seeds" in several
