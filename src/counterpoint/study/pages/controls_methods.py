"""What was compared in a study of controls, and how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from counterpoint.report import Fact, Text
from counterpoint.report.numbers import listed
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import common_notes, judges_note
from counterpoint.study.pages.steered import ADHERE

if TYPE_CHECKING:
    from counterpoint.study.pages.controls_page import ControlsPage


def controls_facts(page: ControlsPage) -> list[Fact]:
    study, results = page.study, page.results
    models = [results.models[f"train_{key}"] for key in page.paradigms]
    tracks: Mapping[Any, str] = results.models[f"train_{page.paradigms[0]}_controlled"].config.data.tracks
    taught = listed([tracks.get(name, name) for name in page.given])
    return [
        *said.data_facts(results),
        *said.model_facts(study, models),
        Fact(
            "Controls",
            f"{taught}, at the latents' frame rate; each embedded in {study.training.control_width} channels, hidden "
            f"from a sample with probability {study.training.control_dropout:g}",
        ),
        said.sampling_fact(study, {key: study.sampling_of(key) for key in page.paradigms}),
        *said.machine_facts(results),
    ]


def controls_notes(page: ControlsPage) -> list[Text]:
    adherence = page.results.evaluations[ADHERE]
    models = [page.results.models[f"train_{key}"] for key in page.paradigms]
    own = common_notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(models),
        own_data=page.results.study.own_data,
    )
    remarks = [Text(title="Remarks on adherence", items=adherence.notes)] if adherence.notes else []
    exact = any(key.endswith("_exact") for key in page.judges.values())
    return [
        judges_note(adherence.metrics, title="How following is measured", tail=_targets(exact)),
        *_ADHERENCE,
        *remarks,
        *own,
    ]


def _targets(exact: bool) -> str:
    truth = (
        "Where the music is composed, chords, melody and beats are known, and a name that ends in _exact says that a "
        "score is against those. The ground truth row of such a score is the ceiling of its extractor: no clip can be "
        "expected to be heard better than the real music is. "
    )
    return (
        f"{truth if exact else ''}Other scores are against what the same extractor hears in the prompt's own music, as "
        "in the paper; its errors count on both sides. Another clip is the music of another prompt held against this "
        "one's target: what following nothing scores, which is above zero, since music shares beats and keys."
    )


_ADHERENCE = (
    Text(
        title="What was given",
        paragraphs=[
            "Every prompt is a caption and what its own music plays. All: every control. One alone: the others are not "
            "given, in the paper's words set to the null token. Nothing: the same model without any. Text model: "
            "another model, which has never had controls; it is what the cost of control is measured against."
        ],
    ),
    Text(
        title="Not the paper's extractors",
        paragraphs=[
            "The paper hears chords with Chordino and downbeats with a trained network. Here each metric's name says "
            "what has heard it. An intersection over union of two labellings of T frames that agree in m of them is "
            "m / (2 T - m); the paper does not define its own, and nothing certifies that the two are the same."
        ],
    ),
)
