"""What the page of a search is made from: its study, results and the confirmed settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from counterpoint.config import read_sampling
from counterpoint.paradigm.entry import PARADIGMS
from counterpoint.report import (
    System,
)
from counterpoint.results.schema import Results
from counterpoint.study.kinds.search import SearchStudy
from counterpoint.study.pages.looks import of_paradigm, shown_systems
from counterpoint.study.search.points import in_words

ENDS = {"default": "the setting to improve on", "tuned": "the best of the search"}


@dataclass(frozen=True)
class Confirmed:
    """A setting on the prompts that the search never saw.

    Attributes:
        words: the setting.
        passes, evaluations: of the network a clip; in the second the rows of guidance count.
        seconds: a clip, drawn in batches, text and codec included.
    """

    system: str
    words: str
    passes: int
    evaluations: int
    seconds: float


class SearchPage:
    """What is known of a search, ready to be written down.

    Attributes:
        searches: by paradigm.
        confirmed: by system, what was confirmed.
    """

    def __init__(self, study: SearchStudy, results: Results):
        self.study, self.results = study, results
        self.judged = results.judged("evaluate")
        self.metric = self.judged.metrics[study.evaluation.primary]
        self.searches = {step.removeprefix("search_"): found for step, found in results.searches.items()}
        found = [self._confirmed(paradigm, end) for paradigm in self.searches for end in ENDS]
        self.confirmed = {item.system: item for item in found}
        own = [self._system(paradigm, end) for paradigm in self.searches for end in ENDS]
        self.systems = shown_systems(results, self.judged, own={system.key: system for system in own})

    def _confirmed(self, paradigm: str, end: str) -> Confirmed:
        found, system = self.searches[paradigm], f"{paradigm}_{end}"
        report = self.results.generations[f"generate_{system}"].report
        point = found.point(found.default if end == "default" else found.chosen)
        words = in_words(read_sampling(paradigm, dict(point.sampling)))
        each = report.latency_s / report.clips
        return Confirmed(system, words, report.network_evaluations, report.model_evaluations, each)

    def _system(self, paradigm: str, end: str) -> System:
        entry, mark = PARADIGMS[paradigm], of_paradigm(paradigm)
        words = self.confirmed[f"{paradigm}_{end}"].words
        return System(
            key=f"{paradigm}_{end}",
            name=f"{entry.label}, {end}",
            short=f"{entry.short}, {end}",
            what=f"{words[:1].upper()}{words[1:]}: {ENDS[end]}.",
            mark=mark if end == "tuned" else replace(mark, fill="hollow"),
        )
