"""What the page of a study of controls is made from: its study, results and how well each system follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from counterpoint.metrics.preferences import best_judge
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import System
from counterpoint.report.numbers import listed
from counterpoint.results.schema import Results
from counterpoint.study.kinds.controls import ControlStudy
from counterpoint.study.pages.looks import of_paradigm, shown_systems
from counterpoint.study.pages.steered import ADHERE, measures
from counterpoint.study.pages.words import outcome

FIDELITY = {"fidelity": "FAD", "text": "Clap"}
"""Families of judges in the columns of the paper's table, with its names."""


class ControlsPage:
    """What is known of a study of controls, ready to be written down.

    Attributes:
        judges, paper_way: the metric that judges each control, against exact truth where it is known, and as the paper
            does.
        fidelity: by family, the judges of what control may cost.
    """

    def __init__(self, study: ControlStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged(ADHERE, "evaluate")
        self.given = study.training.controls
        self.paradigms = list(study.trained())
        self.judges, self.paper_way = (measures(self.judged, self.given, played=played) for played in (True, False))
        found = {family: best_judge(family, self.judged.metrics) for family in FIDELITY}
        self.fidelity = {family: metric for family, metric in found.items() if metric}
        own = {system.key: system for paradigm in self.paradigms for system in self._systems(paradigm)}
        self.systems = shown_systems(results, self.judged, own=own)

    def _systems(self, paradigm: str) -> Iterator[System]:
        entry, mark = PARADIGMS[paradigm], of_paradigm(paradigm)
        steered = "The model with controls"
        for mode, name, what, look in (
            ("all", "all", f"{steered}, given {listed(self.given)}.", mark),
            *((name, name, f"{steered}, {name} alone.", replace(mark, fill="half")) for name in self.given),
            ("null", "nothing", f"{steered}, given none of them.", replace(mark, fill="hollow")),
            ("text", "text model", "A model that knows no controls.", replace(mark, fill="dotted")),
        ):
            name, short = f"{entry.label}, {name}", f"{entry.short}, {name}"
            yield System(key=f"{paradigm}_{mode}", name=name, short=short, what=what, mark=look)

    def short(self, paradigm: str, mode: str) -> str:
        words = {"null": "nothing", "text": "text model"}
        return f"{PARADIGMS[paradigm].short}, {words.get(mode, mode)}"

    def better(self, metric: str, first: str, second: str) -> str:
        """`first`, `second` or `open`, as the test says; "" where there was none."""
        return outcome(self.judged, metric, first, second) or ""
