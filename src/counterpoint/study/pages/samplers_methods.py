"""What was compared in a study of samplers, and how."""

from __future__ import annotations

from counterpoint.report import (
    Fact,
    Text,
)
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import common_notes
from counterpoint.study.pages.samplers_page import DEFAULTS, SamplerPage


def sampler_facts(page: SamplerPage) -> list[Fact]:
    study, timing = page.study, page.study.timing
    return [
        *said.data_facts(page.results),
        *said.model_facts(study, page.results.models.values()),
        Fact(
            "Sampling",
            f"clip i has seed {study.prompts.seed} + i in every setting, and so the same noise; guidance "
            f"{DEFAULTS['guidance']:g} unless a setting says otherwise",
        ),
        Fact(
            "Time",
            f"{timing.batch_size} clips of {study.prompts.duration_s:g} s at once, text and codec included; median of "
            f"{timing.repeats} turns in which all settings take part one after another",
        ),
        *said.machine_facts(page.results),
    ]


def sampler_notes(page: SamplerPage) -> list[Text]:
    return common_notes(
        page.study,
        [page.results.evaluations["evaluate"]],
        page.results.prompts["prompts"],
        budget=said.budget_words(page.results.models.values()),
        own_data=page.results.study.own_data,
        own=[
            Text(title="Evaluations", paragraphs=[_EVALUATIONS]),
            Text(
                title="The best of many",
                paragraphs=[
                    f"The setting in the headline is the best of those within {page.study.budget} evaluations on the "
                    "very prompts it is judged by, so its score is a little flattered; all settings answer the same "
                    "prompts from the same noise, and the paired differences are what to read. The p-values of the "
                    "table are of one comparison each; only a name called better or worse has passed Holm's correction "
                    "over all pairs and metrics."
                ],
            ),
            Text(title="Beside the paper", paragraphs=[_BESIDE]),
        ],
    )


_EVALUATIONS = (
    "A pass of the network on a clip is one evaluation; with guidance it sees the clip twice, with and without the "
    "caption, and counts twice. Outside the interval of t in which a setting guides, it sees it once. Euler and Adams "
    "(Adams-Bashforth of order 2) pass once a step, midpoint and Heun twice; dopri5 as often as its tolerance asks, "
    "the number here being the most of any batch. A setting that guides in a part of the time draws from another "
    "distribution, less pulled to the caption: its distance measures that, too, and the match with the caption says "
    "what became of it."
)


_BESIDE = (
    "The paper's FAD rests on VGGish and models of 400M parameters after a million updates; ours is another distance "
    "on a small model. What can be read side by side is how much a number of steps costs, as a ratio to 50."
)
