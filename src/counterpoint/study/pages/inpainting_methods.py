"""What was compared in a study of inpainting, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Fact, Text
from counterpoint.report.numbers import count, duration
from counterpoint.study.kinds.inpainting import TRAINED
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.filling import (
    AR,
    FM,
    METHODS,
    noun,
)
from counterpoint.study.pages.notes import common_notes, judges_note, trained_times

if TYPE_CHECKING:
    from counterpoint.study.pages.inpainting_page import InpaintingPage


_DECIDES = (
    "In the verdict a method is ahead of another if it is shown to be better by one of the measures named and worse by "
    "none; the tests of different pairs are not corrected for each other"
)


def inpainting_facts(page: InpaintingPage) -> list[Fact]:
    study, results, steps = page.study, page.results, page.study.inpainting.steps
    trained = study.training.model_copy(update={"optimizer": study.inpainting.optimizer})
    models = [results.models[f"inpaint_{paradigm}"] for paradigm in TRAINED.values()]
    drawn = [f"{METHODS[key].short}: {said.settings_words(own)}" for key, own in study.sampling.items()]
    seeds = f"clip i has seed {study.prompts.seed} + i; {study.prompts.batch_size} clips a batch"
    return [
        *said.data_facts(results),
        _task_fact(page),
        *said.model_facts(study.model_copy(update={"training": trained}), models, steps=steps),
        *_text_model_fact(page),
        Fact("Sampling", "; ".join([*drawn, seeds])),
        *_ending_fact(page),
        *said.machine_facts(results),
    ]


def _task_fact(page: InpaintingPage) -> Fact:
    task = next(iter(page.results.spans.values()))
    began = {
        paradigm: "fine-tuned from its model of text alone"
        if page.results.models[f"inpaint_{paradigm}"].config.start
        else "trained from scratch"
        for paradigm in TRAINED.values()
    }
    same = len({*began.values()}) == 1
    how = (
        f"each model {next(iter(began.values()))}"
        if same
        else ", ".join(f"{PARADIGMS[key].label.lower()} {words}" for key, words in began.items())
    )
    return Fact(
        "Spans",
        f"one of {task.mask_s:g} s in each clip of {task.duration_s:g} s, begun anywhere with {task.margin_s:g} s or "
        f"more of music on both sides, the same for every system; {page.study.inpainting.share:.0%} of the training "
        f"examples have a span hidden; {how}",
    )


def _text_model_fact(page: InpaintingPage) -> list[Fact]:
    """The model that the zero-shot methods steer."""
    model = page.results.models.get(f"train_{TRAINED[FM]}")
    if model is None:
        return []
    result, label = model.result, PARADIGMS[TRAINED[FM]].label.lower()
    what = f"{label}, text to music ({count(result.parameters)} parameters), {result.steps:,} updates"
    return [Fact("Zero-shot model", f"{what} ({duration(result.wall_s)}); it has never seen a span hidden")]


def _ending_fact(page: InpaintingPage) -> list[Fact]:
    """How well auto-regression knows where a span ends; nothing where it was not there, or was not asked."""
    filling = page.results.fillings.get(f"generate_{AR}")
    if filling is None or filling.mean_ending is None:
        return []
    sure = f"{noun(AR)} finds it {filling.mean_ending:.0%} probable, on average, that a span ends where it has to"
    return [Fact("Endings", sure)]


def inpainting_notes(page: InpaintingPage) -> list[Text]:
    seams = page.results.evaluations["seams"]
    models = [page.results.models[f"inpaint_{paradigm}"] for paradigm in TRAINED.values()]
    general = common_notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(models),
        own_data=page.results.study.own_data,
        decides=_DECIDES,
        without=["What is held equal", "Loudness"],
    )
    equal = Text(title="What is held equal", paragraphs=[_EQUAL, trained_times(page.study)])
    remarks = [Text(title="Remarks on the seams", items=seams.notes)] if seams.notes else []
    judges = judges_note(seams.metrics, title="How seams are measured", tail=_SEAMS)
    return [equal, judges, *_OTHERS, *remarks, *general]


_EQUAL = (
    "Every method replaces the same spans of the same clips, with the same captions. Outside the span and a short "
    "crossfade every clip is the true music, sample by sample. The supervised models share segments, their order, "
    "captions, backbone, number of updates and batch size; equal updates are not equal time."
)


_SEAMS = (
    "They hear whether a span joins its surroundings, not whether it is good music; a span that repeats what stands "
    "beside it joins well. The ground truth is what true music scores at a place where nothing was cut, the "
    "reconstructions what the codec alone does to it, and the anchors what does not fit at all. The paper asks "
    "listeners instead, and so does `counterpoint listen`."
)


_OTHERS = (
    Text(
        title="The best take",
        paragraphs=[
            "Of each clip's zero-shot takes the one whose seams score best is kept, by measurements of the clip alone: "
            "they may be taken where the true music is not known. What has been chosen by its seams looks good at its "
            "seams; only its other scores, and those of the methods by themselves, are evidence."
        ],
    ),
    Text(
        title="Loudness",
        paragraphs=[
            "Metrics hear every clip at -20 dBFS (RMS). Here all versions of a clip have one gain, that of its true "
            "music, so that what they share sounds the same in each."
        ],
    ),
)
