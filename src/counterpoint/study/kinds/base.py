"""The common interface of all kinds of studies: a typed configuration that plans its own steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from counterpoint.bench.workload import Workload
from counterpoint.config.registry import load_object
from counterpoint.config.schema import Config
from counterpoint.study.settings import ComposeConfig, Examples
from counterpoint.study.surroundings import Surroundings, Unseen
from counterpoint.study.work import Source, Step, in_order

if TYPE_CHECKING:
    from counterpoint.report import Report
    from counterpoint.results.schema import Results, System


class Study(Config, ABC):
    """The configuration of a study of any kind."""

    scaled: ClassVar[tuple[str, ...]] = ()
    """Fields whose values in `scales.yaml` apply at the scales that a study's file names."""
    page: ClassVar[str]
    """The function that writes the report, as MODULE:FUNCTION; (study, results) to a `Report`. It depends on the kind
    of study, and so is imported when it is needed."""

    kind: Any
    """Its name in the registry; each kind narrows the type to that name."""
    reproduces: str = ""
    """The part of the paper that it reproduces: "Table 2"."""
    cost: str = ""
    """Its measured cost in a few words."""
    examples: Examples = 8
    """Number of prompts whose clips the report plays."""
    compose: ComposeConfig = ComposeConfig()
    """The embedded corpus, which is not used if a dataset is given."""

    @abstractmethod
    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        """All steps that the study computes, and their inputs, which need not be listed.

        Raises:
            UserError: an error is foreseeable that would otherwise occur later.
        """

    def plan(self, *, dataset: Path | None = None) -> dict[str, Step | Source]:
        """The steps by the names under which results list them.

        Args:
            dataset: the user's own dataset, instead of composed music.

        Raises:
            UserError: see `steps_in`.
        """
        return {step.name: step for step in self.steps_in(Surroundings(dataset))}

    def workload(self, *, dataset: Path | None = None) -> Workload:
        """The work of its steps; estimating it needs no network, no weights of codecs and no music."""
        steps = in_order(self.steps_in(Unseen(dataset)))
        return Workload.sum([step.function.workload(step) for step in steps])

    def report(self, results: Results) -> Report:
        """The report of its results."""
        return load_object(self.page)(self, results)

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        """The sources of clips that its steps judge, by key."""
        from counterpoint.study.systems import systems_of

        return systems_of(steps)

    @abstractmethod
    def summary(self) -> str:
        """The comparison in a few words."""

    def shortcuts(self) -> dict[str, str]:
        """Links in the study's folder: name to step."""
        return {}

    def next_command(self, out: Path) -> str:
        """A command to try with the results in `out`; "" without any."""
        del out
        return ""
