"""What the page of a grid is made from: its study, results, cells and scores."""

from __future__ import annotations

from pathlib import Path

from counterpoint.claims.paper import paper_scores
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    System,
)
from counterpoint.results.schema import Results
from counterpoint.study.kinds.cells import Cell
from counterpoint.study.kinds.grid import GridStudy
from counterpoint.study.pages.grid_cells import PARADIGM, Grid
from counterpoint.study.pages.looks import shown_systems
from counterpoint.study.pages.steered import Steered
from counterpoint.study.pages.words import deciding


class GridPage:
    """What is known of a grid, ready to be written down section by section."""

    def __init__(self, study: GridStudy, results: Results):
        self.study, self.results = study, results
        steps = [step for step in results.evaluations if step.startswith("evaluate")]
        self.judged = results.judged(*steps)
        self.grid = Grid(study, results, self.judged)
        self.decided = deciding(self.judged, study.evaluation.primary, [cell.system for cell in self.grid.cells])
        own = {cell.system: self._system(cell) for cell in self.grid.cells}
        codecs = {cell.codec: self.grid.codec_place(cell.codec) for cell in self.grid.cells}
        self.systems = shown_systems(results, self.judged, own=own, lengths=self.lengths, codecs=codecs)
        self.paper = paper_scores(study.paper) if study.paper else None
        self.steered = Steered.of(results, study.training.controls)

    @property
    def lengths(self) -> list[str]:
        """Labels of lengths of clips, where there are several."""
        return [*self.grid.durations] if len(self.grid.durations) > 1 else []

    def _system(self, cell: Cell) -> System:
        label, runs = PARADIGMS[cell.study.paradigm].label, len(self.grid.runs(cell.model))
        what = f"{label}, trained from scratch on {Path(cell.study.codec).name}."
        what += f" {runs} training seeds." if runs > 1 else ""
        return System(key=cell.system, name=self.grid.name(cell), what=what, mark=self.grid.mark(cell))

    def of_origin(self, *origins: str) -> list[System]:
        """The systems that come from there, in order."""
        known = self.results.systems
        return [
            system
            for key, system in self.systems.items()
            if (known[key].origin if key in known else "floor") in origins
        ]

    @property
    def is_pair(self) -> bool:
        """A comparison of paradigms and of nothing else."""
        return [axis.key for axis in self.grid.axes] == [PARADIGM]
