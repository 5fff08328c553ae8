"""What was compared in a grid, and how."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from counterpoint.report import (
    Fact,
    Text,
)
from counterpoint.report.numbers import listed
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.notes import common_notes

if TYPE_CHECKING:
    from counterpoint.study.pages.grid_page import GridPage


VARIED = " Where an axis sets one of these, it is as the axis says."


_LENGTHS = Text(
    title="Several lengths of clips",
    paragraphs=[
        "Clips of each length answer prompts of that length and are judged against reference clips of that length, "
        "apart from those of other lengths. Floors are given for each; differences are tested within one length alone."
    ],
)


_BESIDE = Text(
    title="Beside the paper",
    paragraphs=[
        "The paper's models are of 400M parameters and its metrics are of other judges or of other music. Numbers of "
        "ours and of the paper are on different scales unless they bear the same name; what can be compared is the "
        "order of the rows."
    ],
)


def grid_headline(page: GridPage) -> list[Fact]:
    grid, results = page.grid, page.results
    runs = {step for model in grid.models for step in grid.runs(model)}
    seeds = max(len(grid.runs(model)) for model in grid.models)
    own = (
        [
            said.budget_headline(page.study.training),
            said.parameters_headline(results.models[grid.runs(model)[0]] for model in grid.models),
        ]
        if page.is_pair
        else [
            Fact("Grid", f"{len(grid.cells)} cells of {listed([axis.name for axis in grid.axes])}"),
            Fact("Training runs", f"{len(runs)}{f', {seeds} seeds each' if seeds > 1 else ''}"),
        ]
    )
    prompts = "; ".join(f"{counted}, held out" for counted in _prompt_counts(page).values())
    return [said.music_headline(results), *own, Fact("Prompts", prompts), said.time_headline(results)]


def _prompts_step(page: GridPage, label: str) -> str:
    several = f"prompts_{label}"
    return several if several in page.results.prompts else "prompts"


def _prompt_counts(page: GridPage) -> dict[str, str]:
    """By label of a length, how many."""
    return {
        label: f"{len(page.results.prompts[_prompts_step(page, label)].windows)} of {seconds:g} s"
        for label, seconds in page.grid.durations.items()
    }


def grid_facts(page: GridPage) -> list[Fact]:
    study, grid, training = page.study, page.grid, page.study.training
    own = list(_axis_facts(page)) if not page.is_pair else []
    note = VARIED if not page.is_pair else ""
    models = [page.results.models[grid.runs(model)[0]] for model in grid.models]
    paradigms = dict.fromkeys(cell.study.paradigm for cell in grid.cells)
    return [
        said.music_fact(page.results),
        Fact("Prompts", _captions(page)),
        *own,
        Fact("Codec" if len(page.results.latents) == 1 else "Codecs", "; ".join(_codecs(page))),
        *(
            said.model_facts(study, models)
            if page.is_pair
            else [
                said.backbone_fact(training, "Backbone of all"),
                said.budget_fact(training, note=f".{note}"),
                said.optimiser_fact(training, "Optimiser of all"),
            ]
        ),
        said.sampling_fact(study, {name: study.sampling_of(name) for name in paradigms}, note=note and f".{note}"),
        *said.machine_facts(page.results),
    ]


def _codecs(page: GridPage) -> Iterator[str]:
    for spec in page.results.latents.values():
        yield (
            f"{Path(spec.codec).name}: {spec.sample_rate:,} Hz mono, {spec.frame_rate:g} frames a second, "
            f"{spec.num_codebooks} codebooks of {spec.codebook_size:,} codes, {spec.latent_dim} latent channels; "
            f"fingerprint {spec.fingerprint}"
        )


def _axis_facts(page: GridPage) -> Iterator[Fact]:
    for axis in page.grid.axes:
        yield Fact(f"Axis {axis.name}", f"{', '.join(axis.labels.values())}; changes {listed(axis.sets)}")


def _captions(page: GridPage) -> str:
    others = page.study.prompts_from
    whose = {"": "held-out music", "composed": "music composed with another seed"}.get(others, Path(others).name)
    return f"captions of windows of {whose}: {listed([*_prompt_counts(page).values()])}; never trained on"


def grid_notes(page: GridPage) -> list[Text]:
    lengths = [*page.grid.durations]
    own = [
        *_prompts_from(page.study),
        *([_LENGTHS] if len(lengths) > 1 else []),
        *([_BESIDE] if page.paper else []),
    ]
    models = [page.results.models[page.grid.runs(model)[0]] for model in page.grid.models]
    return common_notes(
        page.study,
        page.judged.evaluations.values(),
        page.results.prompts[_prompts_step(page, lengths[0])],
        budget=said.budget_words(models),
        own_data=page.results.study.own_data,
        decides=_decides(page.study.evaluation.primary, page.decided),
        own=own,
    )


def _prompts_from(study: GridStudy) -> list[Text]:
    """Of prompts that are not of the music that models learned from."""
    others = study.prompts_from
    if not others:
        return []
    whose = "an embedded corpus of another seed" if others == "composed" else f"the dataset {Path(others).name}"
    return [
        Text(
            title="Prompts",
            paragraphs=[
                f"Captions and ground truth are of {whose}, none of which any model has heard, and so is the reference "
                "of the distances. The examples on this page are spread evenly over the prompts; nobody chose them by "
                "ear."
            ],
        )
    ]


def _decides(primary: str, decided: str) -> str:
    if primary == decided:
        return ""
    return (
        f"The metric that was to decide, {primary}, is absent; {decided or 'no other'} decides in its place, the first "
        "of its family that is there, else the first of the table"
    )
