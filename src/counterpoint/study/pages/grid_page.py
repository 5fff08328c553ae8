"""The data of a grid's page: its study, results, cells and scores; the facts about the comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from counterpoint.claims.paper import paper_scores
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import Fact, System, Text
from counterpoint.report.numbers import listed
from counterpoint.results.schema import Results
from counterpoint.runs import shipped_models
from counterpoint.study.kinds.cells import Cell
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages import facts as said
from counterpoint.study.pages.grid_cells import FROM_SCRATCH, PARADIGM, Grid
from counterpoint.study.pages.looks import shown_systems
from counterpoint.study.pages.notes import common_notes, prose
from counterpoint.study.pages.page import Page
from counterpoint.study.pages.words import deciding

VARIED = " Settings of an axis override these."


class GridPage(Page[GridStudy]):
    """The data of a grid's page, to be written section by section."""

    def __init__(self, study: GridStudy, results: Results):
        super().__init__(study, results)
        self.steps = [step for step in results.evaluations if step.startswith("evaluate")]
        self.judged = results.judged(*self.steps)
        self.grid = Grid(study, results, self.judged)
        self.decided = deciding(self.judged, study.evaluation.primary, [cell.system for cell in self.grid.cells])
        own = {cell.system: self._system(cell) for cell in self.grid.cells}
        codecs = {cell.codec: self.grid.codec_place(cell.codec) for cell in self.grid.cells}
        self.systems = shown_systems(results, self.judged, own=own, lengths=self.lengths, codecs=codecs)
        self.paper = paper_scores(study.paper) if study.paper else None

    @property
    def lengths(self) -> list[str]:
        """Labels of lengths of clips, if there are several."""
        return [*self.grid.durations] if len(self.grid.durations) > 1 else []

    def _system(self, cell: Cell) -> System:
        label, runs = cell.paradigm.label, len(self.grid.runs(cell.model))
        start = cell.study.start_of(cell.study.paradigm)
        included = "the included model " if start in shipped_models() else ""
        how = f"fine-tuned from {included}{start}," if start else FROM_SCRATCH
        what = f"{label}, {how} on latents of {Path(cell.study.codec).name}."
        what += f" {runs} training seeds." if runs > 1 else ""
        return System(key=cell.system, name=self.grid.name(cell), what=what, mark=self.grid.mark(cell))

    def of_origin(self, *origins: str) -> list[System]:
        """The systems of the given origins, in order."""
        known = self.results.systems
        return [
            system
            for key, system in self.systems.items()
            if (known[key].origin if key in known else "floor") in origins
        ]

    @property
    def is_pair(self) -> bool:
        """Whether it is a comparison of paradigms only."""
        return [axis.key for axis in self.grid.axes] == [PARADIGM]


def grid_headline(page: GridPage) -> list[Fact]:
    grid, results = page.grid, page.results
    runs = {step for model in grid.models for step in grid.runs(model)}
    seeds = max(len(grid.runs(model)) for model in grid.models)
    starts = [page.study.start_of(cell.study.paradigm) for cell in grid.cells]
    own = (
        [
            said.budget_headline(page.study.training),
            *([Fact("Start", f"the included models, {listed(starts)}")] if page.study.start else []),
            said.parameters_headline(results.models[grid.runs(model)[0]] for model in grid.models),
        ]
        if page.is_pair
        else [
            Fact("Grid", f"{len(grid.cells)} cells of {listed([axis.name for axis in grid.axes])}"),
            Fact("Training runs", f"{len(runs)}{f', {seeds} seeds each' if seeds > 1 else ''}"),
        ]
    )
    prompts = "; ".join(f"{counted}, held out" for counted in _prompt_counts(page).values())
    return [said.music_headline(results), *own, Fact("Prompts", prompts)]


def _prompt_counts(page: GridPage) -> dict[str, str]:
    """The number of prompts by label of a length."""
    return {
        label: f"{len(page.results.prompts[f'prompts_{label}'].windows)} of {seconds:g} s"
        for label, seconds in page.grid.durations.items()
    }


def grid_facts(page: GridPage) -> list[Fact]:
    study, grid, training = page.study, page.grid, page.study.training
    own = list(_axis_facts(page)) if not page.is_pair else []
    note = VARIED if not page.is_pair else ""
    models = [page.results.models[grid.runs(model)[0]] for model in grid.models]
    codecs = [said.fact("codec", spec=spec, name=Path(spec.codec).name) for spec in page.results.latents.values()]
    sampling = {PARADIGMS[name].noun: study.sampling_of(name) for name in study.trained()}
    budget = said.fact("budget", it=training, updates=training.steps)
    return [
        said.music_fact(page.results),
        Fact("Prompts", _captions(page)),
        *own,
        Fact("Codec" if len(codecs) == 1 else "Codecs", "; ".join(codec.value for codec in codecs)),
        *(
            said.model_facts(study, models)
            if page.is_pair
            else [
                said.fact("backbone", it=training),
                Fact(budget.label, f"{budget.value}.{note}"),
                said.fact("optimiser", it=training),
            ]
        ),
        said.sampling_fact(study, sampling, note=note and f".{note}"),
    ]


def _axis_facts(page: GridPage) -> Iterator[Fact]:
    for axis in page.grid.axes:
        yield Fact(f"Axis {axis.name}", f"{', '.join(axis.labels.values())}; changes {listed(axis.sets)}")


def _captions(page: GridPage) -> str:
    others = page.study.prompts_from
    whose = {"": "held-out music", "composed": "music composed with another seed"}.get(others, Path(others).name)
    return f"captions of windows of {whose}: {listed([*_prompt_counts(page).values()])}; never used for training"


def grid_notes(page: GridPage) -> list[Text]:
    """Methods and limits."""
    others, lengths = page.study.prompts_from, [*page.grid.durations]
    primary, decided = page.study.evaluation.primary, page.decided
    whose = "an embedded corpus of another seed" if others == "composed" else f"the dataset {Path(others).name}"
    own = prose(
        "grid",
        whose=whose if others else None,
        lengths="" if len(lengths) > 1 else None,
        paper="" if page.paper else None,
    )
    instead = (
        f"The metric chosen for the verdict, {primary}, is absent; {decided or 'no other'} decides instead, the first "
        "available one of its family, else the first of the table"
    )
    return common_notes(
        page.study,
        page.results,
        models=[page.grid.runs(model)[0] for model in page.grid.models],
        judging=page.steps,
        prompts=f"prompts_{lengths[0]}",
        decides="" if primary == decided else instead,
        own=own,
    )
