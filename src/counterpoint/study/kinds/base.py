"""What every kind of study is: a typed configuration that plans its own steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from counterpoint.config.registry import load_object
from counterpoint.config.schema import Config
from counterpoint.study.engine import Source, Step, in_order
from counterpoint.study.settings import ComposeConfig, Examples
from counterpoint.study.surroundings import Surroundings, Unseen
from counterpoint.study.workload import Workload

if TYPE_CHECKING:
    from counterpoint.report import Report
    from counterpoint.results.schema import Results, System


class Study(Config, ABC):
    """The configuration of a study, of one kind or another."""

    scaled: ClassVar[tuple[str, ...]] = ()
    """Fields that take the values in `scales.yaml` at the scales which a study's file names."""
    page: ClassVar[str]
    """The function that writes the report, MODULE:FUNCTION; (study, results) to a `Report`. It knows the kind of study,
    and so is imported when it is needed."""

    kind: Any
    """Its name in the registry; each kind narrows it to that name."""
    reproduces: str = ""
    """What it reproduces of the paper: "Table 2"."""
    cost: str = ""
    """What it took where it was measured, a few words."""
    examples: Examples = 8
    """Prompts whose clips the report lets people hear."""
    compose: ComposeConfig = ComposeConfig()
    """The embedded corpus; left unused where a dataset is given."""

    @abstractmethod
    def steps_in(self, around: Surroundings) -> Iterable[Step | Source]:
        """All that the study computes and builds on; what it does not name, but a step needs, is computed too.

        Raises:
            UserError: something that would fail later can be seen to fail now.
        """

    def plan(self, *, dataset: Path | None = None) -> dict[str, Step | Source]:
        """The steps by the names under which results list them.

        Args:
            dataset: the user's own, instead of composing.

        Raises:
            UserError: see `steps_in`.
        """
        return {step.name: step for step in self.steps_in(Surroundings(dataset))}

    def workload(self, *, dataset: Path | None = None) -> Workload:
        """What its steps would compute: it needs no network, no weights of codecs and no music."""
        return Workload.of(in_order(self.steps_in(Unseen(dataset))))

    def report(self, results: Results) -> Report:
        """What it says of its results."""
        return load_object(self.page)(self, results)

    def describe(self, steps: Mapping[str, Step | Source]) -> Mapping[str, System]:
        """The sources of clips that its steps judge, by key."""
        from counterpoint.study.systems import systems_of

        return systems_of(steps)

    @abstractmethod
    def summary(self) -> str:
        """What is compared, in a few words."""

    def shortcuts(self) -> dict[str, str]:
        """Links in the study's folder: name to step."""
        return {}

    def next_command(self, out: Path) -> str:
        """What to try with the result in `out`; "" where there is nothing."""
        del out
        return ""
