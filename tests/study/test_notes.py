"""What a report says of its methods follows from what was done."""

from __future__ import annotations

from typing import Any

from counterpoint.study.report.notes import notes, trained_times

STUDY: dict[str, Any] = {"seeds": [], "training": {"seed": 3}, "evaluation": {"primary": "fad_musicnn"}}
WINDOWS = [{"row": f"song {i}", "caption": "A song"} for i in range(8)]


def titles_and_texts(scores: dict[str, Any]) -> dict[str, str]:
    evaluation = {"metrics": [], "scores": scores, "notes": [], "n": 8}
    found = notes(
        evaluation,
        prompts={"windows": WINDOWS, "duration_s": 5.0},
        study=STUDY,
        budget="Two models",
        own_data=False,
    )
    return {note.title: note.text for note in found}


def test_an_extrapolated_distance_shows_the_line_it_rests_on() -> None:
    fit = {"points": [[128.0, 9.5], [512.0, 7.25]], "slope": 320.5, "residual": 0.125}
    told = titles_and_texts({"fm": {"fad_inf_vggish": {"value": 6.5, "fit": fit}, "fad_vggish": {"fit": None}}})
    line = told["Distances extrapolated to endless clips"]
    assert line.startswith("fad_inf_vggish of fm: ") and line.count("\n") == 0
    for number in ("at 128", "at 512", "7.2", "320", "0.12"):
        assert number in line
    assert "Distances extrapolated to endless clips" not in titles_and_texts({"fm": {"fad_vggish": {"fit": None}}})


def test_the_reader_is_told_how_often_a_model_was_trained() -> None:
    assert "trained once (seed 3)" in trained_times(STUDY)
    several = trained_times({**STUDY, "seeds": [0, 1, 2]})
    assert "3 times (seeds 0, 1, 2)" in several and "the training seed" in several
